/** Holds stand until a person clears them, by name and with a reason (E27, E28): the night starts again only then. */
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { DONE, type ByWhom, type ChangeResult } from './change-result.ts';

export interface HoldEnd extends ByWhom {
  readonly holdId: string;
}

export async function clearHold(db: Database, end: HoldEnd): Promise<ChangeResult> {
  const { holdId, actor, reason } = end;
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{
      kind: string;
      hold_reason: string;
      instance_id: string;
      customer_id: string;
      cleared_by: string | null;
    }>`
      select h.kind, h.reason as hold_reason, h.instance_id, i.customer_id, h.cleared_by
        from hold h join instance i on i.id = h.instance_id where h.id = ${holdId} for update of h`.execute(
      tx,
    );
    const [hold] = rows;
    if (hold === undefined) return { missing: 'there is no such hold' };
    if (hold.cleared_by !== null) return { refused: [`it was cleared already, by ${hold.cleared_by}`] };
    await sql`
      update hold set cleared_at = app_now(), cleared_by = ${actor}, clear_reason = ${reason} where id = ${holdId}`.execute(
      tx,
    );
    await recordEvent(tx, {
      actor,
      verb: 'hold-cleared',
      object: { kind: 'instance', id: hold.instance_id },
      customerId: hold.customer_id,
      before: { hold: holdId, kind: hold.kind, reason: hold.hold_reason },
      after: null,
      reason,
    });
    return DONE;
  });
}
