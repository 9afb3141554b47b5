/**
 * At most one process of the installation does a named piece of work at a time. A session-level advisory lock: it goes with
 * its connection, so a killed process gives it up at once, and nobody is ever the leader. A connection that is cut in the
 * middle lets a second one in while the first still works: what runs here must be level-triggered.
 */
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** Keeps these locks apart from other advisory locks of ours. */
const LOCK_SPACE = 7_431;

/** Waits for whoever is doing it and then does it too: for a person who wants it done now. */
export async function inTurn(db: Database, name: string, work: () => Promise<unknown>): Promise<void> {
  await db.connection().execute(async (session) => {
    await sql`select pg_advisory_lock(hashtextextended(${name}, ${LOCK_SPACE}))`.execute(session);
    await unlockAfter(session, name, work);
  });
}

async function unlockAfter(session: Database, name: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } finally {
    await sql`select pg_advisory_unlock(hashtextextended(${name}, ${LOCK_SPACE}))`.execute(session);
  }
}

/** False when somebody else is doing it. */
export async function oneAtATime(db: Database, name: string, work: () => Promise<unknown>): Promise<boolean> {
  return db.connection().execute(async (session) => {
    const { rows } = await sql<{ locked: boolean }>`
      select pg_try_advisory_lock(hashtextextended(${name}, ${LOCK_SPACE})) as locked`.execute(session);
    if (rows[0]?.locked !== true) return false;
    await unlockAfter(session, name, work);
    return true;
  });
}
