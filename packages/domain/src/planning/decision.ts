/**
 * The planner's verdict for one instance, with every reason. A reason is a value: what stands in the way, when it clears
 * by itself, or who can clear it. Codes are kebab-case and never change once released.
 */
import type { WindowOccurrence } from '../fleet/fleet.ts';
import type { InstanceId, ReleaseId } from '../ids.ts';
import type { EpochMs } from '../time/instant.ts';

/**
 * - `up-to-date`: observed equals the target; nothing to do.
 * - `start`: may start now.
 * - `wait`: will start by itself when a known instant or another upgrade has passed (window, capacity, earlier stage).
 * - `hold`: does not move until somebody or something clears it (pin, freeze, hold, ahead of target).
 * - `refuse`: cannot be planned at all as things are (unknown version, no window, nothing observed).
 */
export const VERDICTS = ['up-to-date', 'start', 'wait', 'hold', 'refuse'] as const;
export type Verdict = (typeof VERDICTS)[number];

export const REASON_CODES = [
  'at-target',
  'differs-from-target',
  'pinned',
  'pin-ended',
  'frozen',
  'window-shut',
  'window-too-short',
  'no-window',
  'held',
  'known-bad-pair',
  'upgrade-in-progress',
  'booked-upgrade',
  'stage-pending',
  'stage-failed',
  'stages',
  'capacity-full',
  'ahead-of-target',
  'no-version-in-channel',
  'unknown-channel',
  'unknown-version',
  'release-withdrawn',
  'smoke-test-failed',
  'needs-a-person-to-start',
  'not-observed',
  'observation-stale',
  'unhealthy',
  'stopped',
  'policy-unreadable',
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

export interface Reason {
  readonly code: ReasonCode;
  /** One sentence for a person, with names, versions, and instants in the zone of the site with the zone beside them. */
  readonly detail: string;
  /** When this clears by itself, or may; null when no instant is known. */
  readonly clearsAt: EpochMs | null;
  /** Who or what clears it, e.g. `the owner of the pin (ops@vendor)`; null when time alone does. */
  readonly clearedBy: string | null;
}

export interface Decision {
  readonly instanceId: InstanceId;
  readonly verdict: Verdict;
  /** The observed version; null when nothing was observed. */
  readonly fromVersion: string | null;
  readonly toVersion: string | null;
  readonly toReleaseId: ReleaseId | null;
  readonly reasons: readonly Reason[];
  /** The window in which it starts (the current or the next one); null without one. */
  readonly window: WindowOccurrence | null;
  /** The earliest instant at which it can start, as far as is known (capacity aside); equals `now` for `start`. */
  readonly startsAt: EpochMs | null;
}

/** Decisions for every instance of the snapshot, in start order (uat before live, then by customer and slug). */
export interface NightPlan {
  readonly now: EpochMs;
  readonly decisions: readonly Decision[];
}

/** A finding of `checkPlan`, the second opinion. `fatal` stops the save. */
export interface PlanNote {
  readonly severity: 'fatal' | 'warning';
  readonly instanceId: InstanceId | null;
  readonly text: string;
}
