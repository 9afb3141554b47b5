/**
 * The bail-out minute while an attempt is in flight (semantics 6): before the point of no return it ends the attempt, and what
 * follows is decided from the journal; past it nothing is killed, and a person is paged at once instead of when the step is done.
 */
import type { Timers } from './timers.ts';

/** The longest that a timer can wait (2^31 - 1 ms, 24 days); one of more fires at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

export interface BailOutClock {
  /** Fires at the minute when the attempt ends at it. */
  readonly signal: AbortSignal;
  /** Calls the clock off; resolves when a page that it has begun is written. */
  stop(): Promise<void>;
}

/** `inMs` undefined: there is no such minute. `page` null: the attempt ends at it. */
export function startBailOutClock(
  timers: Timers,
  inMs: number | undefined,
  page: (() => Promise<void>) | null,
): BailOutClock {
  const end = new AbortController();
  let paging: Promise<void> = Promise.resolve();
  const fired = (): void => {
    if (page === null) end.abort(new Error('the bail-out minute was reached'));
    // Who has lost the lease meanwhile learns it from the attempt's own write; the next holder pages.
    else paging = page().catch(() => {});
  };
  const callOff =
    inMs === undefined || inMs > LONGEST_TIMER_MS ? undefined : timers.after(Math.max(0, inMs), fired);
  return {
    signal: end.signal,
    stop: () => {
      callOff?.();
      return paging;
    },
  };
}
