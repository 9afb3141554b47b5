/**
 * How often passwords may be tried: per address that asks and per account that is asked for, counted before a password is
 * looked at. In this server's memory: with several servers each counts for itself, which multiplies the limit by their number.
 */
import rateLimit from '@fastify/rate-limit';
import { Problem } from '@sitelift/contract/problems.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const WINDOW_MS = 5 * 60_000;
/** People behind one address share this. */
export const TRIES_PER_ADDRESS = 60;
/** Ten wrong passwords in five minutes are no typing errors. */
export const TRIES_PER_ACCOUNT = 10;

/** Throws `rate-limited` when this was one try too many. `account` is whatever names the account: address or id. */
export type CountTry = (request: FastifyRequest, account: string) => Promise<void>;

export async function registerSignInLimit(app: FastifyInstance): Promise<CountTry> {
  await app.register(rateLimit, { global: false });
  // The plugin asks for the key by request alone; the account was parsed out of the body by then.
  const accounts = new WeakMap<FastifyRequest, string>();
  const options = { timeWindow: WINDOW_MS };
  const byAddress = app.createRateLimit({
    ...options,
    max: TRIES_PER_ADDRESS,
    keyGenerator: (request) => `address ${request.ip}`,
  });
  const byAccount = app.createRateLimit({
    ...options,
    max: TRIES_PER_ACCOUNT,
    keyGenerator: (request) => `account ${accounts.get(request) ?? ''}`,
  });
  return async (request, account) => {
    accounts.set(request, account.trim().toLowerCase());
    for (const limit of [await byAddress(request), await byAccount(request)]) {
      if (!limit.isAllowed && limit.isExceeded)
        throw new Problem('rate-limited', { retryAfter: limit.ttlInSeconds });
    }
  };
}
