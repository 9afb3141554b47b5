/**
 * What a caller may still do, long after a stream was opened: it ends with the session, the token or the role behind it.
 * Looking does not keep a session alive, or an open page would never be signed out.
 */
import { SCOPES_OF_ROLE, type Scope, type StaffRole } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import type { Caller } from './caller.ts';
import { SESSION_IDLE_MINUTES } from './session-store.ts';

interface Reach {
  readonly role: StaffRole;
  readonly scopes: readonly Scope[] | null;
}

/** Empty when the session or the token has ended. */
export async function currentScopes(db: Database, caller: Caller): Promise<readonly Scope[]> {
  const { credential } = caller;
  const { rows } =
    credential.kind === 'session'
      ? await sql<Reach>`
          select a.role, null::text[] as scopes from session s join account a on a.id = s.account_id
           where s.token_hash = ${credential.tokenHash} and s.expires_at > app_now() and a.disabled_at is null
             and s.last_seen_at > app_now() - ${SESSION_IDLE_MINUTES} * interval '1 minute'`.execute(db)
      : await sql<Reach>`
          select a.role, t.scopes from api_token t join account a on a.id = t.account_id
           where t.id = ${credential.tokenId} and t.revoked_at is null and t.expires_at > app_now()
             and a.disabled_at is null`.execute(db);
  const [row] = rows;
  if (row === undefined) return [];
  return SCOPES_OF_ROLE[row.role].filter((scope) => row.scopes?.includes(scope) ?? true);
}
