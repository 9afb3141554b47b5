/**
 * What a person may tell a run, and why not: pause, resume, cancel, retry, skip, done by hand, resolve, roll back. One
 * function answers the API, the screens (`actions: [{name, allowed, reasons}]`) and the command itself, so that they cannot
 * disagree. Rules: semantics 12 (gates), 20 (skip and done-by-hand), 14 (past the point there is no cancel).
 */
import { findStep, laneFlags, retryLane } from './apply-event.ts';
import { byHandVerdict } from './by-hand-verdict.ts';
import { mayOpenAnew } from './gate-verdict.ts';
import { isManual } from './hand-work.ts';
import { tellLoss } from './loss.ts';
import type { RunPlan } from './plan.ts';
import { no, yes, type CommandVerdict, type RunCommand } from './run-command.ts';
import { endedWell, runStateName, waitingStep, type RunState } from './run-state.ts';

export { RUN_VERBS, type CommandVerdict, type RunCommand, type RunVerb } from './run-command.ts';

/** The step that a command is about: the named one, else the one that waits for somebody, else the one that failed. */
export function stepInQuestion(state: RunState, named: string | null): string | null {
  if (named !== null) return named;
  if (state.asked?.step !== undefined && state.asked.step !== null) return state.asked.step;
  const lane = state.steps[state.phase];
  return (
    Object.entries(lane).find(([, record]) => record.state === 'failed' || record.state === 'unknown')?.[0] ??
    waitingStep(state)?.step ??
    null
  );
}

function stepVerdict(plan: RunPlan, state: RunState, command: RunCommand): CommandVerdict {
  const { verb, actor, reason } = command;
  const stepId = stepInQuestion(state, command.step);
  if (stepId === null) return no('name the step: none is failed, unknown or asked about');
  const lane = retryLane(state, stepId);
  const step = findStep(plan, lane, stepId);
  const record = state.steps[lane][stepId];
  if (step === undefined || record === undefined) return no(`this run has no step ${stepId}`);
  if (endedWell(record.state) || record.state === 'undone')
    return no(`step ${stepId} is already ${record.state}`);
  if (lane === 'main' && state.phase !== 'main')
    return no(`step ${stepId} belongs to the way forward, and the run is on its way back`);
  if (record.state === 'running') return no(`step ${stepId} is running; cancel it or let it end`);
  const flags = laneFlags(plan, lane, stepId);
  if (step.kind === 'gate' && verb !== 'retry')
    return no('a gate cannot be skipped or done by hand (semantics 12): it is decided');
  const asksOthers = state.asked !== null && state.asked.step !== null && state.asked.step !== stepId;
  if (asksOthers) return no(`the run waits for a word on step ${state.asked?.step ?? ''} first`);
  switch (verb) {
    case 'retry':
      if (record.state === 'unknown')
        return no('its outcome is unknown: say first whether it was applied (resolve)');
      if (step.kind === 'gate' && mayOpenAnew(record.gate))
        return yes(`opens "${step.title}" anew`, { kind: 'retry-requested', by: actor, step: stepId });
      if (record.state === 'waiting') return no(`step ${stepId} waits; there is nothing to try again`);
      if (record.state === 'pending' && state.asked?.step !== stepId)
        return no(`step ${stepId} has not been tried yet`);
      return yes(`tries "${step.title}" again`, { kind: 'retry-requested', by: actor, step: stepId });
    case 'resolve':
      if (record.state === 'waiting' && isManual(step) && command.as !== 'not-applied')
        return no('a manual step that was done is recorded with its evidence (done-by-hand)');
      if (record.state !== 'unknown' && !(record.state === 'waiting' && isManual(step)))
        return no(`the outcome of step ${stepId} is not unknown`);
      if (command.as === null) return no('say what you found: applied or not-applied');
      return yes(`records that "${step.title}" was ${command.as}`, {
        kind: 'step-resolved',
        lane,
        step: stepId,
        by: actor,
        as: command.as,
        reason,
      });
    case 'skip': {
      const marked = step.kind === 'uses' && step.pointOfNoReturn;
      const doors =
        flags?.closesSite === true || flags?.opensSite === true || flags?.switchesTraffic === true;
      if (marked || doors) {
        // Traffic that was not switched would meet stopped code as soon as the site opens (semantics 9).
        return no(
          'closing, opening, switching traffic and the point of no return cannot be skipped (semantics 20)',
        );
      }
      if (reason === '') return no('a skip needs a reason');
      return yes(`skips "${step.title}"`, { kind: 'step-skipped', lane, step: stepId, by: actor, reason });
    }
    case 'done-by-hand':
      return byHandVerdict(plan, state, lane, step, record, command);
    default:
      return no(`${verb} is not about a step`);
  }
}

function rollBackDoes(state: RunState): string {
  if (!state.pointCrossed) return 'takes back what was done';
  const loss = state.loss?.report ?? null;
  const known = loss === null ? '' : ` (at the last look it would lose: ${tellLoss(loss)})`;
  const restores = `restores the backup and reopens the old version${known}`;
  return state.openedAfterPoint
    ? `puts the page up, ${restores}: what users wrote since the site was opened is lost`
    : restores;
}

export function decideCommand(plan: RunPlan, state: RunState, command: RunCommand): CommandVerdict {
  const { verb, actor, reason } = command;
  const name = runStateName(state);
  if (state.ended !== null) return no(`the run has ended: ${name}`);
  const onTheWayBack = state.phase === 'undo' ? 'it is already being undone' : 'the recovery is running';
  switch (verb) {
    case 'pause':
      if (state.phase !== 'main') return no(`a way back cannot be paused: ${onTheWayBack}`);
      if (state.paused !== null) return no(`it is already paused by ${state.paused.by}`);
      return yes('starts no further step; the one running ends first', { kind: 'paused', by: actor, reason });
    case 'resume':
      if (state.paused === null) return no('it is not paused');
      return yes('goes on with the next step', { kind: 'resumed', by: actor });
    case 'cancel':
      if (state.phase !== 'main') return no(onTheWayBack);
      if (state.pointCrossed)
        return no('the point of no return was crossed: only a roll-back leads back from here');
      return yes('ends the running step and takes back what was done', {
        kind: 'cancel-requested',
        by: actor,
        reason,
      });
    case 'roll-back':
      if (state.phase !== 'main') return no(onTheWayBack);
      if (state.pointCrossed && plan.recover === null) return no('the plan has no recovery');
      if (state.pointCrossed && state.backup === null) return no('there is no backup to go back to');
      return yes(rollBackDoes(state), { kind: 'roll-back-requested', by: actor, reason });
    case 'retry':
    case 'skip':
    case 'done-by-hand':
    case 'resolve':
      return stepVerdict(plan, state, command);
    default:
      return verb satisfies never;
  }
}
