/**
 * Time in the domain is a number: milliseconds since the epoch, handed in by the caller (the domain has no clock).
 * Fields that hold one end in `At`; durations end in `Ms`. Local times become instants in `resolve-local-time.ts` only.
 */
export type EpochMs = number;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** A half-open stretch of time: `fromAt` belongs to it, `untilAt` does not; null means without end. */
export interface Interval {
  readonly fromAt: EpochMs;
  readonly untilAt: EpochMs | null;
}
