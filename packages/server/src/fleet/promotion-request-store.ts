/**
 * Who wants a risky release in a channel and is not enough alone (C14). A wish speaks of the bytes that were looked at, and
 * counts only while its account may still promote. The fleet must be locked: two people who promote at once are in turn.
 */
import { SCOPES_OF_ROLE, STAFF_ROLES } from '@sitelift/contract/views.ts';
import type { PromotionWish } from '@sitelift/domain/planning/second-approver.ts';
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';

const MAY_PROMOTE = STAFF_ROLES.filter((role) => SCOPES_OF_ROLE[role].includes('promote'));

export interface WishedPlace {
  readonly releaseId: string;
  readonly channel: string;
}

export interface NewWish extends WishedPlace {
  readonly accountId: string;
  readonly actor: string;
  readonly reason: string;
}

/** Those that are not ended, of any age, of people who may still promote, for the artefact that the release has now. */
export async function listWishes(
  tx: Transaction,
  { releaseId, channel }: WishedPlace,
): Promise<readonly PromotionWish[]> {
  const { rows } = await sql<{ account_id: string; actor: string; requested_at: Date }>`
    select q.account_id, q.actor, q.requested_at
      from promotion_request q join release r on r.id = q.release_id join account a on a.id = q.account_id
     where q.release_id = ${releaseId} and q.channel = ${channel} and q.ended_at is null and q.artefact = r.artefact
       and a.disabled_at is null and a.role = any(${[...MAY_PROMOTE]}::text[])
     order by q.requested_at`.execute(tx);
  return rows.map((row) => ({ accountId: row.account_id, by: row.actor, at: row.requested_at.getTime() }));
}

/** Keeps what this account wants, in place of an older wish of its own that counts no more. */
export async function saveWish(tx: Transaction, wish: NewWish): Promise<void> {
  const { releaseId, channel, accountId, actor, reason } = wish;
  await sql`
    update promotion_request set ended_at = app_now(), end_reason = 'renewed'
     where release_id = ${releaseId} and channel = ${channel} and account_id = ${accountId} and ended_at is null`.execute(
    tx,
  );
  await sql`
    insert into promotion_request (release_id, channel, artefact, account_id, actor, reason)
    select id, ${channel}, artefact, ${accountId}, ${actor}, ${reason} from release where id = ${releaseId}`.execute(
    tx,
  );
}

/** The release is there: nobody waits for anybody any more. */
export async function endWishes(tx: Transaction, { releaseId, channel }: WishedPlace): Promise<void> {
  await sql`
    update promotion_request set ended_at = app_now(), end_reason = 'placed'
     where release_id = ${releaseId} and channel = ${channel} and ended_at is null`.execute(tx);
}
