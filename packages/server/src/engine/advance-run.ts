/**
 * Advances one run until it must wait: claim (lease and fence), read and fold the journal, ask `decideNext`, do exactly
 * that, journal it, ask again. Any crash, anywhere, resumes here. What it must never do: write without the fence, act
 * without a journaled start, or guess.
 */
import { decideNext, type Next } from '@sitelift/domain/run/decide-next.ts';
import type { ProcessRef, RunEventBody } from '@sitelift/domain/run/events.ts';
import { findStep } from '@sitelift/domain/run/apply-event.ts';
import { claimOutcome } from '@sitelift/domain/run/hand-work.ts';
import { stepRecord } from '@sitelift/domain/run/run-state.ts';
import { LOSS_LIMIT_MS } from '@sitelift/domain/run/measure-loss.ts';
import { startBailOutClock } from './bail-out-clock.ts';
import { LOSS_STEP, measureLoss } from './measure-loss.ts';
import { targetOf, type ActionRunner, type AttemptScope } from './action-runner.ts';
import { keepLease, type Lease, type LeaseSettings } from './lease.ts';
import {
  boundAction,
  observeSite,
  outcomeOf,
  performAttempt,
  provesNothing,
  stepEnded,
} from './perform-step.ts';
import {
  FencedError,
  type NoticeToSend,
  type RunHandle,
  type RunStore,
  type StartBody,
} from './run-store.ts';
import type { StepLog } from './step-log.ts';
import { systemTimers, type Timers } from './timers.ts';

export interface EngineDeps {
  readonly store: RunStore;
  readonly runner: ActionRunner;
  readonly worker: string;
  readonly lease: LeaseSettings;
  readonly monotonicMs: () => number;
  /** The system's own where absent. */
  readonly timers?: Timers;
  /** What chooses the next thing to do; `decideNext` where absent. The simulation takes single guards out of it here. */
  readonly decide?: typeof decideNext;
  /** Ends a process group that a lost worker left behind on this host; resolves when nothing of it is left. */
  readonly stopProcess: (process: ProcessRef) => Promise<void>;
  /** A log for one attempt, and the secrets it may open: every opened secret is redacted from that log. */
  readonly openAttempt: (
    run: RunHandle,
    lane: string,
    step: string,
    attempt: number,
  ) => {
    readonly log: StepLog;
    readonly openSecret: (name: string) => Promise<string>;
    /** Hides the secrets that this attempt has opened. */
    readonly redact?: (text: string) => string;
  };
  /** What a `notify` step sends. */
  readonly noticesOf: (
    run: RunHandle,
    lane: 'main' | 'recover',
    step: string,
  ) => Promise<readonly NoticeToSend[]>;
  /** Is the site open, as seen from outside? Null when nobody can tell. */
  readonly lookFromOutside: (run: RunHandle) => Promise<boolean | null>;
}

/** How a worker that must leave tells its runs: `soon` between two moves, `now` also in the middle of an attempt. */
export interface StopSignals {
  readonly soon: AbortSignal;
  readonly now: AbortSignal;
}

const NEVER: StopSignals = { soon: new AbortController().signal, now: new AbortController().signal };

/**
 * A hold may be lifted by what wakes nobody (a freeze taken back, a longer window), so a held run looks again this often,
 * milliseconds. Not more often: ten thousand of them may wait at once.
 */
const HELD_RECHECK_MS = 60_000;

/**
 * A look at the site before it may open on the way back belongs to no step; it gets what playbooks give their probes,
 * milliseconds.
 */
const SITE_LOOK_LIMIT_MS = 300_000;

/** A run that moves this often without waiting once is a defect of ours; it is parked instead of spinning (F-11). */
const MAX_MOVES = 1_000;

export type Advance = 'busy' | 'over' | 'asleep' | 'lost';

