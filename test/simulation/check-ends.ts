/**
 * What a run leaves behind. Succeeded: the new version serves everything that users wrote. Rolled back or cancelled: the site is
 * as it was. Recovered: the old version serves everything written up to closing, or what a person knowingly gave up. And the
 * end says of the doors what is true.
 */
import type { RunEvent } from '@sitelift/domain/run/events.ts';
import type { Check, Fail, PlanOf } from './checker.ts';
import type { SiteState } from './world-log.ts';

interface SiteView {
  state: SiteState | null;
  /** When each item was written. */
  readonly written: Map<number, number>;
}

interface RunView {
  touched: boolean;
  /** A person asked to go back, skipped or did something by hand: some of what is missing is theirs. */
  askedBack: boolean;
  byHand: boolean;
  backupBegunAt: number | null;
}

export function checkEnds(planOf: PlanOf, fail: Fail): Check {
  const sites = new Map<string, SiteView>();
  const runs = new Map<string, RunView>();

  const siteView = (site: string): SiteView => {
    const found = sites.get(site) ?? { state: null, written: new Map() };
    sites.set(site, found);
    return found;
  };
  const runView = (run: string): RunView => {
    const found = runs.get(run) ?? { touched: false, askedBack: false, byHand: false, backupBegunAt: null };
    runs.set(run, found);
    return found;
  };

  const contentKept = (run: string, site: SiteView, say: (text: string) => void, end: string): void => {
    const { plan } = planOf(run);
    const view = runView(run);
    const kept = new Set(site.state?.content);
    const missing = [...site.written].filter(([item]) => !kept.has(item));
    if (missing.length === 0) return;
    const begunAt = view.backupBegunAt ?? 0;
    const accepted = missing.every(([, at]) => at >= begunAt && at - begunAt <= plan.backup.acceptedLossMs);
    if (end === 'recovered' && (view.askedBack || accepted)) {
      // Given up, once and for all.
      for (const [item] of missing) site.written.delete(item);
      return;
    }
    say(`${missing.length} records that users wrote are gone`);
  };

  const ended = (run: string, event: RunEvent & { kind: 'run-ended' }): void => {
    const { plan, needs } = planOf(run);
    const view = runView(run);
    const site = siteView(plan.instance.id);
    const { state } = site;
    if (state === null || !view.touched) return;
    const say = (text: string): void => fail(`end ${event.state}`, `${run}: ${text}`);
    if (event.siteOpen !== null && event.siteOpen !== (state.page === 'open'))
      say(`it says that the site is ${event.siteOpen ? 'open' : 'closed'}, which is not so`);
    contentKept(run, site, say, event.state);
    if (view.byHand) return;
    const forward = event.state === 'succeeded';
    const version = forward ? plan.to.version : plan.from.version;
    if (state.page !== 'open') say('the page is still up');
    const { version: served, running } = state[state.serving];
    if (served !== version || !running) say(`${served ?? 'nothing'} is served, not ${version}`);
    if (state.schema !== needs[version]) say(`the schema is ${state.schema}`);
    const asItWas = event.state === 'rolled-back' || event.state === 'cancelled';
    if (asItWas && (state.green.version !== null || state.serving !== 'blue'))
      say('the site is not as it was: the new code is still beside the old');
  };

  return {
    see: (entry) => {
      switch (entry.kind) {
        case 'effect':
          siteView(entry.job.site).state = entry.site;
          runView(entry.job.run).touched = true;
          break;
        case 'by-hand':
          siteView(entry.site).state = entry.state;
          break;
        case 'written': {
          const site = siteView(entry.site);
          site.written.set(entry.item, entry.at);
          if (site.state !== null)
            site.state = { ...site.state, content: [...site.state.content, entry.item] };
          break;
        }
        case 'row': {
          const { run, event } = entry;
          const view = runView(run);
          if (event.kind === 'roll-back-requested' || event.kind === 'cancel-requested')
            view.askedBack = true;
          if (event.kind === 'step-skipped' || event.kind === 'step-done-by-hand') view.byHand = true;
          if (event.kind === 'step-ended' && event.backup !== null) view.backupBegunAt = event.backup.begunAt;
          if (event.kind === 'run-ended') ended(run, event);
          break;
        }
        default:
      }
    },
  };
}
