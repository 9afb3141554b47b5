/**
 * One event of the journal changes the state. Total over every event kind, and the only place that knows what an event
 * means; replaying a journal of any age through it must give the state that its run had (I-9).
 */
import type { Lane, RunEvent } from './events.ts';
import { gateChange, shutGate } from './apply-gate-event.ts';
import { LOSS_QUESTIONS } from './measure-loss.ts';
import { mutatesSite, type ActionFlags, type PlannedStep, type RunPlan } from './plan.ts';
import { initialRunState, stepRecord, type RunState, type StepRecord } from './run-state.ts';

/** What a lane does for a step: its own action, or what takes it back. Null for steps without an action. */
export function laneFlags(plan: RunPlan, lane: Lane, stepId: string): ActionFlags | null {
  const step = findStep(plan, lane, stepId);
  if (step?.kind !== 'uses') return null;
  return lane === 'undo' ? (step.undo?.flags ?? null) : step.run.flags;
}

/** The step of a lane; the undo lane is keyed by the ids of the main steps that it takes back. */
export function findStep(plan: RunPlan, lane: Lane, stepId: string): PlannedStep | undefined {
  const steps = lane === 'recover' ? (plan.recover?.steps ?? []) : plan.steps;
  return steps.find((step) => step.id === stepId);
}

function withStep(state: RunState, lane: Lane, step: string, change: Partial<StepRecord>): RunState {
  const record = { ...stepRecord(state, lane, step), ...change };
  return { ...state, steps: { ...state.steps, [lane]: { ...state.steps[lane], [step]: record } } };
}

function isMarked(plan: RunPlan, lane: Lane, stepId: string): boolean {
  const step = findStep(plan, lane, stepId);
  return lane === 'main' && step?.kind === 'uses' && step.pointOfNoReturn;
}

function started(
  plan: RunPlan,
  state: RunState,
  event: RunEvent & { kind: 'step-started' | 'step-handed-out' },
): RunState {
  const { lane, step } = event;
  const flags = laneFlags(plan, lane, step);
  const record = stepRecord(state, lane, step);
  const next = withStep(state, lane, step, {
    state: event.kind === 'step-handed-out' ? 'waiting' : 'running',
    attempt: event.attempt,
    claim: null,
    deadline: event.kind === 'step-handed-out' ? (event.until ?? null) : null,
    timedOut: null,
    startedSeq: record.startedSeq ?? event.seq,
    startedAt: event.at,
    endedAt: null,
    retryAt: null,
    waitsSince: record.state === 'retrying' ? (record.waitsSince ?? event.at) : event.at,
    reason: null,
    notApplied: false,
    process: null,
  });
  return {
    ...next,
    held: null,
    windowEndsAt: event.windowEndsAt ?? state.windowEndsAt,
    pointCrossed: state.pointCrossed || isMarked(plan, lane, step),
    lastMutationSeq: flags !== null && mutatesSite(flags) ? event.seq : state.lastMutationSeq,
    // The page goes up, as far as anybody can tell, when closing begins; it is down only when opening has ended.
    closedAt: flags?.closesSite === true ? (state.closedAt ?? event.at) : state.closedAt,
  };
}

/** What a person saw and made while doing a step by hand counts like what an action saw and made. */
function withWitness(state: RunState, event: RunEvent & { kind: 'step-done-by-hand' }): RunState {
  const { observed, backup, seq, lane } = event;
  const next = observed === undefined ? state : { ...state, observed: { site: observed, seq, lane } };
  if (backup === undefined) return next;
  const whileClosed = next.closedAt !== null && backup.begunAt >= next.closedAt;
  return { ...next, backup: { ...backup, output: { byHand: true }, whileClosed } };
}

/** What still waits when a run turns back has been called off (semantics 16, 19). */
function withoutWaiting(state: RunState, at: number): RunState {
  const main = Object.entries(state.steps.main);
  if (!main.some(([, record]) => record.state === 'waiting')) return state;
  const called = main.map(([id, record]): [string, StepRecord] =>
    record.state === 'waiting'
      ? [
          id,
          { ...record, state: 'cancelled', endedAt: at, claim: null, gate: shutGate(record.gate, 'closed') },
        ]
      : [id, record],
  );
  return { ...state, steps: { ...state.steps, main: Object.fromEntries(called) } };
}

