/** Gives a repeated request its first answer, refusals included; a failure of ours is forgotten, so that it may be tried again. */
import { Problem, PROBLEMS } from '@sitelift/contract/problems.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../people/caller.ts';
import type { HttpDeps } from './http-deps.ts';
import { claimKey, forgetKey, hashRequest, storeAnswer } from './idempotency-store.ts';
import { writeProblem } from './write-problem.ts';

const MAX_KEY_CHARS = 200;
const FIRST_DEFECT_STATUS = 500;

function keyOf(request: FastifyRequest): string {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || key === '') throw new Problem('idempotency-key-missing');
  if (key.length > MAX_KEY_CHARS)
    throw new Problem('idempotency-key-missing', { detail: `at most ${MAX_KEY_CHARS} characters` });
  return key;
}

export async function answerOnce(
  { db }: HttpDeps,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
  body: unknown,
  answer: () => Promise<unknown>,
): Promise<unknown> {
  const [path = ''] = request.url.split('?');
  const requestHash = hashRequest(request.method, path, body);
  const keyed = { accountId: caller.accountId, key: keyOf(request), requestHash };
  const first = await claimKey(db, keyed);
  if (first !== null) {
    const type = first.status >= 400 ? 'application/problem+json' : 'application/json';
    return reply
      .code(first.status)
      .header('idempotency-replayed', 'true')
      .type(type)
      .send(JSON.stringify(first.body));
  }
  try {
    const given = await answer();
    await storeAnswer(db, keyed, { status: 200, body: given });
    return given;
  } catch (error) {
    if (error instanceof Problem && PROBLEMS[error.code].status < FIRST_DEFECT_STATUS) {
      const { status, body: problem } = writeProblem(error, request.id);
      await storeAnswer(db, keyed, { status, body: problem });
    } else await forgetKey(db, keyed).catch(() => {}); // the failure itself is what must be told
    throw error;
  }
}