export async function advanceRun(
  deps: EngineDeps,
  runId: string,
  stop: StopSignals = NEVER,
): Promise<Advance> {
  const claimedAt = deps.monotonicMs();
  const claimed = await deps.store.claim(runId, deps.worker, deps.lease.leaseMs);
  if (claimed === 'busy' || claimed === 'over') return claimed;
  const kept = keepLease(deps.store, claimed, deps.lease, deps.monotonicMs, claimedAt, deps.timers);
  // To be ended now is to lose the lease: nothing is written any more, and it runs out by itself.
  const lease: Lease = { ...kept, lost: AbortSignal.any([kept.lost, stop.now]) };
  try {
    return await moveUntilAsleep(deps, claimed, lease, stop.soon);
  } catch (error) {
    // The lease is gone, with or without a fence raised against us: the next holder goes on from the journal.
    if (error instanceof FencedError || lease.lost.aborted) return 'lost';
    throw error;
  } finally {
    lease.stop();
  }
}

/** When a sleeping run should be looked at again; null when only somebody's word or deed can wake it. */
function wakeTime(run: RunHandle, next: Next & { kind: 'sleep' }, now: number): number | null {
  const { held, asked, paused } = run.state;
  if (held === null || asked !== null || paused !== null) return next.until;
  return Math.min(next.until ?? Infinity, now + HELD_RECHECK_MS);
}

async function moveUntilAsleep(
  deps: EngineDeps,
  claimed: RunHandle,
  lease: Lease,
  stopSoon: AbortSignal,
): Promise<Advance> {
  let run = claimed;
  for (let moves = 0; moves < MAX_MOVES; moves += 1) {
    lease.lost.throwIfAborted();
    const { now, facts } = await deps.store.facts(run);
    const decided = (deps.decide ?? decideNext)(run.plan, run.state, facts, now);
    // We must leave: another worker goes on from here, at once.
    const next: Next = stopSoon.aborted ? { kind: 'sleep', until: now, why: 'the worker stops' } : decided;
    if (next.kind === 'sleep') {
      if (await deps.store.release(run, wakeTime(run, next, now)))
        return run.state.ended === null ? 'asleep' : 'over';
      run = await deps.store.append(run, []);
    } else {
      run = await doNext(deps, run, next, now, lease);
    }
    lease.follow(run);
  }
  throw new Error(`run ${run.runId} moved ${MAX_MOVES} times without waiting`);
}

async function doNext(
  deps: EngineDeps,
  run: RunHandle,
  next: Exclude<Next, { kind: 'sleep' }>,
  now: number,
  lease: Lease,
): Promise<RunHandle> {
  switch (next.kind) {
    case 'append':
      return deps.store.appendDecision(run, next.event);
    case 'finish':
      return deps.store.appendDecision(run, { ...next.event, siteOpen: await siteOpen(deps, run) });
    case 'perform':
      return perform(deps, run, next, now, lease);
    case 'hand-out': {
      const { lane, step, attempt, until } = next;
      const clock = { ...(until === null ? {} : { until }), ...windowOf(next) };
      return (await startStep(deps, run, next, { kind: 'step-handed-out', lane, step, attempt, ...clock }))
        .run;
    }
    case 'look': {
      const { claim } = stepRecord(run.state, next.lane, next.step);
      if (claim === null) throw new Error(`nobody has claimed ${next.step} of ${run.runId}`);
      const open = await siteOpen(deps, run);
      return deps.store.append(run, [claimOutcome(run.plan, next.lane, next.step, claim, open)]);
    }
    case 'reconcile':
      return reconcile(deps, run, next, now, lease);
    case 'observe-site':
      return withAttempt(deps, run, next.lane, 'observe-site', 1, now, lease, async (scope, current) => {
        const observed = await observeSite(deps.runner, current(), scope);
        return [{ kind: 'site-observed', lane: next.lane, observed }];
      });
    case 'measure-loss': {
      const { lane } = next;
      const look = { limitMs: LOSS_LIMIT_MS };
      return withAttempt(deps, run, lane, LOSS_STEP, 1, now, lease, (scope, current) =>
        measureLoss(deps.runner, current(), lane, scope), look); // prettier-ignore
    }
    default:
      return next satisfies never;
  }
}

/** The end of a run says whether its site is open; a look that fails says that nobody can tell, and ends nothing else. */
async function siteOpen(deps: EngineDeps, run: RunHandle): Promise<boolean | null> {
  try {
    return await deps.lookFromOutside(run);
  } catch {
    return null;
  }
}

