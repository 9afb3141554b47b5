/** Sign-in, passwords and tokens. */
import { Problem } from '@sitelift/contract/problems.ts';
import { accountView } from '../../people/caller.ts';
import { changePassword, signIn } from '../../people/sign-in.ts';
import { closeSession } from '../../people/session-store.ts';
import { createToken, listTokens, revokeToken } from '../../people/token-store.ts';
import type { Answers } from '../answer.ts';
import { checkId, invalidField } from '../check-input.ts';
import type { HttpDeps } from '../http-deps.ts';
import type { SessionCookie } from '../session-cookie.ts';
import type { LimitTry } from '../sign-in-limit.ts';

export function peopleAnswers(
  { db }: HttpDeps,
  cookie: SessionCookie,
  limitTry: LimitTry,
): Pick<
  Answers,
  'signIn' | 'me' | 'signOut' | 'changePassword' | 'listTokens' | 'createToken' | 'revokeToken'
> {
  return {
    signIn: async ({ body, request, reply }) => {
      const { email, password } = body;
      const signedIn = await limitTry(request, email, () => signIn(db, email, password));
      if (signedIn === null) throw new Problem('wrong-password');
      cookie.set(reply, signedIn.bearer);
      return accountView(signedIn.caller);
    },
    me: async ({ caller }) => accountView(caller),
    signOut: async ({ caller, reply }) => {
      if (caller.credential.kind === 'session') {
        await closeSession(db, caller.credential.tokenHash);
        cookie.clear(reply);
        reply.header('clear-site-data', '"cache", "storage"');
      }
      return { done: true };
    },
    changePassword: async ({ body, caller, request }) => {
      const outcome = await limitTry(request, caller.accountId, () =>
        changePassword(db, caller, body.current, body.next),
      );
      if (outcome === null) throw new Problem('wrong-password');
      if (outcome === 'unchanged') throw invalidField('/next', 'must differ from the password before');
      return accountView({ ...caller, mustChangePassword: false });
    },
    listTokens: async ({ caller }) => ({ tokens: await listTokens(db, caller.accountId) }),
    createToken: async ({ body, caller }) => {
      const { accountId, actor } = caller;
      const missing = body.scopes.filter((scope) => !caller.scopes.includes(scope));
      if (missing.length > 0)
        throw new Problem('forbidden', {
          detail: `you do not have the scope ${missing.join(', ')} yourself`,
        });
      const input = { accountId, actor, name: body.name, scopes: body.scopes, days: body.days };
      return db.transaction().execute((tx) => createToken(tx, input));
    },
    revokeToken: async ({ params, caller }) => {
      checkId('tok', params.token);
      const input = { accountId: caller.accountId, actor: caller.actor, tokenId: params.token };
      const revoked = await db.transaction().execute((tx) => revokeToken(tx, input));
      if (!revoked) throw new Problem('not-found');
      return { done: true };
    },
  };
}
