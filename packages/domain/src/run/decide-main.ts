/**
 * The way forward. States and exits: a ready step is performed; a person's wish or a failure turns to the way back; a rule
 * of time holds the run until the site is closed and never afterwards; all steps ended well is success.
 */
import type { EpochMs } from '../time/instant.ts';
import { missingBackup } from './backup-proof.ts';
import { noticeFailed } from './decide-way-back.ts';
import type { Next } from './decide-next.ts';
import { committingStep, type PlannedStep, type RunPlan, type UsesStep } from './plan.ts';
import type { UndoEnding } from './events.ts';
import { decideGate } from './gates.ts';
import { decideHandWork, isManual } from './hand-work.ts';
import { openingVerdict } from './opening-verdict.ts';
import { endedWell, stepRecord, waitedTooLong, type RunState } from './run-state.ts';
import { checkCommit, type HoldVerdict, type StartFacts } from './start-facts.ts';
import { deadlineOf, decideWait, lateStep, sooner, waitEnded } from './waiting.ts';

function ask(code: string, question: string, step: string | null): Next {
  return { kind: 'append', event: { kind: 'asked-person', code, question, step } };
}

function beginUndo(reason: string, ending: UndoEnding): Next {
  return { kind: 'append', event: { kind: 'undo-began', reason, ending } };
}

/**
 * Which way back, and does it begin by itself? Before the point of no return: undo. After it: the recovery, by itself only
 * as semantics 17 says; after opening a person decides.
 */
function turnBack(plan: RunPlan, state: RunState, reason: string, by: string | null): Next {
  if (!state.pointCrossed) return beginUndo(reason, 'rolled-back');
  if (plan.recover === null)
    return ask('no-way-back', `${reason}. The plan has no recovery; the page stays up.`, null);
  if (by !== null) return { kind: 'append', event: { kind: 'recovery-began', reason, by } };
  if (state.openedAfterPoint || state.closedAt === null || mayBeOpen(plan, state)) {
    const users = state.openedAfterPoint ? 'Users were let in' : 'Users may have been let in';
    return ask(
      'failed-after-opening',
      `${reason}. ${users}: going back would lose what they have written.`,
      null,
    );
  }
  const { backup } = state;
  if (backup === null) return ask('no-backup', `${reason}. There is no backup to go back to.`, null);
  // Users wrote until closing had ended, not until it began.
  const closing = committingStep(plan);
  const shutAt = (closing === null ? null : stepRecord(state, 'main', closing.id).endedAt) ?? state.closedAt;
  const lossMs = Math.max(0, shutAt - backup.begunAt);
  if (!backup.whileClosed && lossMs > plan.backup.acceptedLossMs) {
    const seconds = Math.ceil(lossMs / 1000);
    return ask(
      'would-lose-data',
      `${reason}. Going back loses what was written in the ${seconds} s before closing.`,
      null,
    );
  }
  return { kind: 'append', event: { kind: 'recovery-began', reason, by: null } };
}

/**
 * An opening that began after the last closing, and of which nobody has proven that it did nothing: a proxy that says "failed"
 * may have opened. The journal alone calls such a site closed; semantics 17 asks for more than that.
 */
function mayBeOpen(plan: RunPlan, state: RunState): boolean {
  const lastStart = (test: (step: UsesStep) => boolean): number => {
    const step = plan.steps.find((one): one is UsesStep => one.kind === 'uses' && test(one));
    const record = step === undefined ? null : stepRecord(state, 'main', step.id);
    return record === null || record.notApplied ? -Infinity : (record.startedAt ?? -Infinity);
  };
  const opening = lastStart((step) => step.run.flags.opensSite);
  return opening > -Infinity && opening >= lastStart((step) => step.run.flags.closesSite);
}

/**
 * A recovery begins on a closed site: on one that was opened again, users would meet stopped code, and what they write while
 * the backup is restored would be gone without a word. A person who goes back after opening gets the page up first. Null when
 * it is up, or when the plan has none.
 */
