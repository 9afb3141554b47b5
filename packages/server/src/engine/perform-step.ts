/**
 * One attempt of one step: journal `started`, observe, apply, observe again, journal the outcome. Nothing in here decides
 * what comes next. An exception from a driver is `unknown`; a lost lease writes nothing at all.
 */
import type { Lane, RunEventBody, SiteObservation } from '@sitelift/domain/run/events.ts';
import { findStep } from '@sitelift/domain/run/apply-event.ts';
import { GRADE_ORDER } from '@sitelift/domain/run/grades.ts';
import type { BoundAction, RunPlan, UsesStep } from '@sitelift/domain/run/plan.ts';
import type { ObserveResult, Outcome } from '../drivers/driver.ts';
import type { ActionRunner, AttemptScope } from './action-runner.ts';
import type { RunHandle } from './run-store.ts';

type StepEnded = RunEventBody & { kind: 'step-ended' };

/** The bound action that a lane carries out for a step. */
export function boundAction(plan: RunPlan, lane: Lane, stepId: string): BoundAction {
  const step = findStep(plan, lane, stepId);
  if (step?.kind !== 'uses') throw new Error(`step ${lane}/${stepId} has no action`);
  const bound = lane === 'undo' ? step.undo : step.run;
  if (bound === null) throw new Error(`step ${stepId} has nothing that takes it back`);
  return bound;
}

/** The journal row for an outcome. `notApplied` only on proof. */
export function stepEnded(
  lane: Lane,
  step: string,
  attempt: number,
  outcome: Outcome,
  now: number,
  notApplied = false,
): StepEnded {
  const good = outcome.kind === 'done' || outcome.kind === 'already-done';
  return {
    kind: 'step-ended',
    lane,
    step,
    attempt,
    outcome: outcome.kind,
    reason: 'reason' in outcome ? outcome.reason : null,
    notApplied,
    retryAt: outcome.kind === 'retry-later' ? now + outcome.afterMs : null,
    output: good ? (outcome.output ?? {}) : {},
    observed: 'observed' in outcome ? (outcome.observed ?? null) : null,
    backup: good ? (outcome.backup ?? null) : null,
  };
}

/** What an observation says, as an outcome of the attempt that it looks at. */
export function outcomeOf(seen: ObserveResult, kind: 'done' | 'already-done'): Outcome {
  switch (seen.state) {
    case 'applied':
      return {
        kind,
        output: seen.output ?? {},
        ...(seen.observed === undefined ? {} : { observed: seen.observed }),
        ...(seen.backup === undefined ? {} : { backup: seen.backup }),
      };
    case 'not-applied':
      return { kind: 'failed', reason: seen.differs };
    case 'cannot-tell':
      return { kind: 'unknown', reason: seen.reason };
    default:
      return seen satisfies never;
  }
}

/** Is it proven that nothing was applied? What was done in part is not (semantics 14). */
export function provesNothing(seen: ObserveResult): boolean {
  return seen.state === 'not-applied' && seen.partly !== true;
}

/**
 * Performs the action of an attempt that is already journaled as started. Resolves to the row to append; `lost` says that
 * the lease went meanwhile.
 */
export async function performAttempt(
  runner: ActionRunner,
  run: RunHandle,
  lane: Lane,
  stepId: string,
  scope: AttemptScope,
): Promise<StepEnded> {
  const bound = boundAction(run.plan, lane, stepId);
  const ended = (outcome: Outcome, notApplied = false) =>
    stepEnded(lane, stepId, scope.attempt, outcome, scope.nowMs(), notApplied);

  if (bound.flags.mutates) {
    const before = await runner.observe(bound, scope);
    if (before.state === 'applied')
      return ended(await prove(runner, run, lane, stepId, scope, outcomeOf(before, 'already-done')));
  }
  const outcome = await runner.apply(bound, scope);
  switch (outcome.kind) {
    case 'retry-later':
      return ended(outcome);
    case 'unknown':
      return ended(outcome);
    case 'failed': {
      const after = bound.flags.mutates ? await runner.observe(bound, scope) : null;
      return ended(outcome, after !== null && provesNothing(after));
    }
    case 'done':
    case 'already-done': {
      if (bound.flags.mutates) {
        const after = await runner.observe(bound, scope);
        if (after.state === 'not-applied') {
          const reason = `it said that it was done, but: ${after.differs}`;
          return ended({ kind: 'failed', reason }, provesNothing(after));
        }
      }
      return ended(await prove(runner, run, lane, stepId, scope, outcome));
    }
    default:
      return outcome satisfies never;
  }
}

/** `require`: the step ends only when its backup has reached the grade; the engine runs `database/prove` (semantics). */
async function prove(
  runner: ActionRunner,
  run: RunHandle,
  lane: Lane,
  stepId: string,
  scope: AttemptScope,
  outcome: Outcome,
): Promise<Outcome> {
  const step = findStep(run.plan, lane, stepId);
  if (lane === 'undo' || step?.kind !== 'uses' || step.require === null) return outcome;
  if (outcome.kind !== 'done' && outcome.kind !== 'already-done') return outcome;
  return proveBackup(runner, run, step, scope, outcome);
}

async function proveBackup(
  runner: ActionRunner,
  run: RunHandle,
  step: UsesStep,
  scope: AttemptScope,
  outcome: Outcome & { kind: 'done' | 'already-done' },
): Promise<Outcome> {
  const { backup } = outcome;
  if (backup === undefined) return { kind: 'failed', reason: 'no backup came of it' };
  if (step.require === null || GRADE_ORDER[backup.grade] >= GRADE_ORDER[step.require]) return outcome;
  if (step.prove === null)
    return { kind: 'failed', reason: `nothing is bound that can prove a backup ${step.require}` };
  scope.log.line('note', `proving the backup: it must be ${step.require}`);
  const proof = await runner.apply(step.prove, {
    ...scope,
    backup: { ...backup, output: outcome.output ?? {} },
  });
  if (proof.kind !== 'done' && proof.kind !== 'already-done') {
    const reason = 'reason' in proof ? proof.reason : '';
    return {
      kind: proof.kind === 'unknown' ? 'unknown' : 'failed',
      reason: `the backup could not be proven: ${reason}`,
    };
  }
  const proven = proof.backup ?? backup;
  if (GRADE_ORDER[proven.grade] < GRADE_ORDER[step.require]) {
    return { kind: 'failed', reason: `the backup is only ${proven.grade}, not ${step.require}` };
  }
  return { ...outcome, backup: proven, output: { ...outcome.output, ...proof.output } };
}

/** Looks at the site itself; used on the way back before anything may open. */
export async function observeSite(
  runner: ActionRunner,
  run: RunHandle,
  scope: AttemptScope,
): Promise<SiteObservation> {
  const { probe } = run.plan;
  if (probe === null)
    return { version: null, healthy: false, writeOk: null, problem: 'no app/probe is bound' };
  const outcome = await runner.apply(
    { ...probe, input: { ...probe.input, slot: 'live', expect: 'from' } },
    scope,
  );
  if ('observed' in outcome && outcome.observed !== undefined) return outcome.observed;
  const problem = 'reason' in outcome ? outcome.reason : 'the probe saw nothing';
  return { version: null, healthy: false, writeOk: null, problem };
}
