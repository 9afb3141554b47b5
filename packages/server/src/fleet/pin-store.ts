/**
 * Pins that people set and end. One that came from the fleet's files is changed there: otherwise the next apply would
 * quietly undo what a person did here. A pin that ended by its own date is out of the way for either.
 */
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { newId } from '../db/new-id.ts';
import { DONE, type ByWhom, type ChangeResult } from './change-result.ts';
import { lockFleet } from './lock-fleet.ts';

export interface NewPin extends ByWhom {
  readonly instanceId: string;
  readonly version: string;
  /** Who is asked when somebody wants it gone. */
  readonly owner: string;
  /** Epoch milliseconds; null: no date. At most one of the two ends. */
  readonly untilAt: number | null;
  /** It ends when this channel offers the version, or a higher one. */
  readonly untilChannel: string | null;
}

interface InstanceRow {
  readonly slug: string;
  readonly customer_id: string;
  readonly product_id: string;
}

interface PinRow {
  readonly id: string;
  readonly version: string;
  readonly owner: string;
  readonly managed_by: 'file' | 'hand';
  readonly is_past: boolean;
}

async function findInstance(tx: Transaction, instanceId: string): Promise<InstanceRow | null> {
  const { rows } = await sql<InstanceRow>`
    select slug, customer_id, product_id from instance where id = ${instanceId} and removed_at is null`.execute(
    tx,
  );
  return rows[0] ?? null;
}

async function findPin(tx: Transaction, instanceId: string): Promise<PinRow | null> {
  const { rows } = await sql<PinRow>`
    select id, version, owner, managed_by, coalesce(until_at <= app_now(), false) as is_past
      from pin where instance_id = ${instanceId} and ended_at is null`.execute(tx);
  return rows[0] ?? null;
}

async function reasonsAgainst(tx: Transaction, pin: NewPin, instance: InstanceRow): Promise<readonly string[]> {
  const { rows } = await sql<{ released: boolean; known_channel: boolean; is_past: boolean }>`
    select exists (select from release where product_id = ${instance.product_id} and version = ${pin.version}) as released,
           exists (select from channel where name = ${pin.untilChannel}) as known_channel,
           coalesce(${pin.untilAt === null ? null : new Date(pin.untilAt)}::timestamptz <= app_now(), false) as is_past`.execute(tx);
  const [row] = rows;
  const reasons: string[] = [];
  if (row?.released !== true) reasons.push(`there is no release ${pin.version} of this product`);
  if (pin.untilChannel !== null && row?.known_channel !== true) reasons.push(`there is no channel ${pin.untilChannel}`);
  if (row?.is_past === true) reasons.push('its end has passed already');
  if (pin.untilAt !== null && pin.untilChannel !== null) reasons.push('a pin has one end: a date or a channel');
  if (pin.owner.trim() === '') reasons.push('a pin needs an owner');
  if (pin.reason.trim() === '') reasons.push('a pin needs a reason');
  return reasons;
} // prettier-ignore

async function closePin(tx: Transaction, pin: PinRow, { actor, reason }: ByWhom): Promise<void> {
  await sql`
    update pin set ended_at = app_now(), ended_by = ${actor}, end_reason = ${reason} where id = ${pin.id}`.execute(
    tx,
  );
}

/** Sets the pin of an instance, in place of one that a person had set before. */
export async function setPin(db: Database, pin: NewPin): Promise<ChangeResult> {
  return db.transaction().execute(async (tx) => {
    await lockFleet(tx);
    const instance = await findInstance(tx, pin.instanceId);
    if (instance === null) return { missing: 'there is no such instance' };
    const refused = [...(await reasonsAgainst(tx, pin, instance))];
    const before = await findPin(tx, pin.instanceId);
    if (before?.managed_by === 'file' && !before.is_past)
      refused.push(`${instance.slug} is pinned to ${before.version} by the fleet files; change it there`);
    if (refused.length > 0) return { refused };
    if (before !== null) await closePin(tx, before, { actor: pin.actor, reason: `replaced: ${pin.reason}` });
    const id = newId('pin');
    const { version, owner, reason, untilChannel } = pin;
    const untilAt = pin.untilAt === null ? null : new Date(pin.untilAt);
    await sql`
      insert into pin (id, instance_id, version, owner, reason, until_at, until_channel, managed_by)
      values (${id}, ${pin.instanceId}, ${version}, ${owner}, ${reason}, ${untilAt}, ${untilChannel}, 'hand')`.execute(tx);
    await recordEvent(tx, {
      actor: pin.actor,
      verb: 'pin-set',
      object: { kind: 'instance', id: pin.instanceId },
      customerId: instance.customer_id,
      before: before === null ? null : { pin: before.id, version: before.version, owner: before.owner },
      after: { pin: id, version, owner, untilAt, untilChannel },
      reason,
    });
    return DONE;
  });
} // prettier-ignore

export interface PinEnd extends ByWhom {
  readonly instanceId: string;
}

/** Ends the pin of an instance; its target counts again. */
/** A pin whose own end has come (a date, or a channel that reached it) is closed, and the event says why (C8). */
export async function endPinThatIsOver(
  db: Database,
  over: { readonly pinId: string; readonly instanceId: string; readonly reason: string },
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    await lockFleet(tx);
    const instance = await findInstance(tx, over.instanceId);
    const pin = await findPin(tx, over.instanceId);
    if (instance === null || pin === null || pin.id !== over.pinId) return false;
    // The files still say it, and the next apply would set it again: the planner knows that it has ended.
    if (pin.managed_by === 'file' && !pin.is_past) return false;
    await closePin(tx, pin, { actor: 'night', reason: over.reason });
    await recordEvent(tx, {
      actor: 'night',
      verb: 'pin-ended',
      object: { kind: 'instance', id: over.instanceId },
      customerId: instance.customer_id,
      before: { pin: pin.id, version: pin.version, owner: pin.owner },
      after: null,
      reason: over.reason,
    });
    return true;
  });
}

export async function endPin(db: Database, end: PinEnd): Promise<ChangeResult> {
  return db.transaction().execute(async (tx) => {
    await lockFleet(tx);
    const instance = await findInstance(tx, end.instanceId);
    if (instance === null) return { missing: 'there is no such instance' };
    const pin = await findPin(tx, end.instanceId);
    if (pin === null) return { refused: [`${instance.slug} is not pinned`] };
    if (pin.managed_by === 'file' && !pin.is_past)
      return { refused: [`the pin of ${instance.slug} comes from the fleet files; take it out there`] };
    await closePin(tx, pin, end);
    await recordEvent(tx, {
      actor: end.actor,
      verb: 'pin-ended',
      object: { kind: 'instance', id: end.instanceId },
      customerId: instance.customer_id,
      before: { pin: pin.id, version: pin.version, owner: pin.owner },
      after: null,
      reason: end.reason,
    });
    return DONE;
  });
}
