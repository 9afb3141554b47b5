/**
 * What a run must know of the world outside its own journal before it may commit. Read in the transaction that claims the
 * step, so that a freeze, a withdrawal or a stop that was set a moment before counts (semantics 6, E25).
 */
import type { WindowOccurrence } from '../fleet/fleet.ts';
import type { EpochMs } from '../time/instant.ts';
import { forecastClosedMs, forecastWayBackMs, type StepHistory } from './forecast.ts';
import type { RunPlan } from './plan.ts';

export interface StartFacts {
  readonly stopped: { readonly by: string; readonly reason: string } | null;
  readonly releaseWithdrawn: string | null;
  readonly freeze: { readonly reason: string; readonly untilAt: EpochMs | null } | null;
  /** `any-time`: no window is asked for. Otherwise the one that is open or the next; null when none is in sight. */
  readonly window: 'any-time' | WindowOccurrence | null;
  readonly history: StepHistory;
  /** Instances whose last upgrade went to this run's release and ended well; of those that the plan waits for. */
  readonly upgraded?: ReadonlySet<string>;
}

/** Why a run is held, with the next legal time where one is known. Held, never failed (semantics 6, requirement C47). */
export interface HoldVerdict {
  readonly code:
    | 'stopped'
    | 'release-withdrawn'
    | 'frozen'
    | 'no-window'
    | 'window-shut'
    | 'window-too-short'
    | 'instance-busy';
  readonly reason: string;
  readonly until: EpochMs | null;
}

/** Stop-the-world: nothing starts on the way forward, closed sites included (semantics 6, I-11). */
export function checkStopped(stopped: StartFacts['stopped']): HoldVerdict | null {
  if (stopped === null) return null;
  const reason = `everything is stopped by ${stopped.by}: ${stopped.reason}`;
  return { code: 'stopped', reason, until: null };
}

/** May the committing step start now? Null when it may. Nothing here applies once the site is closed. */
export function checkCommit(plan: RunPlan, facts: StartFacts, now: EpochMs): HoldVerdict | null {
  const stopped = checkStopped(facts.stopped);
  if (stopped !== null) return stopped;
  if (facts.releaseWithdrawn !== null) {
    return {
      code: 'release-withdrawn',
      reason: `release ${plan.to.version} was withdrawn: ${facts.releaseWithdrawn}`,
      until: null,
    };
  }
  if (facts.freeze !== null) {
    return { code: 'frozen', reason: `frozen: ${facts.freeze.reason}`, until: facts.freeze.untilAt };
  }
  if (facts.window === 'any-time') return null;
  if (facts.window === null)
    return { code: 'no-window', reason: 'no maintenance window is in sight', until: null };
  const { opensAt, closesAt, cutOffAt } = facts.window;
  if (now < opensAt)
    return { code: 'window-shut', reason: 'the maintenance window is not open yet', until: opensAt };
  if (now > cutOffAt)
    return {
      code: 'window-shut',
      reason: 'the cut-off of the maintenance window has passed',
      until: closesAt,
    };
  const needMs = forecastClosedMs(plan, facts.history) + forecastWayBackMs(plan, facts.history);
  if (now + needMs > closesAt) {
    const minutes = Math.ceil(needMs / 60_000);
    return {
      code: 'window-too-short',
      reason: `closing, opening and the way back need ${minutes} min, more than the window has left`,
      until: closesAt,
    };
  }
  return null;
}
