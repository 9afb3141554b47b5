/**
 * The outbox: notices are written with the change that they tell of and sent afterwards by a loop. One row per (event,
 * person): a second write of the same key is harmless (I-43), so nobody is told twice.
 */
import { sql } from 'kysely';
import type { Database, Transaction } from './database.ts';
import { newId } from './new-id.ts';

export interface NewNotice {
  /** Unique: what happened, to whom it is told. */
  readonly key: string;
  readonly event: string;
  readonly recipient: string;
  readonly customerId: string | null;
  readonly runId: string | null;
  readonly subject: string;
  readonly body: string;
}

export async function saveNotice(tx: Transaction, notice: NewNotice): Promise<void> {
  const { key, event, recipient, customerId, runId, subject, body } = notice;
  await sql`
    insert into notice (id, key, event, customer_id, run_id, recipient, subject, body)
    values (${newId('ntc')}, ${key}, ${event}, ${customerId}, ${runId}, ${recipient}, ${subject}, ${body})
    on conflict (key) do nothing`.execute(tx);
}

export interface DueNotice {
  readonly id: string;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
  readonly attempts: number;
}

/** How long a claimed notice is left to its sender before another may try, seconds: longer than any SMTP dialogue. */
const CLAIM_SECONDS = 120;

/** Claims due notices: each is handed to one sender, and comes back by itself when that sender is lost. */
export async function claimDueNotices(db: Database, limit: number): Promise<readonly DueNotice[]> {
  const { rows } = await sql<DueNotice>`
    update notice set attempts = attempts + 1, next_at = app_now() + ${CLAIM_SECONDS} * interval '1 s'
     where id in (select id from notice where state = 'queued' and next_at <= app_now() order by next_at
                   limit ${limit} for update skip locked)
    returning id, recipient, subject, body, attempts`.execute(db);
  return rows;
}

export async function markNoticeSent(db: Database, id: string): Promise<void> {
  await sql`update notice set state = 'sent', sent_at = app_now(), last_error = null where id = ${id}`.execute(
    db,
  );
}

/** `retryInMs` null: it will not be tried again. */
export async function markNoticeFailed(
  db: Database,
  id: string,
  error: string,
  retryInMs: number | null,
): Promise<void> {
  const state = retryInMs === null ? 'undeliverable' : 'queued';
  await sql`
    update notice set state = ${state}, last_error = ${error}, next_at = app_now() + ${retryInMs ?? 0} * interval '1 ms'
     where id = ${id}`.execute(db);
}
