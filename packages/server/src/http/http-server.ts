/**
 * The HTTP server: every route of the contract and nothing else under `/api/v1`, the web bundle beside it. A request goes
 * through the same gate whatever the route: who asks and whether it is theirs (before the body is read), what was sent
 * against the schemas, then the answer; whatever is thrown anywhere becomes a problem in one place. Forwarded headers are
 * not believed, and no link is ever built from `Host`.
 */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import cookies from '@fastify/cookie';
import helmet from '@fastify/helmet';
import { API_PREFIX } from '@sitelift/contract/client.ts';
import { Problem } from '@sitelift/contract/problems.ts';
import type { Route } from '@sitelift/contract/route.ts';
import { BODY_BYTES, FLEET_BODY_BYTES, ROUTES } from '@sitelift/contract/routes.ts';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { decisionNow } from '../db/clock.ts';
import type { Caller } from '../people/caller.ts';
import { allAnswers } from './answers/all-answers.ts';
import { authorize } from './authorize.ts';
import { checkInput } from './check-input.ts';
import type { EventStream } from './event-stream.ts';
import { startFleetStream } from './fleet-stream.ts';
import type { HttpDeps } from './http-deps.ts';
import { answerOnce } from './answer-once.ts';
import { parseJson } from './parse-json.ts';
import { refuseSocket } from './refuse-socket.ts';
import { sessionCookie } from './session-cookie.ts';
import { registerSignInLimit } from './sign-in-limit.ts';
import { nonceOf } from './style-nonce.ts';
import { registerWebPages } from './web-pages.ts';
import { problemOf, writeProblem } from './write-problem.ts';

/** A request must have arrived by then: a slow sender holds a socket, not the server. */
const REQUEST_LIMIT_MS = 60_000;
const MAX_PARAM_CHARS = 200;
const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?$/i;

/** security.md 4.4. Nothing inline but the one style that names the nonce, nothing from elsewhere. */
const CSP = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", (_: unknown, response: ServerResponse) => `'nonce-${nonceOf(response)}'`],
    imgSrc: ["'self'"],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
    requireTrustedTypesFor: ["'script'"],
  },
};

export interface HttpServer {
  /** Where it listens, e.g. `http://127.0.0.1:7410`. */
  readonly address: string;
  readonly port: number;
  /** Ends streams, lets requests under way finish, closes the port. */
  stop(): Promise<void>;
}

type LooseAnswer = (call: {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly caller: Caller | null;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}) => Promise<unknown>;

/** Paths of the contract as patterns, to tell a wrong method from an unknown address. */
function methodsAt(path: string): readonly string[] {
  return ROUTES.filter((route) => {
    const pattern = route.path.replaceAll(/:[a-z]+/g, '[^/]+');
    return new RegExp(`^${API_PREFIX}${pattern}$`).test(path);
  }).map((route) => route.method);
}

function sendProblem(reply: FastifyReply, error: unknown, requestId: string, deps: HttpDeps): FastifyReply {
  const { status, headers, body } = writeProblem(problemOf(error, requestId, deps.log), requestId);
  return reply
    .code(status)
    .headers(headers)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send(JSON.stringify(body));
}

async function createApp(deps: HttpDeps): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    trustProxy: false,
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_LIMIT_MS,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_PARAM_CHARS },
    genReqId: () => `req_${randomBytes(10).toString('hex')}`,
    clientErrorHandler: refuseSocket,
    frameworkErrors: (error, request, reply) => void sendProblem(reply, error, request.id, deps),
  });
  app.setErrorHandler((error, request, reply) => sendProblem(reply, error, request.id, deps));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  const https = new URL(deps.settings.publicUrl).protocol === 'https:';
  await app.register(helmet, {
    contentSecurityPolicy: CSP,
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: true } : false,
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
  });
  await app.register(cookies);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      // A charset that is not UTF-8 is somebody who wants the body read in two ways.
      if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) throw new Problem('unsupported-media-type');
      return parseJson(body);
    },
  );
  return app;
}

export async function startHttpServer(
  deps: HttpDeps,
  listen: { readonly host: string; readonly port: number },
): Promise<HttpServer> {
  const app = await createApp(deps);
  const cookie = sessionCookie(deps.settings.publicUrl);
  const limitTry = await registerSignInLimit(app);
  const fleetStream = startFleetStream(deps.db, () => decisionNow(deps.db), deps.log);
  const streams = new Set<EventStream>();
  const opened = (stream: EventStream): void => {
    streams.add(stream);
    stream.onClose(() => streams.delete(stream));
  };
  const answers = allAnswers(deps, { cookie, limitTry, fleetStream, opened });

  const callers = new WeakMap<FastifyRequest, Caller>();
  const addRoute = (route: Route, answer: LooseAnswer): void => {
    app.route({
      method: route.method,
      url: `${API_PREFIX}${route.path}`,
      bodyLimit: route.name === 'applyFleet' ? FLEET_BODY_BYTES : BODY_BYTES,
      onRequest: async (request, reply) => {
        reply.header('cache-control', 'no-store');
        const caller = await authorize(deps.db, route, request, cookie, deps.settings.publicUrl);
        if (caller !== null) callers.set(request, caller);
      },
      handler: async (request, reply) => {
        const caller = callers.get(request) ?? null;
        const { params, query, body = {} } = request;
        const input = checkInput(route, { params, query, body: body ?? {} });
        const call = { ...input, caller, request, reply };
        if (route.stream) {
          await answer(call);
          return reply;
        }
        if (!route.idempotency || caller === null) return answer(call);
        return answerOnce(deps, caller, request, reply, input.body, () => answer(call));
      },
    });
  };
  for (const route of ROUTES) {
    // as: `Answers` is checked against the contract where it is made, and `checkInput` gives each what its schema says
    addRoute(route, answers[route.name as keyof typeof answers] as unknown as LooseAnswer);
  }

  const pages = await registerWebPages(app, deps.settings.webDir);
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?');
    const methods = methodsAt(path);
    if (methods.length > 0 && !methods.includes(request.method)) {
      reply.header('allow', methods.join(', '));
      throw new Problem('method-not-allowed');
    }
    const wantsPage =
      request.method === 'GET' &&
      !path.startsWith('/api/') &&
      request.headers.accept?.includes('text/html') === true;
    if (!wantsPage) throw new Problem('not-found');
    return pages.fallback(reply);
  });

  app.addHook('preClose', async () => {
    await fleetStream.stop();
    for (const stream of streams) stream.close();
  });
  await app.listen(listen);
  const { port } = app.server.address() as AddressInfo; // as: it listens on TCP
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return { address: `http://${host}:${port}`, port, stop: () => app.close() };
}
