/**
 * The typed client that the CLI, the console and scripts share. A refusal comes back as a thrown `ProblemResponse` that
 * carries the server's problem document; a server that cannot be reached as `Unreachable`. Nothing is retried here.
 */
import type { z } from 'zod';
import { ProblemSchema, problemCodeOf, type ProblemCode, type ProblemDocument } from './problems.ts';
import type { BodyOf, ParamsOf, QueryOf, ResponseOf, Route } from './route.ts';

export const API_PREFIX = '/api/v1';

export class ProblemResponse extends Error {
  readonly status: number;
  readonly code: ProblemCode | null;
  readonly problem: ProblemDocument;
  constructor(status: number, problem: ProblemDocument) {
    super(problem.detail ?? problem.title);
    this.name = 'ProblemResponse';
    this.status = status;
    this.code = problemCodeOf(problem.type);
    this.problem = problem;
  }
}

export class Unreachable extends Error {
  constructor(baseUrl: string, cause: unknown) {
    super(`no Sitelift answers at ${baseUrl}`, { cause });
    this.name = 'Unreachable';
  }
}

export interface ClientOptions {
  /** Origin of the server, e.g. `http://127.0.0.1:7410`; empty for the page's own origin. */
  readonly baseUrl: string;
  readonly token?: string;
}

/** Only what the route takes needs to be given. */
type Part<Name extends string, Value> =
  Record<string, never> extends Value ? { readonly [K in Name]?: Value } : { readonly [K in Name]: Value };
export type CallInput<R extends Route> = Part<'params', ParamsOf<R>> &
  Part<'query', QueryOf<R>> &
  Part<'body', BodyOf<R>> & { readonly idempotencyKey?: string; readonly signal?: AbortSignal };

interface LooseInput {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** The address of a route with its parameters filled in. */
export function urlOf(route: Route, input: LooseInput, baseUrl = ''): string {
  const params = (input.params ?? {}) as Record<string, string>; // as: typed by CallInput
  const path = route.path.replaceAll(/:([a-z]+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined && value !== null) query.set(key, String(value));
  }
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  return `${baseUrl}${API_PREFIX}${path}${search}`;
}

export interface Client {
  readonly baseUrl: string;
  call<R extends Route>(
    route: R,
    ...input: Record<string, never> extends CallInput<R> ? [CallInput<R>?] : [CallInput<R>]
  ): Promise<ResponseOf<R>>;
  /** The raw answer of a streaming route; `lastEventId` resumes. */
  open<R extends Route>(route: R, input: CallInput<R>, lastEventId?: string): Promise<Response>;
}

export function createClient(options: ClientOptions): Client {
  const { baseUrl } = options;
  const send = async (route: Route, input: LooseInput, extra: Record<string, string>): Promise<Response> => {
    const headers: Record<string, string> = { accept: 'application/json', ...extra };
    if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
    const hasBody = route.method !== 'GET';
    if (hasBody) headers['content-type'] = 'application/json';
    if (route.idempotency) headers['idempotency-key'] = input.idempotencyKey ?? crypto.randomUUID();
    try {
      return await fetch(urlOf(route, input, baseUrl), {
        method: route.method,
        headers,
        ...(hasBody ? { body: JSON.stringify(input.body ?? {}) } : {}),
        ...(input.signal === undefined ? {} : { signal: input.signal }),
      });
    } catch (cause) {
      if (input.signal?.aborted === true) throw cause;
      throw new Unreachable(baseUrl, cause);
    }
  };
  return {
    baseUrl,
    call: async (route, ...args) => {
      const [input = {}] = args;
      const answer = await send(route, input, {});
      const json: unknown = await answer.json().catch(() => null);
      if (!answer.ok) throw new ProblemResponse(answer.status, problemOf(answer, json));
      return (route.response as z.ZodType<ResponseOf<typeof route>>).parse(json); // as: the route's own schema
    },
    open: async (route, input, lastEventId) => {
      const resume: Record<string, string> =
        lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
      const answer = await send(route, input, { accept: 'text/event-stream', ...resume });
      if (!answer.ok)
        throw new ProblemResponse(answer.status, problemOf(answer, await answer.json().catch(() => null)));
      return answer;
    },
  };
}

function problemOf(answer: Response, json: unknown): ProblemDocument {
  const parsed = ProblemSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  return { type: 'about:blank', title: `The server answered ${answer.status}`, status: answer.status };
}
