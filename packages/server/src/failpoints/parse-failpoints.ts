/**
 * The words of SITELIFT_FAILPOINT: where a process is to be stopped between two instructions, so that a test can show that
 * nothing is lost there. Only for tests.
 *
 *   B5:kill9                      the first time this boundary is reached
 *   B5:kill9:migrate              the first time by this step
 *   B5:block:north-live/migrate:2 the second time by this step on that instance; several are separated by commas
 */
export const BOUNDARIES = {
  B0: 'before the claim of a step',
  B1: 'the claim is committed',
  B2: 'the process is spawned and not on record',
  B3: 'the process is let go',
  B4: 'it runs and has begun to act',
  B5: 'it has ended, its output is unread',
  B6: 'the output is read, the result is not written',
  B7: 'inside the transaction of the result',
  B8: 'COMMIT is sent, no reply was read',
  B9: 'the reply is there, the next step is not chosen',
  B10: 'a notice is written and claimed, the mail is not sent',
  B11: 'the mail is sent, the notice is not marked',
} as const;

export type Boundary = keyof typeof BOUNDARIES;
/** `kill9`: this process ends as by `kill -9`. `block`: it waits there until the test has done something to another one. */
export type FailpointAction = 'kill9' | 'block';

export interface Failpoint {
  readonly boundary: Boundary;
  readonly action: FailpointAction;
  /** Null: any. */
  readonly instance: string | null;
  readonly step: string | null;
  /** Counted from 1 within a process. */
  readonly nth: number;
}

const FORM = /^(B\d{1,2}):(kill9|block)(?::(?:([a-z0-9-]+)\/)?([a-z0-9-]+))?(?::([1-9]\d{0,3}))?$/;

function isBoundary(text: string): text is Boundary {
  return Object.hasOwn(BOUNDARIES, text);
}

/** Null when the text is not of that form. */
export function parseFailpoints(text: string): readonly Failpoint[] | null {
  const found: Failpoint[] = [];
  for (const word of text.split(',')) {
    const [, boundary = '', action, instance = null, step = null, nth = '1'] = FORM.exec(word.trim()) ?? [];
    if (!isBoundary(boundary)) return null;
    found.push({
      boundary,
      action: action === 'block' ? 'block' : 'kill9',
      instance,
      step,
      nth: Number(nth),
    });
  }
  return found;
}

/** The name of its marker file: the same failpoint in several processes of an installation is reached once. */
export function markerOf({ boundary, instance, step, nth }: Failpoint): string {
  return [boundary, instance ?? 'any', step ?? 'any', nth].join('.');
}
