/**
 * The one place that turns what was thrown into an answer (RFC 9457). A `Problem` is what we mean to say; a database that does
 * not answer is `unavailable`; everything else is a defect of ours: 500, an id for the client, and the whole chain of
 * causes for the log. No stack and no message of a stranger's reaches the client.
 */
import { Problem, problemType, PROBLEMS, type ProblemDocument } from '@sitelift/contract/problems.ts';
import type { HttpLog } from './http-deps.ts';

/** Errors of sockets and of PostgreSQL (class 08, 57P0x, 53300) that mean: no database to talk to now. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);
/** `pg` tells these by their text alone. */
const TERMINATED = /^Connection terminated|^timeout exceeded when trying to connect|^Client has encountered/;

const RETRY_SECONDS = 5;

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function causes(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let each = error; each instanceof Error && !chain.includes(each); each = each.cause) {
    chain.push(each);
    // `pg` over several addresses fails with all their errors at once.
    if (each instanceof AggregateError) chain.push(...each.errors.filter((one) => one instanceof Error));
  }
  return chain;
}

function isDatabaseAway(error: unknown): boolean {
  return causes(error).some(
    (each) => UNREACHABLE.has(codeOf(each)) || codeOf(each).startsWith('08') || TERMINATED.test(each.message),
  );
}

/** What Fastify refuses before a handler is reached, in our words. */
function fromFramework(error: unknown): Problem | null {
  if (!(error instanceof Error)) return null;
  switch (codeOf(error)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('too-large', {}, { cause: error });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported-media-type', {}, { cause: error });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new Problem('malformed-body', {}, { cause: error });
    case 'FST_ERR_BAD_URL':
      return new Problem('not-found', {}, { cause: error });
    default:
      return null;
  }
}

/** The problem that a client is told, whatever was thrown; a defect is written to the log here. */
export function problemOf(error: unknown, requestId: string, log: HttpLog): Problem {
  if (error instanceof Problem) return error;
  const framework = fromFramework(error);
  if (framework !== null) return framework;
  if (isDatabaseAway(error)) {
    log.error({ request: requestId, causes: causes(error).map(tell) }, 'the database does not answer');
    return new Problem('unavailable', { retryAfter: RETRY_SECONDS }, { cause: error });
  }
  const chain = causes(error);
  const stack = chain[0]?.stack ?? String(error);
  log.error({ request: requestId, causes: chain.map(tell), stack }, 'a request failed: this is a defect');
  return new Problem('internal', {}, { cause: error });
}

function tell(error: Error): string {
  return `${error.name}: ${error.message}`;
}

export interface WrittenProblem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ProblemDocument;
}

export function writeProblem(problem: Problem, requestId: string): WrittenProblem {
  const { status, title } = PROBLEMS[problem.code];
  const { detail, errors, reasons, fileErrors, retryAfter } = problem.details;
  return {
    status,
    headers: {
      ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter)) }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="sitelift"' } : {}),
    },
    body: {
      type: problemType(problem.code),
      title,
      status,
      ...(detail === undefined ? {} : { detail }),
      instance: requestId,
      ...(errors === undefined ? {} : { errors: [...errors] }),
      ...(reasons === undefined ? {} : { reasons: [...reasons] }),
      ...(fileErrors === undefined ? {} : { fileErrors: [...fileErrors] }),
    },
  };
}