/** The consequences of an action having been applied, whoever says so. */
function applied(plan: RunPlan, state: RunState, lane: Lane, step: string, event: RunEvent): RunState {
  const flags = laneFlags(plan, lane, step);
  let next = state;
  if (lane === 'undo') next = withStep(next, 'main', step, { state: 'undone' });
  if (flags?.opensSite === true) {
    next = {
      ...next,
      closedAt: null,
      openedAt: event.at,
      openedAfterPoint: next.openedAfterPoint || next.pointCrossed,
    };
  }
  if (flags !== null && mutatesSite(flags)) next = { ...next, lastMutationSeq: event.seq };
  return next;
}

function ended(plan: RunPlan, state: RunState, event: RunEvent & { kind: 'step-ended' }): RunState {
  const { lane, step } = event;
  const record = stepRecord(state, lane, step);
  const close = { endedAt: event.at, reason: event.reason, process: null };
  let next = state;
  switch (event.outcome) {
    case 'done':
    case 'already-done':
      next = withStep(next, lane, step, {
        ...close,
        state: 'succeeded',
        output: event.output,
        notApplied: false,
      });
      next = applied(plan, next, lane, step, event);
      break;
    case 'retry-later':
      next = withStep(next, lane, step, {
        ...close,
        state: 'retrying',
        retryAt: event.retryAt,
        notApplied: event.notApplied,
      });
      break;
    case 'unknown':
      next = withStep(next, lane, step, { ...close, state: 'unknown' });
      break;
    case 'failed':
      next = withStep(next, lane, step, {
        ...close,
        state: 'failed',
        failures: record.failures + 1,
        retryAt: event.retryAt,
        notApplied: event.notApplied,
      });
      break;
    default:
      return event.outcome satisfies never;
  }
  if (isMarked(plan, lane, step) && event.notApplied) next = { ...next, pointCrossed: false };
  const flags = laneFlags(plan, lane, step);
  if (flags?.closesSite === true && event.notApplied) next = { ...next, closedAt: null };
  if (event.observed !== null) next = { ...next, observed: { site: event.observed, seq: event.seq, lane } };
  if (event.backup !== null) {
    const whileClosed = next.closedAt !== null && event.backup.begunAt >= next.closedAt;
    next = { ...next, backup: { ...event.backup, output: event.output, whileClosed } };
  }
  return next;
}

