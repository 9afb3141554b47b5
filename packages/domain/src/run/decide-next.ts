/**
 * One run, one decision: what is the single next thing to do? Pure over the frozen plan, the folded journal, the facts of
 * the moment and the clock. The shell does exactly what it is told, journals what happened, and asks again; so any crash
 * resumes here. Order of the questions is the safety argument: what is unknown is observed before anything else, a person's
 * word comes before progress, the way back before the way forward.
 */
import type { EpochMs } from '../time/instant.ts';
import { bailOutAhead, decideBailOut, withBailOut } from './bail-out.ts';
import { decideMain } from './decide-main.ts';
import { decideRecovery, decideUndo } from './decide-way-back.ts';
import type { Lane, RunEventBody } from './events.ts';
import { lossOfQuestion } from './measure-loss.ts';
import type { RunPlan } from './plan.ts';
import type { RunState } from './run-state.ts';
import type { StartFacts } from './start-facts.ts';
import { nextDeadline, overdueStep } from './waiting.ts';

export type Next =
  /** Start an attempt: journal `step-started`, observe, apply, observe, journal the outcome. */
  | {
      readonly kind: 'perform';
      readonly lane: Lane;
      readonly step: string;
      readonly attempt: number;
      readonly commits: boolean;
      /** Of the committing step: when its window ends. */
      readonly windowEndsAt?: EpochMs;
      /** While the site is closed: before the point of no return the attempt ends at this minute; past it a person is paged. */
      readonly bailOutAt?: EpochMs;
    }
  /** Give a manual step to a person, under the same guards as a start. */
  | {
      readonly kind: 'hand-out';
      readonly lane: Lane;
      readonly step: string;
      readonly attempt: number;
      readonly commits: boolean;
      /** When it has waited too long; null: never. */
      readonly until: EpochMs | null;
      readonly windowEndsAt?: EpochMs;
    }
  /** Somebody says that closing or opening by hand is done: look at the proxy, and journal what it shows (semantics 20). */
  | { readonly kind: 'look'; readonly lane: Lane; readonly step: string }
  /** An attempt has no known end: end what is left of it, observe, and journal what that shows. */
  | { readonly kind: 'reconcile'; readonly lane: Lane; readonly step: string; readonly attempt: number }
  /** Measure what going back would lose, and journal it (`loss-measured`). */
  | { readonly kind: 'measure-loss'; readonly lane: 'main' | 'recover' }
  /** Look at the site itself before it may open on the way back. */
  | { readonly kind: 'observe-site'; readonly lane: Lane }
  /** Bookkeeping: append this event and ask again. */
  | { readonly kind: 'append'; readonly event: RunEventBody }
  /** The end: look at the site from outside, then append `run-ended`. */
  | { readonly kind: 'finish'; readonly event: Omit<RunEventBody & { kind: 'run-ended' }, 'siteOpen'> }
  /** Nothing to do before `until`; null means until somebody or something wakes the run. */
  | { readonly kind: 'sleep'; readonly until: EpochMs | null; readonly why: string };

/** An attempt in flight whose worker is gone, or one that ended `unknown`. */
function openAttempt(state: RunState): Next | null {
  for (const lane of ['main', 'undo', 'recover'] as const) {
    for (const [step, record] of Object.entries(state.steps[lane])) {
      if (record.state === 'running' || record.state === 'unknown') {
        return { kind: 'reconcile', lane, step, attempt: record.attempt };
      }
    }
  }
  return null;
}

export function decideNext(plan: RunPlan, state: RunState, facts: StartFacts, now: EpochMs): Next {
  if (state.ended !== null) return { kind: 'sleep', until: null, why: `ended: ${state.ended.state}` };
  // Before any question: a clock runs on while a person is asked about something else, or a pause stands (semantics 6).
  const overdue = overdueStep(plan, state, facts, now);
  if (overdue !== null) return overdue;
  const { history } = facts;
  const bail = decideBailOut(plan, state, history, openAttempt(state) !== null, now);
  if (bail !== null) return bail;
  const next = withBailOut(decideBy(plan, state, facts, now), plan, state, history);
  if (next.kind !== 'sleep') return next;
  const clocks = [nextDeadline(plan, state, now), bailOutAhead(plan, state, history)].filter(
    (at) => at !== null,
  );
  return clocks.length === 0 ? next : { ...next, until: Math.min(next.until ?? Infinity, ...clocks) };
}

function decideBy(plan: RunPlan, state: RunState, facts: StartFacts, now: EpochMs): Next {
  const measure = lossOfQuestion(plan, state);
  if (measure !== null) return measure;
  if (state.asked !== null)
    return { kind: 'sleep', until: null, why: `waiting for a person: ${state.asked.question}` };
  const open = openAttempt(state);
  if (open !== null) return open;
  switch (state.phase) {
    case 'main':
      return decideMain(plan, state, facts, now);
    case 'undo':
      return decideUndo(plan, state, now);
    case 'recover':
      return decideRecovery(plan, state, now);
    default:
      return state.phase satisfies never;
  }
}
