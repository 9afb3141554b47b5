/**
 * Signing in and choosing a password. An unknown address and a wrong password get the same answer after the same time.
 * Both outcomes are audited; an unknown address is not written down, for people type passwords into that field.
 */
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent, type AuditEvent } from '../db/event-store.ts';
import { hashBearer } from './bearer.ts';
import { callerOf, type AccountRow, type Caller } from './caller.ts';
import { hashPassword, verifyAgainstNobody, verifyPassword } from './password.ts';
import { closeOtherSessions, openSession } from './session-store.ts';

type StoredAccount = AccountRow & { readonly password_hash: string };

async function findAccount(
  db: Database,
  by: { email: string } | { id: string },
): Promise<StoredAccount | null> {
  const condition = 'id' in by ? sql`id = ${by.id}` : sql`email = ${by.email.trim().toLowerCase()}`;
  const { rows } = await sql<StoredAccount>`
    select id, email, name, role, must_change_password, password_hash from account
     where ${condition} and disabled_at is null`.execute(db);
  return rows[0] ?? null;
}

function peopleEvent(account: AccountRow, verb: string): AuditEvent {
  return {
    actor: account.email,
    verb,
    object: { kind: 'account', id: account.id },
    customerId: null,
    before: null,
    after: null,
    reason: null,
  };
}

/**
 * Comparing takes a tenth of a second without a lock, in which the account may be disabled or get another password: a session
 * that is opened after that would outlive the end of all of them.
 */
async function isStillSo(tx: Transaction, account: StoredAccount): Promise<boolean> {
  const { rows } = await sql`
    select 1 from account
     where id = ${account.id} and password_hash = ${account.password_hash} and disabled_at is null for share`.execute(
    tx,
  );
  return rows.length > 0;
}

/** A new session, or null for whatever was wrong. */
export async function signIn(
  db: Database,
  email: string,
  password: string,
): Promise<{ readonly caller: Caller; readonly bearer: string } | null> {
  const account = await findAccount(db, { email });
  if (account === null) {
    await verifyAgainstNobody(password);
    return null;
  }
  if (!(await verifyPassword(password, account.password_hash))) {
    await db.transaction().execute((tx) => recordEvent(tx, peopleEvent(account, 'sign-in-refused')));
    return null;
  }
  const bearer = await db.transaction().execute(async (tx) => {
    if (!(await isStillSo(tx, account))) return null;
    await recordEvent(tx, peopleEvent(account, 'signed-in'));
    return openSession(tx, account.id);
  });
  if (bearer === null) return null;
  return { bearer, caller: callerOf(account, { kind: 'session', tokenHash: hashBearer(bearer) }, null) };
}

/** Ends every other session of the account. Null: the current one is wrong. `unchanged`: the new one is the old one. */
export async function changePassword(
  db: Database,
  caller: Caller,
  current: string,
  next: string,
): Promise<'changed' | 'unchanged' | null> {
  const account = await findAccount(db, { id: caller.accountId });
  if (account === null || !(await verifyPassword(current, account.password_hash))) return null;
  if (current.normalize('NFKC') === next.normalize('NFKC')) return 'unchanged';
  const hash = await hashPassword(next);
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql`
      update account set password_hash = ${hash}, must_change_password = false
       where id = ${account.id} and password_hash = ${account.password_hash} and disabled_at is null returning id`.execute(
      tx,
    );
    if (rows.length === 0) return null;
    const mine = caller.credential.kind === 'session' ? caller.credential.tokenHash : null;
    await closeOtherSessions(tx, account.id, mine);
    await recordEvent(tx, peopleEvent(account, 'password-changed'));
    return 'changed';
  });
}
