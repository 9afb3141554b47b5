/**
 * For tests: a tiny engine over the pure core that performs what is decided with scripted outcomes, and the people who do
 * steps by hand.
 */
import { applyEvent } from './apply-event.ts';
import { decideNext, type Next } from './decide-next.ts';
import type { RunEventBody, SiteObservation } from './events.ts';
import { claimOutcome } from './hand-work.ts';
import type { LossReport } from './loss.ts';
import type { RunPlan } from './plan.ts';
import { initialRunState, stepRecord, type RunState } from './run-state.ts';
import { samplePlan } from './sample-plan.ts';
import type { StartFacts } from './start-facts.ts';

export const NOW = Date.UTC(2026, 10, 24, 1, 0);
export const FREE: StartFacts = {
  stopped: null,
  releaseWithdrawn: null,
  freeze: null,
  window: 'any-time',
  history: new Map(),
};
export const SEEN_NEW: SiteObservation = { version: '2.0', healthy: true, writeOk: true, problem: null };
export const SEEN_OLD: SiteObservation = { version: '1.0', healthy: true, writeOk: true, problem: null };

export class Story {
  state: RunState;
  now = NOW;
  facts: StartFacts = FREE;
  readonly told: string[] = [];
  /** What a look at the proxy shows. */
  seenOpen: boolean | null = null;
  /** What a measurement of the loss says. */
  measured: { loss: LossReport | null; problem: string | null } = { loss: null, problem: 'not scripted' };
  readonly plan: RunPlan;
  readonly outcomes: Record<string, Partial<RunEventBody & { kind: 'step-ended' }>>;

  constructor(
    outcomes: Record<string, Partial<RunEventBody & { kind: 'step-ended' }>> = {},
    plan = samplePlan(),
  ) {
    this.plan = plan;
    this.outcomes = outcomes;
    this.state = initialRunState(plan);
  }

  append(body: RunEventBody): void {
    this.state = applyEvent(this.plan, this.state, {
      ...body,
      seq: this.state.lastSeq + 1,
      at: this.now,
      fence: 1,
    });
  }

  next(): Next {
    return decideNext(this.plan, this.state, this.facts, this.now);
  }

  /** Goes on until the run sleeps or ends; returns why. */
  play(): string {
    for (let moves = 0; moves < 200; moves += 1) {
      const next = this.next();
      this.now += 1_000;
      switch (next.kind) {
        case 'sleep':
          // A short pause before a repeat passes; a real wait is the end of this act.
          if (next.until === null || next.until - this.now > 10_000 || next.until <= this.now - 10_000)
            return next.why;
          this.now = Math.max(this.now, next.until);
          break;
        case 'append':
          this.told.push(next.event.kind);
          this.append(next.event);
          break;
        case 'finish':
          this.append({ ...next.event, siteOpen: this.state.closedAt === null });
          break;
        case 'observe-site':
          this.told.push('observe-site');
          this.append({ kind: 'site-observed', lane: next.lane, observed: SEEN_OLD });
          break;
        case 'reconcile':
          return `reconcile ${next.lane}/${next.step}`;
        case 'perform':
          this.perform(
            next.lane,
            next.step,
            next.attempt,
            next.windowEndsAt === undefined ? {} : { windowEndsAt: next.windowEndsAt },
          );
          break;
        case 'measure-loss':
          this.told.push(next.lane === 'main' ? 'measure-loss' : 'recover:measure-loss');
          this.append({ kind: 'loss-measured', lane: next.lane, ...this.measured });
          break;
        case 'hand-out': {
          const { lane, step, attempt, until } = next;
          this.told.push(`${lane === 'main' ? '' : `${lane}:`}${step} by hand`);
          const clock = until === null ? {} : { until };
          this.append({ kind: 'step-handed-out', lane, step, attempt, ...clock });
          break;
        }
        case 'look': {
          const { claim } = stepRecord(this.state, next.lane, next.step);
          if (claim === null) throw new Error('nobody has claimed anything');
          this.append(claimOutcome(this.plan, next.lane, next.step, claim, this.seenOpen));
          break;
        }
        default:
          next satisfies never;
      }
    }
    throw new Error('the story does not end');
  }

  perform(
    lane: 'main' | 'undo' | 'recover',
    step: string,
    attempt: number,
    window: { readonly windowEndsAt?: number } = {},
  ): void {
    const key = lane === 'main' ? step : `${lane}:${step}`;
    this.told.push(key);
    this.append({ kind: 'step-started', lane, step, attempt, worker: 'w1', ...window });
    const observed = step === 'probe' ? SEEN_NEW : step === 'probe-old' ? SEEN_OLD : null;
    const backup =
      step === 'backup'
        ? { backupId: 'bkp_1', grade: 'restored' as const, begunAt: this.now, bytes: 1 }
        : null;
    this.append({
      kind: 'step-ended', lane, step, attempt, outcome: 'done', reason: null, notApplied: false, retryAt: null, output: {},
      observed, backup, ...this.outcomes[`${key}#${attempt}`] ?? this.outcomes[key],
    }); // prettier-ignore
  }
}