function putPageUp(plan: RunPlan, state: RunState, now: EpochMs): Next | null {
  const closing = committingStep(plan);
  if (closing?.run.flags.closesSite !== true) return null;
  const record = stepRecord(state, 'main', closing.id);
  if (endedWell(record.state) && state.closedAt !== null && !mayBeOpen(plan, state)) return null;
  if (record.state === 'waiting') return decideHandWork('main', closing, record);
  if (record.state === 'failed' && record.failures > closing.retry.times) {
    const why = record.reason ?? 'no reason given';
    return ask('page-not-up', `Going back needs the page up first, and closing failed: ${why}.`, closing.id);
  }
  const notBefore =
    record.retryAt ?? (record.state === 'failed' ? (record.endedAt ?? now) + closing.retry.pauseMs : now);
  if (now < notBefore) return { kind: 'sleep', until: notBefore, why: `trying ${closing.id} again` };
  // The way back waits for no window and no freeze (I-33).
  return begin(plan, closing, record.attempt + 1, now, false);
}

function isOver(step: PlannedStep, state: RunState): boolean {
  const record = stepRecord(state, 'main', step.id);
  return endedWell(record.state) || noticeFailed(step, record);
}

/** The guards that stand before one step; null when it may start. */
function guard(
  plan: RunPlan,
  state: RunState,
  step: PlannedStep,
  facts: StartFacts,
  now: EpochMs,
): Next | null {
  if (step.kind !== 'uses') return null;
  const committing = committingStep(plan);
  const committed = committing !== null && stepRecord(state, 'main', committing.id).startedSeq !== null;
  if (!committed && facts.stopped !== null) return hold(state, checkCommit(plan, facts, now));
  if (step.id === committing?.id) {
    const verdict = checkCommit(plan, facts, now);
    if (verdict !== null) return hold(state, verdict);
  }
  if (facts.stopped !== null) return hold(state, checkCommit(plan, facts, now));
  if (step.pointOfNoReturn) {
    const missing = missingBackup(plan, state, now);
    if (missing !== null)
      return beginUndo(`${step.title} would cross the point of no return, but ${missing}`, 'rolled-back');
  }
  if (
    step.run.flags.opensSite ||
    (committing !== null && !committing.run.flags.closesSite && step.run.flags.switchesTraffic)
  ) {
    const verdict = openingVerdict(plan, state, 'main', step.id);
    if (!verdict.allowed)
      return ask('opening-refused', `The site may not open: ${verdict.reasons.join('; ')}.`, step.id);
  }
  return null;
}

/** Says a hold once; sleeps while it stands unchanged. */
function hold(state: RunState, verdict: HoldVerdict | null): Next | null {
  if (verdict === null) return null;
  const same = state.held?.code === verdict.code && state.held.until === verdict.until;
  if (same) return { kind: 'sleep', until: verdict.until, why: verdict.reason };
  return {
    kind: 'append',
    event: { kind: 'held', code: verdict.code, reason: verdict.reason, until: verdict.until },
  };
}

/**
 * What a time-out asks for (semantics, "Keys, complete"). Before opening everything is taken back, and the ending says why;
 * after it a person decides, because users are in (17).
 */
function timedOut(plan: RunPlan, state: RunState, late: NonNullable<ReturnType<typeof lateStep>>): Next {
  const { step, onTimeout } = late;
  const reason = `${step.title} timed out: ${late.reason}`;
  if (state.openedAt !== null && state.closedAt === null)
    return ask('timed-out-after-opening', `${reason}. Users are in; nothing goes back by itself.`, step.id);
  switch (onTimeout) {
    case 'hold-closed':
      return ask('held-closed', `${reason}. The page stays up until a person decides.`, step.id);
    case 'fail':
    case 'abort':
    case 'roll-back':
      return state.pointCrossed ? turnBack(plan, state, reason, null) : beginUndo(reason, ENDING[onTimeout]);
    default:
      return onTimeout satisfies never;
  }
}

const ENDING = { fail: 'failed', abort: 'aborted', 'roll-back': 'rolled-back' } as const;

function failure(plan: RunPlan, state: RunState, step: UsesStep, now: EpochMs): Next {
  const record = stepRecord(state, 'main', step.id);
  if (record.failures <= step.retry.times) {
    const notBefore = (record.endedAt ?? now) + step.retry.pauseMs;
    if (now < notBefore) return { kind: 'sleep', until: notBefore, why: `trying ${step.id} again` };
    return begin(plan, step, record.attempt + 1, now);
  }
  return turnBack(plan, state, `${step.title} failed: ${record.reason ?? 'no reason given'}`, null);
}

