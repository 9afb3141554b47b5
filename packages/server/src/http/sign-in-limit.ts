/**
 * How often passwords may be tried: per address that asks (whatever comes of it: each try costs us a tenth of a second) and
 * per account that is asked for (only what failed). In this server's memory: several servers each count for themselves.
 */
import rateLimit from '@fastify/rate-limit';
import { Problem } from '@sitelift/contract/problems.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { systemClock } from '../db/clock.ts';
import { createTryCounter } from '../people/try-counter.ts';

const WINDOW_MS = 5 * 60_000;
/** People behind one address share this. */
const TRIES_PER_ADDRESS = 120;
/** Ten wrong passwords in five minutes are no typing errors. */
const FAILURES_PER_ACCOUNT = 10;

/**
 * Throws `rate-limited` when this was one try too many; else makes the try. `account` is whatever names the account: e-mail
 * address or id. A try that gives a value was a success; null was a failure.
 */
export type LimitTry = <T>(
  request: FastifyRequest,
  account: string,
  attempt: () => Promise<T | null>,
) => Promise<T | null>;

export async function registerSignInLimit(app: FastifyInstance): Promise<LimitTry> {
  await app.register(rateLimit, { global: false });
  const byAddress = app.createRateLimit({ timeWindow: WINDOW_MS, max: TRIES_PER_ADDRESS });
  const byAccount = createTryCounter(FAILURES_PER_ACCOUNT, WINDOW_MS, systemClock.monotonicMs);
  return async (request, account, attempt) => {
    const address = await byAddress(request);
    if (!address.isAllowed && address.isExceeded)
      throw new Problem('rate-limited', { retryAfter: address.ttlInSeconds });
    const key = account.trim().toLowerCase();
    const waitMs = byAccount.take(key);
    if (waitMs !== null) throw new Problem('rate-limited', { retryAfter: waitMs / 1_000 });
    const outcome = await attempt();
    if (outcome !== null) byAccount.giveBack(key);
    return outcome;
  };
}
