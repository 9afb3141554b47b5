/**
 * The hour: is a maintenance window open, does the work still fit into it (semantics 7), and when is the first instant at
 * which both a window is open and no freeze stands. No window at all is a loud refusal, never "any time": whoever wants that
 * says so by policy P3 (`any-time`).
 */
import type { Instance, ReleaseKind, WindowOccurrence } from '../fleet/fleet.ts';
import type { Fit } from '../time/first-fit.ts';
import { formatInstant, isKnownZone } from '../time/format-instant.ts';
import { MINUTE_MS, type EpochMs } from '../time/instant.ts';
import { finding, type Finding } from './finding.ts';
import type { FleetIndex } from './fleet-index.ts';
import { freezeAt, freezeText } from './start-findings.ts';

/** Windows and freezes alternate only so often within the horizon; more rounds than this mean "not in sight". */
const MOST_FREEZES_IN_A_ROW = 64;

export interface Hour {
  readonly findings: readonly Finding[];
  /** The window that is open and long enough, or the next such; null without one, and when any time will do. */
  readonly window: WindowOccurrence | null;
  /** First instant from `from` on at which a start is allowed; null when none is in sight. */
  readonly earliest: (from: EpochMs) => Fit | { readonly window: null; readonly startsAt: EpochMs } | null;
}

type FitFrom = (from: EpochMs) => ReturnType<Hour['earliest']>;

function betweenFreezes(index: FleetIndex, instance: Instance, fitFrom: FitFrom): FitFrom {
  const freezes = index.freezes.all(instance);
  return (from) => {
    let at = from;
    for (let round = 0; round < MOST_FREEZES_IN_A_ROW; round += 1) {
      const fit = fitFrom(at);
      if (fit === null) return null;
      const freeze = freezeAt(freezes, fit.startsAt);
      if (freeze === undefined) return fit;
      if (freeze.untilAt === null) return null;
      at = freeze.untilAt;
    }
    return null;
  };
}

/** A freeze that will stand when the next window opens: told now, so that a forecast promises nothing it cannot keep. */
function comingFreeze(
  index: FleetIndex,
  instance: Instance,
  startsAt: EpochMs,
  now: EpochMs,
): readonly Finding[] {
  const freeze = startsAt > now ? freezeAt(index.freezes.all(instance), startsAt) : undefined;
  if (freeze === undefined || freeze.fromAt <= now) return [];
  const detail = `from ${formatInstant(freeze.fromAt, instance.zone)} on it will be ${freezeText(freeze, instance.zone)}`;
  const by = `the owner of the freeze (${freeze.owner})`;
  return [finding('frozen', freeze.untilAt === null ? 'hold' : 'wait', detail, { at: freeze.untilAt, by })];
}

function minutes(ms: number): string {
  return `${Math.ceil(ms / MINUTE_MS)} min`;
}

export function hourOf(index: FleetIndex, instance: Instance, kind: ReleaseKind | null, now: EpochMs): Hour {
  const { zone } = instance;
  if (index.policy(instance, kind, 'P3') === 'any-time')
    return {
      findings: [],
      window: null,
      earliest: betweenFreezes(index, instance, (from) => ({ window: null, startsAt: from })),
    };

  const windows = index.windows.mostSpecific(instance);
  const none = (detail: string, by: string): Hour => ({
    findings: [finding('no-window', 'refuse', detail, { by })],
    window: null,
    earliest: () => null,
  });
  if (windows.length === 0)
    return none(`no maintenance window speaks of ${instance.slug}`, 'a window, or policy P3 any-time');
  const next = index.fit(windows, zone, now, 0);
  if (next === null) {
    const bad = [zone, ...windows.map((window) => window.zone)].find(
      (one) => one !== 'site' && !isKnownZone(one),
    );
    const why =
      bad === undefined
        ? 'comes round in the next weeks'
        : `can be placed in time: ${bad} is no known time zone`;
    return none(`no maintenance window of ${instance.slug} ${why}`, 'a window that does');
  }

  const { closedMs, wayBackMs } = index.forecast(instance.productId);
  const needMs = closedMs + wayBackMs;
  const fit = index.fit(windows, zone, now, needMs);
  const findings: Finding[] = [];
  const needs = `closing, opening and the way back need ${minutes(needMs)} (p95)`;
  if (next.startsAt > now) {
    const { opensAt, closesAt } = next.window;
    const detail = `its maintenance window opens ${formatInstant(opensAt, zone)} and closes ${formatInstant(closesAt, zone)}`;
    findings.push(finding('window-shut', 'wait', detail, { at: opensAt }));
  }
  if (fit === null) {
    const longest = Math.max(...windows.map((window) => window.lengthMs));
    const detail = `${needs}, more than its longest maintenance window has (${minutes(longest)})`;
    findings.push(finding('window-too-short', 'refuse', detail, { by: 'a longer window' }));
  } else if (fit.startsAt !== next.startsAt) {
    const closes = formatInstant(next.window.closesAt, zone);
    const detail = `${needs}, more than the window that closes ${closes} has left; the next that fits opens ${formatInstant(fit.startsAt, zone)}`;
    findings.push(finding('window-too-short', 'wait', detail, { at: fit.startsAt }));
  }
  return {
    findings: [...findings, ...comingFreeze(index, instance, (fit ?? next).startsAt, now)],
    window: (fit ?? next).window,
    earliest: betweenFreezes(index, instance, (from) => index.fit(windows, zone, from, needMs)),
  };
}
