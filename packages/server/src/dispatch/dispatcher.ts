/**
 * The port to whatever carries wake-ups between processes. A wake-up is a hint and nothing more: it may be lost, doubled or
 * late without harm, because the rows say what is due and a slow sweep finds it (reliability, decision 9). So nothing may
 * ever be stored in a wake-up that is not in a row, and no work is done inside of one. ADR 0002 says why this library.
 */
import type { Transaction } from '../db/database.ts';
import type { Loop } from './every.ts';

export interface Dispatcher {
  /**
   * Wakes whoever listens for this run, at an instant of the decision clock or now (null), once the caller's transaction has
   * committed. A later call for the same run replaces an earlier one.
   */
  wake(tx: Transaction, runId: string, at: Date | null): Promise<void>;
  /** Hands every wake-up to `handler`, which must return at once; resolves when listening. Once per process. */
  onWake(handler: (runId: string) => void): Promise<void>;
  /** Runs `work` again and again, in one process at a time over the whole installation, with a pause in between. */
  cron(name: string, everyMs: number, work: () => Promise<unknown>): Loop;
  /** Ends the listening and every cron; resolves when the passes in flight have ended. */
  stop(): Promise<void>;
}