/** A reason may quote a script, a tool or a site, and these may quote a secret that they were given. */
function redacted(event: RunEventBody, redact: (text: string) => string): RunEventBody {
  switch (event.kind) {
    case 'step-ended':
      return { ...event, reason: event.reason === null ? null : redact(event.reason) };
    case 'asked-person':
      return { ...event, question: redact(event.question) };
    case 'loss-measured':
      return { ...event, problem: event.problem === null ? null : redact(event.problem) };
    default:
      return event;
  }
}

/** What bounds an attempt besides its step's time-out. */
interface AttemptBounds {
  /** Of a look that belongs to no step, milliseconds. */
  readonly limitMs?: number;
  readonly bailOutAt?: number | undefined;
}

/** Runs `work` with a log, a clock and a signal around it, and appends what it returns unless the lease went meanwhile. */
async function withAttempt(
  deps: EngineDeps,
  run: RunHandle,
  lane: 'main' | 'undo' | 'recover',
  step: string,
  attempt: number,
  now: number,
  lease: Lease,
  work: (scope: AttemptScope, current: () => RunHandle) => Promise<readonly RunEventBody[]>,
  { limitMs = SITE_LOOK_LIMIT_MS, bailOutAt }: AttemptBounds = {},
): Promise<RunHandle> {
  let current = run;
  const { log, openSecret, redact = (text) => text } = deps.openAttempt(run, lane, step, attempt);
  const beganAt = deps.monotonicMs();
  const planned = findStep(run.plan, lane, step);
  const page = async (): Promise<void> => {
    current = await deps.store.append(current, [{ kind: 'bail-out-passed' }]);
    lease.follow(current);
  };
  const inMs = bailOutAt === undefined ? undefined : bailOutAt - now;
  const minute = startBailOutClock(deps.timers ?? systemTimers, inMs, run.state.pointCrossed ? page : null);
  // A wish that was there before the attempt began (the page goes up for a way back) is what the attempt serves.
  const interrupt = lane === 'main' && run.state.wanted === null ? [lease.interruptSignal()] : [];
  const scope: AttemptScope = {
    runId: run.runId,
    fence: run.fence,
    target: targetOf(run.plan),
    stepId: step,
    attempt,
    timeoutMs: planned?.timeoutMs ?? limitMs,
    // A way back is not interrupted by a person's wish to go back.
    signal: AbortSignal.any([lease.lost, minute.signal, ...interrupt]),
    log,
    backup: run.state.backup,
    nowMs: () => now + (deps.monotonicMs() - beganAt),
    openSecret,
    processStarted: async (process) => {
      // A look of our own is no step; its processes end with their worker and have changed nothing.
      if (planned === undefined) return;
      current = await deps.store.append(current, [{ kind: 'process-started', lane, step, attempt, process }]);
      lease.follow(current);
    },
  };
  try {
    const events = await work(scope, () => current);
    await minute.stop();
    lease.lost.throwIfAborted();
    await log.close();
    return await deps.store.append(
      current,
      events.map((event) => redacted(event, redact)),
    );
  } finally {
    await minute.stop();
    await log.close();
  }
}

function windowOf({ windowEndsAt }: Next & { kind: 'perform' | 'hand-out' }): { windowEndsAt?: number } {
  return windowEndsAt === undefined ? {} : { windowEndsAt };
}

/** Journals a start, or what stood against it in that very transaction. */
async function startStep(
  deps: EngineDeps,
  run: RunHandle,
  next: Next & { kind: 'perform' | 'hand-out' },
  body: StartBody,
): Promise<{ readonly started: boolean; readonly run: RunHandle }> {
  const { lane, step } = next;
  const bound = findStep(run.plan, lane, step)?.kind === 'uses' ? boundAction(run.plan, lane, step) : null;
  const result = await deps.store.start(run, body, {
    lane,
    step,
    takesInstance: bound !== null,
    // A way back is never stopped (I-33); nor is the page that goes up for one.
    forward: lane === 'main' && bound !== null && run.state.wanted === null,
    commits: next.commits,
    opens: bound?.flags.opensSite === true,
  });
  if (result.started || 'again' in result) return { started: result.started, run: result.run };
  if ('held' in result) {
    const { code, reason, until } = result.held;
    const held = await deps.store.append(result.run, [{ kind: 'held', code, reason, until }]);
    return { started: false, run: held };
  }
  const question = `The database refuses to open the site although the engine would: ${result.refused}.`;
  const asked = { kind: 'asked-person', code: 'guards-disagree', question, step } as const;
  return { started: false, run: await deps.store.append(result.run, [asked]) };
}

