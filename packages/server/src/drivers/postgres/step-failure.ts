/**
 * What goes wrong with a database, in words for the one on call, and which outcome it is. A server that is down or still
 * starting is worth waiting for under the step's own time limit (`retry-later`); a refusal is `failed`; anything that is
 * not recognised goes on up and becomes `unknown`.
 */
import type { Outcome } from '../driver.ts';

/** Ends an action with `failed` and this reason. */
export class StepFailure extends Error {}

/** Ends an action with `retry-later` and this reason. */
export class NotNow extends Error {}

/** Nobody knows what was done: goes up as it is and becomes `unknown`, which is observed before anything else. */
export class Uncertain extends Error {}

export const RETRY_AFTER_MS = 5_000;

/** The network's and the server's own words for "not now": down, starting, stopping, full. */
const NOT_NOW = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EAI_AGAIN',
  // A unix socket that is not there (yet).
  'ENOENT',
  '57P03',
  '53300',
]);
const SQLSTATE = /^[0-9A-Z]{5}$/;

export function codeOf(error: unknown): string {
  // A host name with several addresses fails with all of their errors; the first stands for them.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code: unknown = first instanceof Error && 'code' in first ? first.code : undefined;
  return typeof code === 'string' ? code : '';
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** Why no connection came about, as an error that says what it means for the step. */
export function connectFailure(error: unknown, where: string): Error {
  const code = codeOf(error);
  const message = messageOf(error);
  const slow = /timeout expired|Connection terminated/.test(message);
  if (NOT_NOW.has(code) || slow)
    return new NotNow(`the database server ${where} cannot be reached: ${message}`, { cause: error });
  if (code === '3D000')
    return new StepFailure(`there is no such database on ${where}: ${message}`, { cause: error });
  if (code === '28P01' || code === '28000')
    return new StepFailure(`the database server ${where} refuses this user: ${message}`, { cause: error });
  return new StepFailure(`no connection to the database server ${where}: ${message}`, { cause: error });
}

/** The outcome of a recognised failure; null for what must go on up. */
export function outcomeOfFailure(error: unknown, doing: string): Outcome | null {
  if (error instanceof NotNow) return { kind: 'retry-later', reason: error.message, afterMs: RETRY_AFTER_MS };
  if (error instanceof StepFailure) return { kind: 'failed', reason: error.message };
  const code = codeOf(error);
  const message = messageOf(error);
  const lost = code.startsWith('57P') || code === 'ECONNRESET' || code === 'EPIPE';
  if (
    lost ||
    /Connection terminated|Client has encountered a connection error|Client was closed/.test(message)
  )
    return { kind: 'failed', reason: `the database server went away while ${doing}: ${message}` };
  if (SQLSTATE.test(code))
    return { kind: 'failed', reason: `the database refused while ${doing}: ${message}` };
  if (code === 'ENOSPC') return { kind: 'failed', reason: `the disk is full while ${doing}` };
  return null;
}

/** Runs the work of an action and turns recognised failures into outcomes. */
export async function settle(
  signal: AbortSignal,
  doing: string,
  work: () => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Uncertain) throw error;
    if (signal.aborted)
      return { kind: 'failed', reason: `stopped while ${doing}: its time limit or its worker ended it` };
    const outcome = outcomeOfFailure(error, doing);
    if (outcome === null) throw error;
    return outcome;
  }
}
