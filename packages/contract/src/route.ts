/**
 * One route: method, path, what it takes and gives, and what a caller needs. The server registers exactly these, the client
 * calls exactly these, and OpenAPI is made of exactly these.
 */
import type { z } from 'zod';
import type { Scope } from './views.ts';

/** `public`: nobody need be signed in. `session`: whoever is signed in, also with a one-time password. */
export type Access = Scope | 'public' | 'session';

export interface Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Response extends z.ZodType = z.ZodType,
> {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for parameters, below `/api/v1`. */
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly response: Response;
  /** `idempotency`: a repeat with the same Idempotency-Key gets the first answer; needed on such routes. */
  readonly idempotency: boolean;
  /** Answers piece by piece; `response` is one of them. Server-sent events, unless `media` says otherwise. */
  readonly stream: boolean;
  readonly media?: string;
}

export type ParamsOf<R extends Route> = z.input<R['params']>;
export type QueryOf<R extends Route> = z.input<R['query']>;
export type BodyOf<R extends Route> = z.input<R['body']>;
export type ResponseOf<R extends Route> = z.output<R['response']>;
