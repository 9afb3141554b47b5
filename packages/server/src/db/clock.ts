/**
 * The one place that reads clocks. Durations use the monotonic clock; decisions use the database's `app_now()` and nothing
 * else (semantics 5): a wall clock of ours decides nothing (I-23).
 */
import { sql } from 'kysely';
import type { Database, Transaction } from './database.ts';

export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  readonly monotonicMs: () => number;
  /** This machine's wall clock, epoch milliseconds; for file names and logs only. */
  readonly wallMs: () => number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** The clock of decisions, epoch milliseconds. */
export async function decisionNow(db: Database | Transaction): Promise<number> {
  const { rows } = await sql<{ now: Date }>`select app_now() as now`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('app_now() gave no row');
  return row.now.getTime();
}
