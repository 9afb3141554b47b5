/**
 * The texts of the notices that a run sends, by template name. Plain text with the site's own time and zone; every value is
 * ours or the vendor's own, none comes from a host. One word per idea, no "please", the consequence said.
 */
import type { EpochMs } from '../time/instant.ts';
import { forecastClosedMs, type StepHistory } from './forecast.ts';
import type { RunPlan } from './plan.ts';

export interface NoticeText {
  readonly subject: string;
  readonly body: string;
}

/** Formats an instant for the site's people: local time with its zone. Provided by the shell (`Intl`). */
export type FormatTime = (at: EpochMs, zone: string) => string;

interface NoticeFacts {
  readonly plan: RunPlan;
  readonly now: EpochMs;
  readonly history: StepHistory;
  readonly formatTime: FormatTime;
  /** Why the run turned back, when it did. */
  readonly reason: string | null;
}

const TEMPLATES: Readonly<Record<string, (facts: NoticeFacts) => NoticeText>> = {
  'upgrade-starting': ({ plan, now, history, formatTime }) => {
    const { slug, url, zone } = plan.instance;
    const until = formatTime(now + forecastClosedMs(plan, history), zone);
    return {
      subject: `${slug}: the upgrade to ${plan.to.version} starts now`,
      body: [
        `${url} is being upgraded from ${plan.from.version} to ${plan.to.version}.`,
        `It shows the maintenance page until about ${until}.`,
      ].join('\n'),
    };
  },
  'upgrade-done': ({ plan, now, formatTime }) => ({
    subject: `${plan.instance.slug}: upgraded to ${plan.to.version}`,
    body: `${plan.instance.url} is open again since ${formatTime(now, plan.instance.zone)} and runs ${plan.to.version}.`,
  }),
  'upgrade-rolled-back': ({ plan, now, formatTime, reason }) => ({
    subject: `${plan.instance.slug}: back on ${plan.from.version}`,
    body: [
      `The upgrade of ${plan.instance.url} to ${plan.to.version} was taken back.`,
      `The site runs ${plan.from.version} with its content as of closing, since ${formatTime(now, plan.instance.zone)}.`,
      ...(reason === null ? [] : [`Why: ${reason}`]),
    ].join('\n'),
  }),
};

/** Names of the templates that a playbook may use in `notify`. */
export const NOTICE_TEMPLATES: readonly string[] = Object.keys(TEMPLATES);

/** Null for a template that does not exist; the playbook check refuses such a name beforehand. */
export function renderNotice(template: string, facts: NoticeFacts): NoticeText | null {
  return TEMPLATES[template]?.(facts) ?? null;
}