async function perform(
  deps: EngineDeps,
  run: RunHandle,
  next: Next & { kind: 'perform' },
  now: number,
  lease: Lease,
): Promise<RunHandle> {
  const { lane, step: stepId, attempt } = next;
  const step = findStep(run.plan, lane, stepId);
  if (step === undefined) throw new Error(`the plan of ${run.runId} has no step ${stepId}`);
  const { worker } = deps;
  const result = await startStep(deps, run, next, {
    kind: 'step-started',
    lane,
    step: stepId,
    attempt,
    worker,
    ...windowOf(next),
  });
  if (!result.started) return result.run;
  lease.follow(result.run);
  if (step.kind === 'wait' || step.kind === 'notify') {
    const notices =
      step.kind === 'notify' && lane !== 'undo' ? await deps.noticesOf(result.run, lane, stepId) : [];
    return deps.store.append(result.run, [stepEnded(lane, stepId, attempt, { kind: 'done' }, now)], notices);
  }
  const bounds = { bailOutAt: next.bailOutAt };
  return withAttempt(deps, result.run, lane, stepId, attempt, now, lease, async (scope, current) => [
    await performAttempt(deps.runner, current(), lane, stepId, scope),
  ], bounds); // prettier-ignore
}

/**
 * An attempt whose end nobody knows: end what is left of its processes, observe, and journal what that shows. Never a
 * repeat without an observation (I-3); when nobody can tell, a person is asked.
 */
async function reconcile(
  deps: EngineDeps,
  run: RunHandle,
  next: Next & { kind: 'reconcile' },
  now: number,
  lease: Lease,
): Promise<RunHandle> {
  const { lane, step: stepId, attempt } = next;
  const step = findStep(run.plan, lane, stepId);
  const record = stepRecord(run.state, lane, stepId);
  if (step === undefined || step.kind !== 'uses') {
    // A wait or a notice is rows only: an unfinished one left nothing behind.
    const outcome = { kind: 'failed', reason: 'the worker was lost' } as const;
    return deps.store.append(run, [stepEnded(lane, stepId, attempt, outcome, now, true)]);
  }
  const bound = boundAction(run.plan, lane, stepId);
  return withAttempt(deps, run, lane, stepId, attempt, now, lease, async (scope, current) => {
    if (record.process !== null) await deps.stopProcess(record.process);
    scope.log.line(
      'note',
      record.state === 'running'
        ? 'the worker was lost here; looking at what was done'
        : 'looking at what was done',
    );
    const ended = (outcome: Parameters<typeof stepEnded>[3], notApplied = false) =>
      stepEnded(lane, stepId, attempt, outcome, scope.nowMs(), notApplied);
    if (!bound.flags.mutates)
      return [ended({ kind: 'failed', reason: 'the worker was lost; nothing was changed' }, true)];
    // Whoever wants to go back needs to know from where: his wish, which stands, would end this look before it began.
    const seen = await deps.runner.observe(bound, { ...scope, signal: lease.lost });
    if (seen.state === 'cannot-tell') {
      const question = `"${step.title}" was begun and nobody can tell whether it was done: ${seen.reason}.`;
      return [
        ...(record.state === 'unknown' ? [] : [ended({ kind: 'unknown', reason: seen.reason })]),
        { kind: 'asked-person', code: 'unknown-outcome', question, step: stepId },
      ];
    }
    if (seen.state === 'applied' && step.require !== null && lane !== 'undo') {
      // Only a backup carries a grade; its proof is part of the step and is made again.
      return [await performAttempt(deps.runner, current(), lane, stepId, scope)];
    }
    return [ended(outcomeOf(seen, 'done'), provesNothing(seen))];
  });
}
