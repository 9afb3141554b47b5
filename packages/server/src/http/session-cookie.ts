/**
 * The cookie of the console. Over https it is `__Host-` and Secure, so that no sibling host can set or read it; on plain-http
 * loopback browsers refuse both, and the start page says so. A cookie speaks only for requests from our own pages.
 */
import { Problem } from '@sitelift/contract/problems.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SESSION_HOURS } from '../people/session-store.ts';

export interface SessionCookie {
  read(request: FastifyRequest): string | null;
  set(reply: FastifyReply, bearer: string): void;
  clear(reply: FastifyReply): void;
}

export function sessionCookie(publicUrl: string): SessionCookie {
  const secure = new URL(publicUrl).protocol === 'https:';
  const name = secure ? '__Host-sitelift_session' : 'sitelift_session';
  const options = { path: '/', httpOnly: true, sameSite: 'strict', secure } as const;
  return {
    read: (request) => request.cookies[name] ?? null,
    set: (reply, bearer) => void reply.setCookie(name, bearer, { ...options, maxAge: SESSION_HOURS * 3_600 }),
    clear: (reply) => void reply.clearCookie(name, options),
  };
}

function isOurs(origin: string, request: FastifyRequest, publicUrl: string): boolean {
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  // The host that the browser itself asked: a page of another site cannot have this cookie under our host's name.
  return from.origin === new URL(publicUrl).origin || from.host === request.headers.host;
}

/**
 * Refuses what another site's page sent. Browsers say where a request comes from in `Sec-Fetch-Site`, older ones in
 * `Origin`; with a cookie one of them must be there. `strict` is false where no cookie speaks (signing in by a script).
 */
export function refuseCrossSite(request: FastifyRequest, publicUrl: string, strict: boolean): void {
  const site = request.headers['sec-fetch-site'];
  const { origin } = request.headers;
  if (site !== undefined && site !== 'same-origin') throw new Problem('cross-site-request');
  if (origin !== undefined && !isOurs(origin, request, publicUrl)) throw new Problem('cross-site-request');
  if (strict && site === undefined && origin === undefined) throw new Problem('cross-site-request');
}
