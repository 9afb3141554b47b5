/**
 * What an administrator does to accounts of others. Who is disabled or lowered is out in the same transaction: sessions end and
 * tokens are revoked, or a page left open would outlive the right to it. The last administrator stays, for nobody could bring
 * one back; and nobody changes their own role, so that nobody is locked out by a slip or raised by a borrowed session.
 */
import type { AccountChange, StaffAccountView } from '@sitelift/contract/staff-account.ts';
import { STAFF_ROLES, type StaffRole } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { findStaffAccount, listAccounts } from './account-views.ts';
import { createAccount, LOCAL_EMAIL } from './first-account.ts';
import { hashPassword, makeOneTimePassword } from './password.ts';
import { closeOtherSessions } from './session-store.ts';
import { revokeTokens } from './token-store.ts';

/** Who does it: `actor` for the record, `accountId` to know their own account from others. */
export interface ByAdmin {
  readonly actor: string;
  readonly accountId: string;
}

export interface StaffInput {
  readonly email: string;
  readonly name: string;
  readonly role: StaffRole;
}

export type AccountResult<P> =
  | { readonly account: StaffAccountView; readonly oneTimePassword: P }
  | { readonly missing: string }
  | { readonly refused: readonly string[] };

/** Refused when the address is taken, also by an account that is disabled: what the record says of it stays one person's. */
export async function createStaffAccount(
  db: Database,
  input: StaffInput,
  actor: string,
): Promise<AccountResult<string>> {
  // Before there is one: whoever got this address would get the token of the machine with the next start.
  if (input.email.toLowerCase() === LOCAL_EMAIL)
    return { refused: ['this address is kept for the account of the machine itself'] };
  const oneTimePassword = makeOneTimePassword();
  const passwordHash = await hashPassword(oneTimePassword);
  return db.transaction().execute(async (tx) => {
    const id = await createAccount(tx, { ...input, passwordHash, mustChangePassword: true }, actor);
    if (id === null) return { refused: ['there is an account with this address already'] };
    return { account: await mustFind(tx, id), oneTimePassword };
  });
}

/** All of the change or nothing. `named`: id or e-mail address. */
export async function changeAccount(
  db: Database,
  named: string,
  change: AccountChange,
  by: ByAdmin,
): Promise<AccountResult<string | null>> {
  const oneTimePassword = change.newPassword === true ? makeOneTimePassword() : null;
  const passwordHash = oneTimePassword === null ? null : await hashPassword(oneTimePassword);
  return db.transaction().execute(async (tx) => {
    // Two administrators who lower each other at once would each leave the other as the last one.
    await sql`lock table account in share row exclusive mode`.execute(tx);
    const account = await findStaffAccount(tx, named);
    if (account === null) return { missing: 'there is no such account' };
    const refused = reasonsAgainst(account, change, by, await listAccounts(tx));
    if (refused.length > 0) return { refused };
    const { id } = account;
    if (change.role !== undefined) await setRole(tx, account, change.role, by.actor);
    if (change.disabled !== undefined) await setDisabled(tx, account, change.disabled, by.actor);
    if (passwordHash !== null) await resetPassword(tx, account, passwordHash, by.actor);
    return { account: await mustFind(tx, id), oneTimePassword };
  });
}

function reasonsAgainst(
  account: StaffAccountView,
  change: AccountChange,
  by: ByAdmin,
  all: readonly StaffAccountView[],
): readonly string[] {
  if (account.machine)
    return [
      'it is the account of the machine itself: it has no password, and its token is renewed with every start',
    ];
  const reasons: string[] = [];
  const { role, disabled } = change;
  const isDisabled = account.disabledAt !== null;
  if (role !== undefined && account.id === by.accountId)
    reasons.push('nobody changes their own role: another administrator does');
  else if (role === account.role) reasons.push(`${account.email} has the role ${role} already`);
  if (disabled === isDisabled)
    reasons.push(`${account.email} is ${disabled ? 'disabled' : 'enabled'} already`);
  // The machine's own account is none of them: it ends with the machine.
  const admins = all.filter((each) => each.role === 'admin' && each.disabledAt === null && !each.machine);
  const isLast = admins.length === 1 && admins[0]?.id === account.id;
  if (isLast && (disabled === true || (role !== undefined && role !== 'admin')))
    reasons.push(`${account.email} is the last administrator: make another one first`);
  return reasons;
}

async function setRole(
  tx: Transaction,
  account: StaffAccountView,
  role: StaffRole,
  actor: string,
): Promise<void> {
  await sql`update account set role = ${role} where id = ${account.id}`.execute(tx);
  await record(tx, account, 'account-role-changed', actor, { role: account.role }, { role });
  const isLower = STAFF_ROLES.indexOf(role) < STAFF_ROLES.indexOf(account.role);
  if (isLower) await endReach(tx, account, actor, 'the role of its account was lowered');
}

/** Enabling ends reach too: what a request that was under way while the account was disabled left behind must not wake up. */
async function setDisabled(
  tx: Transaction,
  account: StaffAccountView,
  disabled: boolean,
  actor: string,
): Promise<void> {
  const at = disabled ? sql`app_now()` : sql`null`;
  await sql`update account set disabled_at = ${at} where id = ${account.id}`.execute(tx);
  const verb = disabled ? 'account-disabled' : 'account-enabled';
  await record(tx, account, verb, actor, { disabled: !disabled }, { disabled });
  await endReach(tx, account, actor, `its account was ${disabled ? 'disabled' : 'enabled anew'}`);
}

/** Tokens stay, as with a password that somebody replaces themselves: scripts do not know it. To end them too, disable first. */
async function resetPassword(
  tx: Transaction,
  account: StaffAccountView,
  passwordHash: string,
  actor: string,
): Promise<void> {
  await sql`
    update account set password_hash = ${passwordHash}, must_change_password = true where id = ${account.id}`.execute(
    tx,
  );
  await record(tx, account, 'account-password-reset', actor, null, null);
  await closeOtherSessions(tx, account.id, null);
}

async function endReach(
  tx: Transaction,
  account: StaffAccountView,
  actor: string,
  reason: string,
): Promise<void> {
  await closeOtherSessions(tx, account.id, null);
  await revokeTokens(tx, { accountId: account.id, actor, reason });
}

function record(
  tx: Transaction,
  account: StaffAccountView,
  verb: string,
  actor: string,
  before: object | null,
  after: object | null,
): Promise<unknown> {
  const object = { kind: 'account', id: account.id };
  return recordEvent(tx, { actor, verb, object, customerId: null, before, after, reason: null });
}

async function mustFind(tx: Transaction, id: string): Promise<StaffAccountView> {
  const account = await findStaffAccount(tx, id);
  if (account === null) throw new Error('an account was gone in the transaction that wrote it');
  return account;
}
