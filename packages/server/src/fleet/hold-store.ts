/**
 * Holds stand until a person clears them, by name and with a reason (E27, E28): the night starts again only then. What was taken
 * back stays known as a bad pair (same version to come from, same release, same playbook) unless that person wants it tried again.
 */
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { DONE, type ByWhom, type ChangeResult } from './change-result.ts';

export interface HoldEnd extends ByWhom {
  readonly holdId: string;
  /** Also lifts the known bad pair; on a hold that was cleared before, only that. */
  readonly tryAgain?: boolean;
}

/** How many pairs of the hold's instance and release stood and are lifted now. */
async function liftPairs(
  tx: Transaction,
  instanceId: string,
  releaseId: string | null,
  by: ByWhom,
): Promise<number> {
  const { rows } = await sql`
    update known_bad_pair set lifted_at = app_now(), lifted_by = ${by.actor}, lift_reason = ${by.reason}
     where instance_id = ${instanceId} and release_id = ${releaseId} and lifted_at is null returning 1`.execute(
    tx,
  );
  return rows.length;
}

export async function clearHold(db: Database, end: HoldEnd): Promise<ChangeResult> {
  const { holdId, tryAgain = false, actor, reason } = end;
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{
      kind: string;
      hold_reason: string;
      instance_id: string;
      customer_id: string;
      release_id: string | null;
      cleared_by: string | null;
    }>`
      select h.kind, h.reason as hold_reason, h.instance_id, h.release_id, i.customer_id, h.cleared_by
        from hold h join instance i on i.id = h.instance_id where h.id = ${holdId} for update of h`.execute(
      tx,
    );
    const [hold] = rows;
    if (hold === undefined) return { missing: 'there is no such hold' };
    const lifted = tryAgain ? await liftPairs(tx, hold.instance_id, hold.release_id, { actor, reason }) : 0;
    if (hold.cleared_by !== null && lifted === 0)
      return { refused: [`it was cleared already, by ${hold.cleared_by}`] };
    if (hold.cleared_by === null)
      await sql`
      update hold set cleared_at = app_now(), cleared_by = ${actor}, clear_reason = ${reason} where id = ${holdId}`.execute(
        tx,
      );
    await recordEvent(tx, {
      actor,
      verb: hold.cleared_by === null ? 'hold-cleared' : 'try-again-allowed',
      object: { kind: 'instance', id: hold.instance_id },
      customerId: hold.customer_id,
      before: { hold: holdId, kind: hold.kind, reason: hold.hold_reason },
      after: tryAgain ? { tryAgain, lifted } : null,
      reason,
    });
    return DONE;
  });
}
