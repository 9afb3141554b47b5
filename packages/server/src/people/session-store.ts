/**
 * Sessions of people at a browser: a 256-bit id in a cookie, its SHA-256 in the database. One ends after 30 minutes without a
 * request or 8 hours after sign-in, by the clock of decisions; with the account; and when the password is changed.
 */
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { hashBearer, makeBearer } from './bearer.ts';
import { callerOf, type AccountRow, type Caller } from './caller.ts';

export const SESSION_IDLE_MINUTES = 30;
export const SESSION_HOURS = 8;
/** `last_seen_at` is written at most this often: a page that polls must not write a row a second. */
const SEEN_EVERY_SECONDS = 20;

export async function openSession(tx: Database | Transaction, accountId: string): Promise<string> {
  const bearer = makeBearer();
  await sql`delete from session where expires_at < app_now()`.execute(tx);
  await sql`
    insert into session (token_hash, account_id, expires_at)
    values (${hashBearer(bearer)}, ${accountId}, app_now() + ${SESSION_HOURS} * interval '1 hour')`.execute(
    tx,
  );
  return bearer;
}

export async function findSession(db: Database, bearer: string): Promise<Caller | null> {
  const tokenHash = hashBearer(bearer);
  const { rows } = await sql<AccountRow & { stale: boolean }>`
    select a.id, a.email, a.name, a.role, a.must_change_password,
           s.last_seen_at < app_now() - ${SEEN_EVERY_SECONDS} * interval '1 s' as stale
      from session s join account a on a.id = s.account_id
     where s.token_hash = ${tokenHash} and s.expires_at > app_now() and a.disabled_at is null
       and s.last_seen_at > app_now() - ${SESSION_IDLE_MINUTES} * interval '1 minute'`.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  if (row.stale)
    await sql`update session set last_seen_at = app_now() where token_hash = ${tokenHash}`.execute(db);
  return callerOf(row, { kind: 'session', tokenHash }, null);
}

export async function closeSession(tx: Database | Transaction, tokenHash: string): Promise<void> {
  await sql`delete from session where token_hash = ${tokenHash}`.execute(tx);
}

/** Ends every session of an account, all but one: what a new password does to whoever else is signed in. */
export async function closeOtherSessions(
  tx: Transaction,
  accountId: string,
  keepHash: string | null,
): Promise<void> {
  await sql`
    delete from session where account_id = ${accountId} and token_hash is distinct from ${keepHash}`.execute(
    tx,
  );
}
