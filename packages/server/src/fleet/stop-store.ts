/** Stop-the-world (semantics 6): nothing starts anywhere until a person releases it. Undo and recovery go on. */
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { DONE, type ByWhom, type ChangeResult } from './change-result.ts';

async function record(tx: Transaction, verb: string, { actor, reason }: ByWhom, before: unknown): Promise<void> {
  const object = { kind: 'fleet', id: 'fleet' };
  await recordEvent(tx, { actor, verb, object, customerId: null, before, after: null, reason });
} // prettier-ignore

/** A second stop does not replace the first: who stopped first is who knows why. */
export async function setStop(db: Database, by: ByWhom): Promise<ChangeResult> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql`
      insert into stop_the_world (at, by, reason) values (app_now(), ${by.actor}, ${by.reason})
      on conflict (only_row) do nothing returning 1`.execute(tx);
    if (rows.length === 0) {
      const standing = await sql<{ by: string; reason: string }>`select by, reason from stop_the_world`.execute(tx);
      const [stop] = standing.rows;
      return { refused: [`everything is stopped already, by ${stop?.by ?? '?'}: ${stop?.reason ?? ''}`] };
    }
    await record(tx, 'fleet-stopped', by, null);
    return DONE;
  });
} // prettier-ignore

export async function releaseStop(db: Database, by: ByWhom): Promise<ChangeResult> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ at: Date; by: string; reason: string }>`
      delete from stop_the_world returning at, by, reason`.execute(tx);
    const [stop] = rows;
    if (stop === undefined) return { refused: ['nothing is stopped'] };
    await record(tx, 'stop-released', by, stop);
    return DONE;
  });
}
