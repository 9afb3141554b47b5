/**
 * Steps that wait for something outside, and their clocks. A wait costs a row: the step is `waiting` in the journal with the
 * instant at which it has waited too long, and whatever ends it wakes the run. What ends it is looked for again every time
 * the run is looked at, so a wake-up may be lost. No time-out ever passes a step (semantics 12).
 */
import type { EpochMs } from '../time/instant.ts';
import type { Next } from './decide-next.ts';
import { isManual } from './hand-work.ts';
import type { OnTimeout, PlannedStep, RunPlan, WaitStep } from './plan.ts';
import { stepRecord, type RunState, type StepRecord } from './run-state.ts';
import { checkCommit, type HoldVerdict, type StartFacts } from './start-facts.ts';

/** The end of another instance's upgrade wakes nobody for certain, so it is looked for this often, milliseconds. */
const UPGRADE_RECHECK_MS = 60_000;

type Sleep = Next & { kind: 'sleep' };

function minutes(ms: number): string {
  const whole = Math.round(ms / 60_000);
  if (whole < 1) return `${Math.round(ms / 1_000)} s`;
  if (whole < 120) return `${whole} min`;
  return whole < 2_880 ? `${Math.round(whole / 60)} h` : `${Math.round(whole / 1_440)} d`;
}

/** The instant at which a step that begins to wait now has waited too long; null when nothing would follow. */
export function deadlineOf(step: PlannedStep, now: EpochMs): EpochMs | null {
  return (step.onTimeout ?? null) === null ? null : now + step.timeoutMs;
}

function waiting(plan: RunPlan, state: RunState): readonly (readonly [PlannedStep, StepRecord])[] {
  return plan.steps
    .map((step) => [step, stepRecord(state, 'main', step.id)] as const)
    .filter(([, record]) => record.state === 'waiting' && record.deadline !== null);
}

/** When the next of the waiting steps of the way forward has waited too long. */
export function nextDeadline(plan: RunPlan, state: RunState, now: EpochMs): EpochMs | null {
  if (state.phase !== 'main') return null;
  const deadlines = waiting(plan, state)
    .flatMap(([, { deadline }]) => deadline ?? [])
    .filter((deadline) => deadline > now);
  return deadlines.length === 0 ? null : Math.min(...deadlines);
}

/**
 * A step of the way forward that has waited too long. Said before anything else, so that no question hides it; but what it
 * waited for may have come while nobody looked, and then it is not late.
 */
export function overdueStep(plan: RunPlan, state: RunState, facts: StartFacts, now: EpochMs): Next | null {
  if (state.phase !== 'main') return null;
  for (const [step, record] of waiting(plan, state)) {
    const onTimeout: OnTimeout | null = step.onTimeout ?? null;
    if (onTimeout === null || record.deadline === null || now < record.deadline) continue;
    if (step.kind === 'wait' && stillWaits(step, plan, state, facts, now) === null) continue;
    if (record.claim !== null) continue;
    const what = isManual(step)
      ? 'nobody has done it'
      : step.kind === 'gate'
        ? 'nobody has passed it'
        : 'it has waited';
    const reason = `${what} for ${minutes(record.deadline - (record.startedAt ?? record.deadline))}`;
    return {
      kind: 'append',
      event: { kind: 'step-timed-out', lane: 'main', step: step.id, onTimeout, reason },
    };
  }
  return null;
}

/** A step that has timed out and from which nothing has followed yet. */
export function lateStep(
  plan: RunPlan,
  state: RunState,
): { readonly step: PlannedStep; readonly onTimeout: OnTimeout; readonly reason: string } | null {
  for (const step of plan.steps) {
    const { state: now, timedOut, reason } = stepRecord(state, 'main', step.id);
    if (now === 'failed' && timedOut !== null) return { step, onTimeout: timedOut, reason: reason ?? '' };
  }
  return null;
}

/** Why a wait is not over, and when to look again; null when it is over. */
function stillWaits(
  step: WaitStep,
  plan: RunPlan,
  state: RunState,
  facts: StartFacts,
  now: EpochMs,
): HoldVerdict | Sleep | null {
  const { until } = step;
  switch (until.kind) {
    case 'instant':
      return now >= until.at
        ? null
        : { code: 'window-shut', reason: 'waiting for the agreed time', until: until.at };
    case 'window':
      return checkCommit(plan, facts, now);
    case 'signal':
      return state.signals[until.name] === undefined
        ? { kind: 'sleep', until: null, why: `waiting for the signal ${until.name}` }
        : null;
    case 'upgrade': {
      const missing = until.instances.filter(({ id }) => facts.upgraded?.has(id) !== true);
      if (missing.length === 0) return null;
      const why = `waiting for the upgrade of ${missing.map(({ slug }) => slug).join(', ')} to ${plan.to.version}`;
      return { kind: 'sleep', until: now + UPGRADE_RECHECK_MS, why };
    }
    default:
      return until satisfies never;
  }
}

/** `over`: the step may end. */
export function decideWait(
  step: WaitStep,
  plan: RunPlan,
  state: RunState,
  facts: StartFacts,
  now: EpochMs,
): { readonly over: true } | { readonly held: HoldVerdict } | { readonly next: Next } {
  const record = stepRecord(state, 'main', step.id);
  const why = stillWaits(step, plan, state, facts, now);
  if (why === null) return { over: true };
  // Waits of the first version have no clock of their own and are told as holds only.
  const clocked = !('code' in why) || (step.onTimeout ?? null) !== null;
  if (clocked && record.state !== 'waiting') {
    const event = {
      kind: 'step-waiting',
      lane: 'main',
      step: step.id,
      until: deadlineOf(step, now),
    } as const;
    return { next: { kind: 'append', event } };
  }
  return 'code' in why ? { held: why } : { next: why };
}

/** The end of a wait that was journaled as waiting. */
export function waitEnded(step: WaitStep, record: StepRecord): Next {
  return {
    kind: 'append',
    event: {
      kind: 'step-ended', lane: 'main', step: step.id, attempt: record.attempt, outcome: 'done', reason: null,
      notApplied: false, retryAt: null, output: {}, observed: null, backup: null,
    },
  }; // prettier-ignore
}

/** The earlier of two sleeps. */
export function sooner(a: Sleep | null, b: Sleep): Sleep {
  return a === null || (b.until ?? Infinity) < (a.until ?? Infinity) ? b : a;
}
