/**
 * Steps that people do by hand. A manual step is handed out under the same guards as a start, waits for a named person's
 * word with evidence, and is never tried again by itself: nobody but that person knows what was done. Closing and opening
 * by hand count only when the proxy was seen to agree (semantics 20); the same guard 10 stands before an opening is handed out.
 */
import { laneFlags } from './apply-event.ts';
import type { Next } from './decide-next.ts';
import type { Lane } from './events.ts';
import type { PlannedStep, RunPlan } from './plan.ts';
import type { StepRecord } from './run-state.ts';

export function isManual(step: PlannedStep | undefined): boolean {
  return step?.kind === 'uses' && step.manual === true;
}

/** How the site must be seen after this step: true open, false closed; null when it neither opens nor closes. */
export function mustBeSeenOpen(plan: RunPlan, lane: Lane, step: string): boolean | null {
  const flags = laneFlags(plan, lane, step);
  if (flags?.opensSite === true) return true;
  return flags?.closesSite === true ? false : null;
}

/** What follows from a look at the proxy after somebody's claim. `open` null: nobody can tell. */
export function claimOutcome(
  plan: RunPlan,
  lane: Lane,
  step: string,
  claim: NonNullable<StepRecord['claim']>,
  open: boolean | null,
): (Next & { kind: 'append' })['event'] {
  const wanted = mustBeSeenOpen(plan, lane, step);
  if (open !== null && open === wanted)
    return { kind: 'step-done-by-hand', lane, step, by: claim.by, evidence: claim.evidence };
  const seen =
    open === null
      ? 'nobody can see whether the site is open'
      : `the site is still ${open ? 'open' : 'closed'}`;
  return { kind: 'hand-refused', lane, step, reason: `${claim.by} says that it is done, but ${seen}` };
}

/** The next thing about a step that waits for a person. */
export function decideHandWork(lane: Lane, step: PlannedStep, record: StepRecord): Next {
  if (record.claim !== null) return { kind: 'look', lane, step: step.id };
  const who = step.owner ?? 'a person';
  return { kind: 'sleep', until: null, why: `${who} does "${step.title}" by hand` };
}
