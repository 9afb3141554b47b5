/** Who is asking, found by session or token; and what that person may do. */
import { SCOPES_OF_ROLE, type AccountView, type Scope, type StaffRole } from '@sitelift/contract/views.ts';

/** How somebody showed who they are; enough to ask again later whether that still counts. */
export type Credential =
  | { readonly kind: 'session'; readonly tokenHash: string }
  | { readonly kind: 'token'; readonly tokenId: string };

export interface Caller {
  readonly accountId: string;
  readonly email: string;
  readonly name: string;
  readonly role: StaffRole;
  /** Of the role; a token's caller has only those that the token was given too. */
  readonly scopes: readonly Scope[];
  readonly mustChangePassword: boolean;
  readonly credential: Credential;
  /** For the audit trail: the e-mail address, with the token where one was used. */
  readonly actor: string;
}

export interface AccountRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: StaffRole;
  readonly must_change_password: boolean;
}

export function callerOf(
  account: AccountRow,
  credential: Credential,
  token: { readonly name: string; readonly scopes: readonly Scope[] } | null,
): Caller {
  const mine = SCOPES_OF_ROLE[account.role];
  return {
    accountId: account.id,
    email: account.email,
    name: account.name,
    role: account.role,
    scopes: token === null ? mine : mine.filter((scope) => token.scopes.includes(scope)),
    mustChangePassword: account.must_change_password,
    credential,
    actor: token === null ? account.email : `${account.email} via token ${token.name}`,
  };
}

export function accountView(caller: Caller): AccountView {
  const { accountId, email, name, role, scopes, mustChangePassword } = caller;
  return { id: accountId, email, name, role, scopes: [...scopes], mustChangePassword };
}
