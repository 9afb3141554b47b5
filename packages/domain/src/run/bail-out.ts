/**
 * The bail-out minute (semantics 6): the end of the window minus p95 of the way back, the latest at which going back still fits.
 * The window is the one in which closing began. At it, while the site is closed: before the point of no return everything is
 * taken back; past it nothing is killed, a person is paged once. A pause, a question and a worker that was away stop none of
 * this. Opening ends it; a way back that has begun is what it wanted.
 */
import type { EpochMs } from '../time/instant.ts';
import type { Next } from './decide-next.ts';
import { forecastWayBackMs, type StepHistory } from './forecast.ts';
import type { RunPlan } from './plan.ts';
import type { RunState } from './run-state.ts';
import { lateStep } from './waiting.ts';

/** Null where no window bounds the run. */
export function bailOutAt(
  plan: Pick<RunPlan, 'steps' | 'recover'>,
  windowEndsAt: EpochMs | null,
  history: StepHistory,
): EpochMs | null {
  return windowEndsAt === null ? null : windowEndsAt - forecastWayBackMs(plan, history);
}

/** The minute that still has something to say to this run; null when none does. */
export function bailOutAhead(plan: RunPlan, state: RunState, history: StepHistory): EpochMs | null {
  const { phase, closedAt, wanted, ended, windowEndsAt, bailOutPaged } = state;
  if (phase !== 'main' || closedAt === null || wanted !== null || ended !== null || bailOutPaged) return null;
  // A gate's clock ends at this minute as well, and what its `onTimeout` says is what follows.
  if (lateStep(plan, state) !== null) return null;
  return bailOutAt(plan, windowEndsAt, history);
}

/** What the bail-out minute asks for now; null before it. `busy`: the end of an attempt is not known. */
export function decideBailOut(
  plan: RunPlan,
  state: RunState,
  history: StepHistory,
  busy: boolean,
  now: EpochMs,
): Next | null {
  const at = bailOutAhead(plan, state, history);
  if (at === null || now < at) return null;
  if (state.pointCrossed) return { kind: 'append', event: { kind: 'bail-out-passed' } };
  // What has no known end is looked at first; what a person is asked about that end, the way back asks again.
  if (busy && state.asked === null) return null;
  const reason = 'the bail-out minute was reached: after it, going back would no longer fit into the window';
  return { kind: 'append', event: { kind: 'undo-began', reason, ending: 'rolled-back' } };
}

/** An attempt of the way forward that changes a closed site, or closes it, is told its minute: before the point it ends at it. */
export function withBailOut(next: Next, plan: RunPlan, state: RunState, history: StepHistory): Next {
  if (next.kind !== 'perform' || next.lane !== 'main' || state.wanted !== null || state.bailOutPaged)
    return next;
  if (state.closedAt === null && !next.commits) return next;
  const at = bailOutAt(plan, next.windowEndsAt ?? state.windowEndsAt, history);
  return at === null ? next : { ...next, bailOutAt: at };
}
