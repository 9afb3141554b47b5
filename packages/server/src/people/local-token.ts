/**
 * The token for whoever sits at this machine: at every start the server writes a fresh one into `<data dir>/local-token`, mode
 * 0600, and the one before it ends. Who may read that file may read the database beside it anyway, so it gives nothing
 * away; and `sitelift plan` works at once, without a sign-in. It is bound to an account that nobody can sign in to.
 */
import { randomBytes } from 'node:crypto';
import { chmod, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SCOPES } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { machineAccountId } from './account-views.ts';
import { makeBearer } from './bearer.ts';
import { createAccount, LOCAL_EMAIL } from './first-account.ts';
import { hashPassword } from './password.ts';
import { createToken } from './token-store.ts';

export const LOCAL_TOKEN_FILE = 'local-token';
const TOKEN_NAME = 'this machine';
/** A server that runs longer than this is started again before; the token then goes with its start. */
const DAYS = 365;

async function localAccount(db: Database): Promise<string> {
  const known = await machineAccountId(db);
  if (known !== null) return known;
  // A password that nobody has ever seen.
  const passwordHash = await hashPassword(makeBearer());
  const name = 'Whoever sits at this machine';
  const account = {
    email: LOCAL_EMAIL,
    name,
    role: 'admin',
    mustChangePassword: false,
    passwordHash,
  } as const;
  const created = await db.transaction().execute((tx) => createAccount(tx, account, 'first start'));
  const id = created ?? (await machineAccountId(db));
  if (id === null) throw new Error('the account of this machine could not be made');
  return id;
}

/** Writes `{url, token}` for the CLI; `url` is where this server answers. Returns the file's path. */
export async function writeLocalToken(db: Database, dataDir: string, url: string): Promise<string> {
  const accountId = await localAccount(db);
  const { token } = await db.transaction().execute(async (tx) => {
    await sql`
      update api_token set revoked_at = app_now() where account_id = ${accountId} and revoked_at is null`.execute(
      tx,
    );
    const actor = 'the server at its start';
    return createToken(tx, { accountId, actor, name: TOKEN_NAME, scopes: SCOPES, days: DAYS });
  });
  const path = join(dataDir, LOCAL_TOKEN_FILE);
  const fresh = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(fresh, `${JSON.stringify({ url, token })}\n`, { mode: 0o600 });
  // The mode above is only for a file that is new, and the umask may take from it.
  await chmod(fresh, 0o600);
  await rename(fresh, path);
  return path;
}
