/** Who asks, and whether this route is theirs: before a byte of the body is read. Deny unless something here allows. */
import { Problem } from '@sitelift/contract/problems.ts';
import type { Route } from '@sitelift/contract/route.ts';
import type { FastifyRequest } from 'fastify';
import type { Database } from '../db/database.ts';
import type { Caller } from '../people/caller.ts';
import { findSession } from '../people/session-store.ts';
import { findByToken } from '../people/token-store.ts';
import { roleWith } from './views/run-detail-views.ts';
import { refuseCrossSite, type SessionCookie } from './session-cookie.ts';

const BEARER = /^Bearer ([\w.~+/-]{1,200})$/;

/** An `Authorization` header speaks alone: a bad token is not saved by a good cookie. */
async function findCaller(
  db: Database,
  request: FastifyRequest,
  cookie: SessionCookie,
): Promise<Caller | null> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization)?.[1];
    return token === undefined ? null : findByToken(db, token);
  }
  const bearer = cookie.read(request);
  return bearer === null ? null : findSession(db, bearer);
}

export async function authorize(
  db: Database,
  route: Route,
  request: FastifyRequest,
  cookie: SessionCookie,
  publicUrl: string,
): Promise<Caller | null> {
  if (route.access === 'public') {
    if (route.method !== 'GET') refuseCrossSite(request, publicUrl, false);
    return null;
  }
  const caller = await findCaller(db, request, cookie);
  if (caller === null) throw new Problem('unauthenticated');
  if (caller.credential.kind === 'session' && route.method !== 'GET')
    refuseCrossSite(request, publicUrl, true);
  if (route.access === 'session') return caller;
  if (caller.mustChangePassword) throw new Problem('password-change-needed');
  if (!caller.scopes.includes(route.access)) {
    const detail =
      caller.credential.kind === 'token'
        ? `this needs the scope ${route.access}, which the token or its account does not have`
        : `this needs the role ${roleWith(route.access)} or one above it`;
    throw new Problem('forbidden', { detail });
  }
  return caller;
}
