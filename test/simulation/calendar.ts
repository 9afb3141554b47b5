/** The world's calendar: freezes, withdrawals, stop-the-world and the windows. Answers what the engine asks of it. */
import type { WindowOccurrence } from '@sitelift/domain/fleet/fleet.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import type { StartFacts } from '@sitelift/domain/run/start-facts.ts';
import { EPOCH } from './event-loop.ts';
import type { Say } from './world-log.ts';

const MINUTE = 60_000;
/** A window of 40 minutes every two hours, the first of them after 15 seconds; the last 15 minutes begin nothing. */
export const WINDOWS = {
  firstAt: EPOCH + MINUTE / 4,
  everyMs: 120 * MINUTE,
  lengthMs: 40 * MINUTE,
  cutOffMs: 15 * MINUTE,
} as const;

/** The one that is open, or the next. */
function windowAt(now: number): WindowOccurrence {
  const { firstAt, everyMs, lengthMs, cutOffMs } = WINDOWS;
  const nth = Math.max(0, Math.floor((now - firstAt) / everyMs));
  const opensAt = firstAt + nth * everyMs + (now >= firstAt + nth * everyMs + lengthMs ? everyMs : 0);
  const closesAt = opensAt + lengthMs;
  return { windowId: 'win_00000000000000000000000001', opensAt, closesAt, cutOffAt: closesAt - cutOffMs };
}

export class Calendar {
  #frozen = false;
  #withdrawn = false;
  #stopped = false;
  readonly #now: () => number;
  readonly #say: Say;
  constructor(now: () => number, say: Say) {
    this.#now = now;
    this.#say = say;
  }

  set(what: 'freeze' | 'lift' | 'withdraw' | 'restore-release' | 'stop' | 'go'): void {
    switch (what) {
      case 'freeze':
      case 'lift':
        this.#frozen = what === 'freeze';
        break;
      case 'withdraw':
      case 'restore-release':
        this.#withdrawn = what === 'withdraw';
        break;
      case 'stop':
      case 'go':
        this.#stopped = what === 'stop';
        break;
      default:
        what satisfies never;
    }
    this.#say({ kind: 'calendar', what });
  }

  readonly factsOf = (plan: RunPlan): StartFacts => ({
    stopped: this.#stopped ? { by: 'ops', reason: 'storm' } : null,
    releaseWithdrawn: this.#withdrawn ? 'it eats data' : null,
    freeze: this.#frozen ? { reason: 'year end', untilAt: null } : null,
    window: plan.anyTime ? 'any-time' : windowAt(this.#now()),
    history: new Map(),
  });
}
