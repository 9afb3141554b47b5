/**
 * The first account, made at the first start: an administrator with a one-time password that is printed and opens nothing
 * but the page on which it is replaced. No password ships with Sitelift (CVE-2022-29186 was exactly that).
 */
import type { StaffRole } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { newId } from '../db/new-id.ts';
import { hashPassword, makeOneTimePassword } from './password.ts';

export const FIRST_ACCOUNT_EMAIL = 'admin@sitelift.local';
/** Of whoever sits at this machine (`local-token.ts`); nobody can sign in to it, so it is not counted here. */
export const LOCAL_EMAIL = 'local@sitelift.local';

export interface NewAccount {
  readonly email: string;
  readonly name: string;
  readonly role: StaffRole;
  readonly passwordHash: string;
  readonly mustChangePassword: boolean;
}

/** Null when the address is taken. */
export async function createAccount(
  tx: Transaction,
  input: NewAccount,
  actor: string,
): Promise<string | null> {
  const id = newId('acc');
  const { rows } = await sql`
    insert into account (id, email, name, password_hash, role, must_change_password)
    values (${id}, ${input.email.toLowerCase()}, ${input.name}, ${input.passwordHash}, ${input.role},
            ${input.mustChangePassword})
    on conflict (email) do nothing returning id`.execute(tx);
  if (rows.length === 0) return null;
  await recordEvent(tx, {
    actor,
    verb: 'account-created',
    object: { kind: 'account', id },
    customerId: null,
    before: null,
    after: { email: input.email, role: input.role },
    reason: null,
  });
  return id;
}

/** Null when there is an account already. */
export async function createFirstAccount(
  db: Database,
): Promise<{ readonly email: string; readonly oneTimePassword: string } | null> {
  const { rows } = await sql`select 1 from account where email <> ${LOCAL_EMAIL} limit 1`.execute(db);
  if (rows.length > 0) return null;
  const oneTimePassword = makeOneTimePassword();
  const passwordHash = await hashPassword(oneTimePassword);
  const created = await db.transaction().execute((tx) =>
    createAccount(
      tx,
      {
        email: FIRST_ACCOUNT_EMAIL,
        name: 'Administrator',
        role: 'admin',
        passwordHash,
        mustChangePassword: true,
      },
      'first start',
    ),
  );
  // Two servers that start at once: the other one has printed it.
  return created === null ? null : { email: FIRST_ACCOUNT_EMAIL, oneTimePassword };
}
