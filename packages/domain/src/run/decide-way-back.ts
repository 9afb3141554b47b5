/**
 * The two ways back. Undo (before the point of no return) takes steps back in reverse order of their start and leaves the
 * site as it was; recovery (after it) carries out the recovery's own steps. Neither is ever held by windows, freezes or a
 * pause (I-33), and neither guesses: what fails or cannot be seen stops at `needs-a-person` with the page up (rule 16).
 */
import type { EpochMs } from '../time/instant.ts';
import type { Next } from './decide-next.ts';
import type { Lane } from './events.ts';
import { decideHandWork, isManual } from './hand-work.ts';
import { lossBeforeRestore } from './measure-loss.ts';
import { openingVerdict } from './opening-verdict.ts';
import type { PlannedStep, RunPlan, UsesStep } from './plan.ts';
import { endedWell, stepRecord, waitedTooLong, type RunState, type StepRecord } from './run-state.ts';

/** A way back is tried this often again before a person is asked, whatever the playbook says of the way forward. */
const WAY_BACK_RETRIES = 2;
const WAY_BACK_PAUSE_MS = 1_000;

/** Whoever is asked is also told why there is a way back at all: the question alone speaks of its last step only. */
function ask(state: RunState, code: string, question: string, step: string | null): Next {
  const why = state.endingReason === null ? '' : ` It goes back because: ${state.endingReason}`;
  return { kind: 'append', event: { kind: 'asked-person', code, question: `${question}${why}`, step } };
}

/** Steps that began and may have had an effect, last started first. */
export function stepsToUndo(plan: RunPlan, state: RunState): readonly UsesStep[] {
  return plan.steps
    .filter((step): step is UsesStep => step.kind === 'uses' && step.undo !== null)
    .filter((step) => {
      const record = stepRecord(state, 'main', step.id);
      // A person may have said that it is not to be taken back.
      const skipped = stepRecord(state, 'undo', step.id).state === 'skipped';
      return record.startedSeq !== null && record.state !== 'undone' && !record.notApplied && !skipped;
    })
    .sort((a, b) => startedSeq(state, b) - startedSeq(state, a));
}

function startedSeq(state: RunState, step: UsesStep): number {
  return stepRecord(state, 'main', step.id).startedSeq ?? 0;
}

/**
 * A notice that cannot be sent is a task for somebody, never a reason to go back (semantics 17). One that a lost worker had not
 * sent is no such thing: nobody has tried, so it is sent now.
 */
export function noticeFailed(step: PlannedStep, record: StepRecord): boolean {
  return step.kind === 'notify' && record.state === 'failed' && !record.notApplied;
}

/** Guard, retry or ask, for one step of a way back. */
function proceed(
  plan: RunPlan,
  state: RunState,
  lane: Lane,
  step: PlannedStep,
  record: StepRecord,
  opens: boolean,
  now: EpochMs,
): Next {
  if (record.state === 'waiting') return decideHandWork(lane, step, record);
  const stops = (why: string): Next => {
    const name = lane === 'undo' ? `taking back "${step.title}"` : `"${step.title}"`;
    return ask(state, `${lane}-failed`, `The way back stops: ${name} failed: ${why}.`, step.id);
  };
  const inVain = waitedTooLong(record, step.timeoutMs);
  if (inVain !== null) return stops(inVain);
  if (record.retryAt !== null && now < record.retryAt) {
    return { kind: 'sleep', until: record.retryAt, why: record.reason ?? `trying ${step.id} again` };
  }
  if (record.state === 'failed') {
    const retries = Math.max(WAY_BACK_RETRIES, step.kind === 'uses' ? step.retry.times : 0);
    if (record.failures > retries) return stops(record.reason ?? 'no reason given');
    const notBefore = (record.endedAt ?? now) + WAY_BACK_PAUSE_MS;
    if (now < notBefore) return { kind: 'sleep', until: notBefore, why: `trying ${step.id} again` };
  }
  if (opens) {
    // What was seen on the way forward was the new code beside the old; the old one is looked at itself (semantics 10).
    const { observed } = state;
    const stale = observed === null || observed.lane !== lane || observed.seq <= state.lastMutationSeq;
    if (lane === 'undo' && stale && plan.probe !== null) return { kind: 'observe-site', lane };
    const verdict = openingVerdict(plan, state, lane, step.id);
    if (!verdict.allowed)
      return ask(state, 'opening-refused', `The site may not open: ${verdict.reasons.join('; ')}.`, step.id);
  }
  const start = { lane, step: step.id, attempt: record.attempt + 1, commits: false };
  // Nothing on a way back gives up by a clock: there is nowhere further back to go.
  return isManual(step) ? { kind: 'hand-out', ...start, until: null } : { kind: 'perform', ...start };
}

export function decideUndo(plan: RunPlan, state: RunState, now: EpochMs): Next {
  const [step] = stepsToUndo(plan, state);
  if (step === undefined) {
    const ending = state.ending ?? 'rolled-back';
    return { kind: 'finish', event: { kind: 'run-ended', state: ending, reason: state.endingReason } };
  }
  const opens = step.undo?.flags.opensSite === true;
  return proceed(plan, state, 'undo', step, stepRecord(state, 'undo', step.id), opens, now);
}

export function decideRecovery(plan: RunPlan, state: RunState, now: EpochMs): Next {
  for (const step of plan.recover?.steps ?? []) {
    const record = stepRecord(state, 'recover', step.id);
    if (endedWell(record.state) || noticeFailed(step, record)) continue;
    const measure = lossBeforeRestore(plan, state, step);
    if (measure !== null) return measure;
    const opens = step.kind === 'uses' && step.run.flags.opensSite;
    return proceed(plan, state, 'recover', step, record, opens, now);
  }
  return { kind: 'finish', event: { kind: 'run-ended', state: 'recovered', reason: state.endingReason } };
}
