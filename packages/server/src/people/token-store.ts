/**
 * API tokens: `slt_` and 256 bits, shown once; hashed, scoped, expiring, revocable. A token never reaches further than the
 * role of its account does now: who loses a role loses it in every token at once.
 */
import type { Scope, TokenView } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { newId } from '../db/new-id.ts';
import { hashBearer, makeBearer, TOKEN_PREFIX } from './bearer.ts';
import { callerOf, type AccountRow, type Caller } from './caller.ts';

/** `last_used_at` is written at most this often. */
const USED_EVERY_SECONDS = 20;

export interface NewToken {
  readonly accountId: string;
  readonly actor: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly days: number;
}

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly last_used_at: Date | null;
}

function view(row: TokenRow): TokenView {
  return {
    id: row.id,
    name: row.name,
    scopes: [...row.scopes],
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
  };
}

export async function createToken(
  tx: Transaction,
  input: NewToken,
): Promise<TokenView & { readonly token: string }> {
  const token = makeBearer(TOKEN_PREFIX);
  const id = newId('tok');
  const { rows } = await sql<TokenRow>`
    insert into api_token (id, token_hash, name, account_id, scopes, expires_at)
    values (${id}, ${hashBearer(token)}, ${input.name}, ${input.accountId}, ${[...input.scopes]}::text[],
            app_now() + ${input.days} * interval '1 day')
    returning id, name, scopes, created_at, expires_at, last_used_at`.execute(tx);
  const [row] = rows;
  if (row === undefined) throw new Error('the insert of a token gave no row');
  await recordEvent(tx, {
    actor: input.actor,
    verb: 'token-created',
    object: { kind: 'token', id },
    customerId: null,
    before: null,
    after: { name: input.name, scopes: input.scopes, expiresAt: row.expires_at.toISOString() },
    reason: null,
  });
  return { ...view(row), token };
}

export async function listTokens(db: Database, accountId: string): Promise<TokenView[]> {
  const { rows } = await sql<TokenRow>`
    select id, name, scopes, created_at, expires_at, last_used_at from api_token
     where account_id = ${accountId} and revoked_at is null and expires_at > app_now() order by created_at desc`.execute(
    db,
  );
  return rows.map(view);
}

/** False when this account has no such token that still counts. */
export async function revokeToken(
  tx: Transaction,
  input: { readonly accountId: string; readonly actor: string; readonly tokenId: string },
): Promise<boolean> {
  const { rows } = await sql<{ name: string }>`
    update api_token set revoked_at = app_now()
     where id = ${input.tokenId} and account_id = ${input.accountId} and revoked_at is null returning name`.execute(
    tx,
  );
  const [row] = rows;
  if (row === undefined) return false;
  await recordEvent(tx, {
    actor: input.actor,
    verb: 'token-revoked',
    object: { kind: 'token', id: input.tokenId },
    customerId: null,
    before: { name: row.name },
    after: null,
    reason: null,
  });
  return true;
}

/** Every token of an account that still counts; each is an event of its own, with `reason`. */
export async function revokeTokens(
  tx: Transaction,
  input: { readonly accountId: string; readonly actor: string; readonly reason: string },
): Promise<void> {
  const { rows } = await sql<{ id: string; name: string }>`
    update api_token set revoked_at = app_now()
     where account_id = ${input.accountId} and revoked_at is null and expires_at > app_now() returning id, name`.execute(
    tx,
  );
  for (const { id, name } of rows)
    await recordEvent(tx, {
      actor: input.actor,
      verb: 'token-revoked',
      object: { kind: 'token', id },
      customerId: null,
      before: { name },
      after: null,
      reason: input.reason,
    });
}

export async function findByToken(db: Database, token: string): Promise<Caller | null> {
  const { rows } = await sql<
    AccountRow & { token_id: string; token_name: string; token_scopes: readonly Scope[]; stale: boolean }
  >`
    select a.id, a.email, a.name, a.role, a.must_change_password,
           t.id as token_id, t.name as token_name, t.scopes as token_scopes,
           t.last_used_at is null or t.last_used_at < app_now() - ${USED_EVERY_SECONDS} * interval '1 s' as stale
      from api_token t join account a on a.id = t.account_id
     where t.token_hash = ${hashBearer(token)} and t.revoked_at is null and t.expires_at > app_now()
       and a.disabled_at is null`.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  if (row.stale)
    await sql`update api_token set last_used_at = app_now() where id = ${row.token_id}`.execute(db);
  // A token was made by somebody who had a password already: a one-time password never opens it.
  return callerOf(
    { ...row, must_change_password: false },
    { kind: 'token', tokenId: row.token_id },
    { name: row.token_name, scopes: row.token_scopes },
  );
}
