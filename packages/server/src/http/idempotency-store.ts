/**
 * A repeated request gets the first answer (security 4.10, rows 5 to 8): after a lost answer a client sends the same again
 * under the same key, and nothing starts twice. Keys are kept for a day, per account.
 */
import { createHash } from 'node:crypto';
import { Problem } from '@sitelift/contract/problems.ts';
import canonicalize from 'canonicalize';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

const KEPT_HOURS = 24;
/** A request without an answer for this long was lost with its server: its key is given to the next one who asks. */
const LOST_AFTER_SECONDS = 120;
const RETRY_SECONDS = 1;

export interface KeyedRequest {
  readonly accountId: string;
  readonly key: string;
  readonly requestHash: string;
}

export interface StoredAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What makes two requests the same: where they go and what they say, not how it is spelled. */
export function hashRequest(method: string, path: string, body: unknown): string {
  return createHash('sha256')
    .update(`${method} ${path}\n${canonicalize(body) ?? ''}`)
    .digest('hex');
}

/** Null: the key is ours, go on. Otherwise the first answer; throws when it is not there yet or the request is another. */
export async function claimKey(db: Database, request: KeyedRequest): Promise<StoredAnswer | null> {
  const { accountId, key, requestHash } = request;
  await sql`
    delete from idempotency_key where created_at < app_now() - ${KEPT_HOURS} * interval '1 hour'`.execute(db);
  const claimed = await sql`
    insert into idempotency_key (principal, key, request_hash) values (${accountId}, ${key}, ${requestHash})
    on conflict (principal, key) do update set created_at = app_now()
      where idempotency_key.status is null and idempotency_key.request_hash = excluded.request_hash
        and idempotency_key.created_at < app_now() - ${LOST_AFTER_SECONDS} * interval '1 s'
    returning key`.execute(db);
  if (claimed.rows.length > 0) return null;
  const { rows } = await sql<{ request_hash: string; status: number | null; body: unknown }>`
    select request_hash, status, body from idempotency_key where principal = ${accountId} and key = ${key}`.execute(
    db,
  );
  const [row] = rows;
  if (row !== undefined && row.request_hash !== requestHash) throw new Problem('idempotency-key-reused');
  if (row === undefined || row.status === null)
    throw new Problem('idempotency-in-progress', { retryAfter: RETRY_SECONDS });
  return { status: row.status, body: row.body };
}

export async function storeAnswer(db: Database, request: KeyedRequest, answer: StoredAnswer): Promise<void> {
  await sql`
    update idempotency_key set status = ${answer.status}, body = ${JSON.stringify(answer.body)}::jsonb
     where principal = ${request.accountId} and key = ${request.key}`.execute(db);
}

/** After a failure of ours nothing is remembered: the repeat may try again. */
export async function forgetKey(db: Database, request: KeyedRequest): Promise<void> {
  await sql`
    delete from idempotency_key where principal = ${request.accountId} and key = ${request.key} and status is null`.execute(
    db,
  );
}
