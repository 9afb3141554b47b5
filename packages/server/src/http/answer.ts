/** What a route's handler looks like. The table of all of them is checked by the compiler: `Answers` has every route. */
import type { ResponseOf, Route } from '@sitelift/contract/route.ts';
import type { Routes } from '@sitelift/contract/routes.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Caller } from '../people/caller.ts';

/** One checked request. What a public route gets as caller is null: nobody was asked who they are. */
export interface Call<R extends Route> {
  readonly params: z.output<R['params']>;
  readonly query: z.output<R['query']>;
  readonly body: z.output<R['body']>;
  readonly caller: R['access'] extends 'public' ? null : Caller;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** A streaming route takes the reply over; everything else returns what its schema says. */
export type Answer<R extends Route> = (
  call: Call<R>,
) => Promise<R['stream'] extends true ? void : ResponseOf<R>>;

export type Answers = { readonly [K in keyof Routes]: Answer<Routes[K]> };