/** The committing step remembers in which window it started: the bail-out minute counts from its end (semantics 6). */
function inWindow(next: Next, { window }: StartFacts): Next {
  if (!('commits' in next) || !next.commits || window === null || window === 'any-time') return next;
  return { ...next, windowEndsAt: window.closesAt };
}

/** An attempt of ours, or a manual step given to a person. */
function begin(
  plan: RunPlan,
  step: PlannedStep,
  attempt: number,
  now: EpochMs,
  commits = committingStep(plan)?.id === step.id,
): Next {
  const start = { lane: 'main', step: step.id, attempt, commits } as const;
  return isManual(step)
    ? { kind: 'hand-out', ...start, until: deadlineOf(step, now) }
    : { kind: 'perform', ...start };
}

export function decideMain(plan: RunPlan, state: RunState, facts: StartFacts, now: EpochMs): Next {
  if (!state.started) return { kind: 'append', event: { kind: 'run-started' } };
  if (state.wanted !== null) {
    const { what, by, reason } = state.wanted;
    if (state.pointCrossed) {
      const pageUp = putPageUp(plan, state, now);
      return pageUp ?? turnBack(plan, state, `${what} asked for by ${by}: ${reason}`, by);
    }
    return beginUndo(
      `${what} asked for by ${by}: ${reason}`,
      what === 'cancel' ? 'cancelled' : 'rolled-back',
    );
  }
  const late = lateStep(plan, state);
  if (late !== null) return timedOut(plan, state, late);
  if (state.paused !== null)
    return { kind: 'sleep', until: null, why: `paused by ${state.paused.by}: ${state.paused.reason}` };

  const { held } = state;
  // Said by the transaction that tried to start; the facts of a decision cannot see it.
  if (held?.code === 'instance-busy' && held.until !== null && now < held.until) {
    return { kind: 'sleep', until: held.until, why: held.reason };
  }
  let waits: (Next & { kind: 'sleep' }) | null = null;
  for (const step of plan.steps) {
    if (isOver(step, state)) continue;
    const ready = step.needs.every((id) => {
      const needed = plan.steps.find((other) => other.id === id);
      return needed !== undefined && isOver(needed, state);
    });
    if (!ready) continue;
    const record = stepRecord(state, 'main', step.id);
    if (record.state === 'waiting' && step.kind === 'uses') {
      const next = decideHandWork('main', step, record);
      if (next.kind !== 'sleep') return next;
      waits = sooner(waits, next);
      continue;
    }
    if (step.kind === 'gate') {
      const next = decideGate(step, plan, state, facts, now);
      if (next.kind !== 'sleep') return next;
      waits = sooner(waits, next);
      continue;
    }
    if (step.kind === 'wait') {
      const wait = decideWait(step, plan, state, facts, now);
      if ('next' in wait) {
        if (wait.next.kind !== 'sleep') return wait.next;
        waits = sooner(waits, wait.next);
        continue;
      }
      const held = 'held' in wait ? hold(state, wait.held) : null;
      if (held !== null) return held;
      if (record.state === 'waiting' && state.held === null) return waitEnded(step, record);
    }
    const inVain = waitedTooLong(record, step.timeoutMs);
    if (inVain !== null) return turnBack(plan, state, `${step.title} failed: ${inVain}`, null);
    if (record.retryAt !== null && now < record.retryAt) {
      return { kind: 'sleep', until: record.retryAt, why: record.reason ?? `trying ${step.id} again` };
    }
    const blocked = guard(plan, state, step, facts, now);
    if (record.state === 'failed' && step.kind === 'uses') {
      // Only a repeat is guarded again; turning back never is (I-33).
      const next = failure(plan, state, step, now);
      return (next.kind === 'perform' || next.kind === 'hand-out') && blocked !== null
        ? blocked
        : inWindow(next, facts);
    }
    if (blocked !== null) return blocked;
    if (state.held !== null) return { kind: 'append', event: { kind: 'hold-ended' } };
    return inWindow(begin(plan, step, record.attempt + 1, now), facts);
  }
  return waits ?? { kind: 'finish', event: { kind: 'run-ended', state: 'succeeded', reason: null } };
}
