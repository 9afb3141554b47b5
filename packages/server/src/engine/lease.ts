/**
 * Who may work on a run, and until when. A lease is a hint, the fence is the guarantee; but a worker that cannot renew must
 * know it before the lease ends and end its own children (I-12): at two thirds of the lease by the monotonic clock. Losing
 * the lease and being asked to stop are told apart, because after the first nothing may be written any more.
 */
import type { RunHandle, RunStore } from './run-store.ts';
import { systemTimers, type Timers } from './timers.ts';

export interface LeaseSettings {
  /** How long a claim lasts without a heartbeat, milliseconds. */
  readonly leaseMs: number;
  readonly heartbeatMs: number;
}

/** Share of the lease after which a worker that could not renew stops itself (I-12). */
const SELF_STOP_SHARE = 2 / 3;

export interface Lease {
  /** Fires when the lease is lost: write nothing any more. */
  readonly lost: AbortSignal;
  /** Fires when a person wants the attempt in flight to end (cancel, roll back); renewed for each attempt. */
  interruptSignal(): AbortSignal;
  /** The handle whose journal position the heartbeat compares with. */
  follow(run: RunHandle): void;
  stop(): void;
}

/** `claimedAt`: monotonic, from before the claim was asked for; the database's lease began no earlier. */
export function keepLease(
  store: RunStore,
  claimed: RunHandle,
  settings: LeaseSettings,
  monotonicMs: () => number,
  claimedAt: number,
  timers: Timers = systemTimers,
): Lease {
  const lost = new AbortController();
  let interrupt = new AbortController();
  let run = claimed;
  let renewedAt = claimedAt;
  let inFlight = false;

  const beat = async (): Promise<void> => {
    if (monotonicMs() - renewedAt > settings.leaseMs * SELF_STOP_SHARE)
      lost.abort(new Error('the lease could not be renewed'));
    if (inFlight || lost.signal.aborted) return;
    inFlight = true;
    const askedAt = monotonicMs();
    try {
      const answer = await store.extend(run, settings.leaseMs);
      if (answer === null) lost.abort(new Error('another worker has taken the run over'));
      else {
        renewedAt = askedAt;
        if (answer.interrupt) interrupt.abort(new Error('a person asked to stop'));
      }
    } catch {
      // The database did not answer: keep trying until two thirds of the lease are gone, then stop (I-12).
    } finally {
      inFlight = false;
    }
  };
  const endBeats = timers.every(settings.heartbeatMs, () => void beat());

  return {
    lost: lost.signal,
    interruptSignal: () => {
      interrupt = new AbortController();
      return interrupt.signal;
    },
    follow: (next) => {
      run = next;
      // A write of the attempt itself may have brought a person's wish along; the heartbeat then no longer sees it as news.
      if (next.state.wanted !== null) interrupt.abort(new Error('a person asked to stop'));
    },
    stop: endBeats,
  };
}
