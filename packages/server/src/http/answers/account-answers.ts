/** Accounts of staff: for administrators. One-time passwords are answered once and never kept, so no answer here is replayed. */
import { Problem } from '@sitelift/contract/problems.ts';
import { listAccounts } from '../../people/account-views.ts';
import { changeAccount, createStaffAccount, type AccountResult } from '../../people/change-account.ts';
import type { Answers } from '../answer.ts';
import { refuseOtherKinds } from '../check-input.ts';
import type { HttpDeps } from '../http-deps.ts';

type Done<P> = Extract<AccountResult<P>, { readonly oneTimePassword: P }>;

function unlessRefused<P>(result: AccountResult<P>): Done<P> {
  if ('missing' in result) throw new Problem('not-found', { detail: result.missing });
  if ('refused' in result) throw new Problem('change-refused', { reasons: result.refused });
  return result;
}

export function accountAnswers({
  db,
}: HttpDeps): Pick<Answers, 'listAccounts' | 'createAccount' | 'changeAccount'> {
  return {
    listAccounts: async () => ({ accounts: await listAccounts(db) }),
    createAccount: async ({ body, caller }) =>
      unlessRefused(await createStaffAccount(db, body, caller.actor)),
    changeAccount: async ({ params, body, caller }) => {
      // An address may begin like another kind's id: `run_team@…`.
      if (!params.account.includes('@')) refuseOtherKinds('acc', params.account);
      return unlessRefused(await changeAccount(db, params.account, body, caller));
    },
  };
}
