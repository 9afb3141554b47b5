/**
 * When is it measured what going back would lose? After a question whose answer depends on it, so that the question is followed
 * by its numbers; and once more before the first step of a recovery that destroys data, when nothing is written any more, so that
 * the export holds every row (E6: export first, then restore). Not when the backup was taken on a closed site that was never
 * opened: nothing can be lost then, and measuring takes as long as a restore.
 *
 * A measurement that fails is journaled as a problem and holds nobody up: whoever decides sees that there are no numbers.
 */
import type { Lane } from './events.ts';
import type { PlannedStep, RunPlan } from './plan.ts';
import { stepRecord, type RunState } from './run-state.ts';

/** Codes of the questions that are about losing data. */
export const LOSS_QUESTIONS: readonly string[] = ['would-lose-data', 'failed-after-opening'];

/** A restore into a scratch database and a comparison; the way back waits for it, so it has an end. Milliseconds. */
export const LOSS_LIMIT_MS = 3_600_000;

type LossLane = Exclude<Lane, 'undo'>;

function canMeasure(plan: RunPlan, state: RunState): boolean {
  return (plan.loss ?? null) !== null && state.backup !== null;
}

/** The question that stands has no numbers yet. */
export function lossOfQuestion(
  plan: RunPlan,
  state: RunState,
): { kind: 'measure-loss'; lane: LossLane } | null {
  const { asked, loss } = state;
  if (asked === null || loss !== null || !LOSS_QUESTIONS.includes(asked.code)) return null;
  return canMeasure(plan, state) ? { kind: 'measure-loss', lane: 'main' } : null;
}

/** This step of the recovery destroys what has not been exported yet. */
export function lossBeforeRestore(
  plan: RunPlan,
  state: RunState,
  step: PlannedStep,
): { kind: 'measure-loss'; lane: LossLane } | null {
  if (step.kind !== 'uses' || !step.run.flags.destructive) return null;
  if (stepRecord(state, 'recover', step.id).startedSeq !== null || state.loss?.lane === 'recover')
    return null;
  const none = state.backup?.whileClosed === true && !state.openedAfterPoint && state.loss === null;
  return none || !canMeasure(plan, state) ? null : { kind: 'measure-loss', lane: 'recover' };
}
