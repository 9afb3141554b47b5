/**
 * Puts one database in the place of another. Both renames and the new comment are one transaction (PostgreSQL renames
 * databases transactionally), so there is no moment at which a crash leaves the site without a database.
 *
 * The application may still hold sessions and open new ones at once. A rename first takes a lock that makes new sessions wait,
 * then gives the old ones five seconds to go: so the sessions are ended while it waits, not before, and none slips in between.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { commentOnDatabase, databaseExists } from './database-properties.ts';
import { quoteName } from './open-server.ts';
import { codeOf, messageOf, StepFailure, Uncertain } from './step-failure.ts';

const TERMINATE_EVERY_MS = 100;
const LOCK_TIMEOUT = '30s';

export interface Swap {
  readonly incoming: string;
  readonly current: string;
  /** The name under which the current one is kept. */
  readonly kept: string;
  readonly comment: string;
}

/** Ends every session on these databases again and again until `work` has settled. */
async function endingSessions(
  client: pg.Client,
  databases: readonly string[],
  work: Promise<void>,
): Promise<void> {
  const state = { settled: false };
  let refused = '';
  const done = work.finally(() => (state.settled = true));
  // Awaited below; without this a failure during the pause would count as unhandled.
  done.catch(() => {});
  while (!state.settled) {
    await client
      .query('select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1)', [databases])
      .catch((error: unknown) => (refused = messageOf(error)));
    await Promise.race([done.catch(() => {}), pause(TERMINATE_EVERY_MS)]);
  }
  try {
    await done;
  } catch (error) {
    // object_in_use: somebody is still there.
    if (codeOf(error) !== '55006' || refused === '') throw error;
    throw new StepFailure(`${messageOf(error)}, and its sessions cannot be ended: ${refused}`, {
      cause: error,
    });
  }
}

/** True when there was a current one to keep. `before` runs first in the transaction; when it throws nothing is swapped. */
export async function swapDatabases(
  admin: pg.Client,
  terminator: pg.Client,
  swap: Swap,
  before: () => Promise<void>,
): Promise<boolean> {
  const { incoming, current, kept, comment } = swap;
  await admin.query('begin');
  try {
    await admin.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
    await before();
    const replaces = await databaseExists(admin, current);
    const renames = async (): Promise<void> => {
      if (replaces) await admin.query(`alter database ${quoteName(current)} rename to ${quoteName(kept)}`);
      await admin.query(`alter database ${quoteName(incoming)} rename to ${quoteName(current)}`);
    };
    await endingSessions(terminator, [current, incoming], renames());
    await commentOnDatabase(admin, current, comment);
    await admin.query('commit').catch((error: unknown) => {
      throw new Uncertain(`nobody knows whether ${current} was replaced: ${messageOf(error)}`, {
        cause: error,
      });
    });
    return replaces;
  } catch (error) {
    await admin.query('rollback').catch(() => {});
    throw error;
  }
}