/** Folds one event in. Events must come in order of `seq` without a gap; anything else is a corrupt journal and throws. */
export function applyEvent(plan: RunPlan, state: RunState, event: RunEvent): RunState {
  if (event.seq !== state.lastSeq + 1) {
    throw new Error(`journal event ${event.seq} follows ${state.lastSeq}: one is missing or doubled`);
  }
  const before: RunState = { ...state, lastSeq: event.seq };
  switch (event.kind) {
    case 'run-started':
      return { ...before, started: true };
    case 'step-started':
    case 'step-handed-out':
      return started(plan, before, event);
    case 'gate-opened':
    case 'gate-item':
    case 'gate-voted':
    case 'gate-decided':
    case 'gate-overridden': {
      const record = stepRecord(before, 'main', event.step);
      return withStep(before, 'main', event.step, gateChange(record, event));
    }
    case 'step-waiting':
      return withStep(before, event.lane, event.step, {
        state: 'waiting',
        startedSeq: stepRecord(before, event.lane, event.step).startedSeq ?? event.seq,
        startedAt: event.at,
        endedAt: null,
        reason: null,
        deadline: event.until,
        timedOut: null,
      });
    case 'step-timed-out':
      return {
        ...withStep(before, event.lane, event.step, {
          state: 'failed',
          endedAt: event.at,
          reason: event.reason,
          timedOut: event.onTimeout,
          claim: null,
          gate: shutGate(stepRecord(before, event.lane, event.step).gate, 'timed-out'),
        }),
        held: null,
        asked: null,
      };
    case 'signal-received':
      return before.signals[event.name] === undefined
        ? { ...before, signals: { ...before.signals, [event.name]: { by: event.by, at: event.at } } }
        : before;
    case 'hand-claimed':
      return withStep(before, event.lane, event.step, {
        claim: { by: event.by, evidence: event.evidence },
        reason: null,
      });
    case 'hand-refused':
      return withStep(before, event.lane, event.step, { claim: null, reason: event.reason });
    case 'process-started':
      return withStep(before, event.lane, event.step, { process: event.process });
    case 'step-ended':
      return ended(plan, before, event);
    case 'step-skipped':
      return {
        ...withStep(before, event.lane, event.step, {
          state: 'skipped',
          endedAt: event.at,
          reason: event.reason,
        }),
        asked: null,
      };
    case 'step-done-by-hand': {
      const next = withStep(before, event.lane, event.step, {
        state: 'done-by-hand',
        startedSeq: stepRecord(before, event.lane, event.step).startedSeq ?? event.seq,
        endedAt: event.at,
        reason: event.evidence,
        claim: null,
      });
      const done = { ...applied(plan, next, event.lane, event.step, event), asked: null };
      return withWitness(done, event);
    }
    case 'step-resolved': {
      const { lane, step } = event;
      if (event.as === 'applied') {
        const next = withStep(before, lane, step, {
          state: 'succeeded',
          endedAt: event.at,
          reason: event.reason,
        });
        return { ...applied(plan, next, lane, step, event), asked: null };
      }
      const failures = stepRecord(before, lane, step).failures + 1;
      const next = withStep(before, lane, step, {
        state: 'failed',
        endedAt: event.at,
        reason: event.reason,
        notApplied: true,
        failures,
      });
      return { ...next, asked: null, pointCrossed: isMarked(plan, lane, step) ? false : next.pointCrossed };
    }
    case 'site-observed':
      return { ...before, observed: { site: event.observed, seq: event.seq, lane: event.lane } };
    case 'held':
      return { ...before, held: { code: event.code, reason: event.reason, until: event.until } };
    case 'hold-ended':
      return { ...before, held: null };
    case 'asked-person':
      return {
        ...before,
        asked: { code: event.code, question: event.question, step: event.step },
        // Numbers belong to their question: a new one of this kind is measured anew.
        loss: LOSS_QUESTIONS.includes(event.code) ? null : before.loss,
      };
    case 'loss-measured': {
      const { lane, loss, problem } = event;
      // What was exported before stays; the problem says that it is not the last word.
      return { ...before, loss: { report: loss ?? before.loss?.report ?? null, problem, lane } };
    }
    case 'bail-out-passed':
      return { ...before, bailOutPaged: true };
    case 'paused':
      return { ...before, paused: { by: event.by, reason: event.reason } };
    case 'resumed':
      return { ...before, paused: null };
    case 'retry-requested': {
      const lane = retryLane(before, event.step);
      return {
        ...withStep(before, lane, event.step, {
          state: 'retrying',
          failures: 0,
          retryAt: null,
          waitsSince: null,
          timedOut: null,
        }),
        asked: null,
      };
    }
    case 'cancel-requested':
      return { ...before, asked: null, wanted: { what: 'cancel', by: event.by, reason: event.reason } };
    case 'roll-back-requested':
      return { ...before, asked: null, wanted: { what: 'roll-back', by: event.by, reason: event.reason } };
    case 'undo-began':
      return {
        ...withoutWaiting(before, event.at),
        phase: 'undo',
        held: null,
        asked: null,
        ending: event.ending,
        endingReason: event.reason,
      };
    case 'recovery-began':
      return {
        ...withoutWaiting(before, event.at),
        phase: 'recover',
        held: null,
        asked: null,
        endingReason: event.reason,
      };
    case 'run-ended':
      return {
        ...before,
        ended: { state: event.state, at: event.at, siteOpen: event.siteOpen },
        held: null,
        asked: null,
      };
    default:
      return event satisfies never;
  }
}

/** A retry concerns the lane that the run is in. */
export function retryLane(state: RunState, step: string): Lane {
  if (state.phase === 'recover' && state.steps.recover[step] !== undefined) return 'recover';
  return state.phase === 'undo' && state.steps.undo[step] !== undefined ? 'undo' : 'main';
}

/** Folds a whole journal. */
export function foldRun(plan: RunPlan, events: readonly RunEvent[]): RunState {
  return events.reduce((state, event) => applyEvent(plan, state, event), initialRunState(plan));
}
