/**
 * The state of a run, folded from its journal and from nothing else: `state = events.reduce(applyEvent)`. The columns of
 * `run` and `run_step` are a cache of this value. It must stay cheap to fold and must never look at a clock.
 */
import type { EpochMs } from '../time/instant.ts';
import type {
  BackupRecord,
  ItemResult,
  Lane,
  ProcessRef,
  RunStateName,
  SiteObservation,
  StepState,
  TerminalState,
  UndoEnding,
} from './events.ts';
import type { LossReport } from './loss.ts';
import type { JsonObject, OnTimeout, RunPlan } from './plan.ts';

/**
 * A gate that has opened. `closed`: the run turned back before anybody decided. A denied gate is decided, and still waits for
 * being fixed (opened anew) or for the end of the run.
 */
export interface GateRecord {
  readonly state: 'open' | 'closed' | 'timed-out' | 'decided' | 'overridden';
  readonly decided: { readonly as: 'passed' | 'denied'; readonly by: string; readonly at: EpochMs } | null;
  readonly votes: readonly {
    readonly by: string;
    readonly decision: 'pass' | 'deny';
    readonly reason: string;
    readonly at: EpochMs;
  }[];
  /** By `checklist/item`. */
  readonly items: Readonly<
    Record<
      string,
      { readonly result: ItemResult; readonly by: string; readonly note: string; readonly at: EpochMs }
    >
  >;
}

/** Decided for it, or validly overridden: what rule 10 asks of every gate before an opening. */
export function gatePassed(gate: GateRecord | null): boolean {
  return gate !== null && (gate.state === 'overridden' || gate.decided?.as === 'passed');
}

export interface StepRecord {
  readonly state: StepState;
  /** Number of the latest attempt; 0 before the first. */
  readonly attempt: number;
  /** Attempts that ended `failed` since a person last asked for a retry: what `retry.times` counts (semantics 18). */
  readonly failures: number;
  /** Sequence number of the first start: undo runs in reverse order of this (semantics 16). */
  readonly startedSeq: number | null;
  readonly startedAt: EpochMs | null;
  readonly endedAt: EpochMs | null;
  /** Not before this instant, after `retry-later` or a failure that will be tried again. */
  readonly retryAt: EpochMs | null;
  /** When the attempts began of which each said `retry-later`: together they have the step's time-out (semantics 18). */
  readonly waitsSince: EpochMs | null;
  readonly reason: string | null;
  /** The last attempt failed and an observation proved that nothing was applied (semantics 14). */
  readonly notApplied: boolean;
  readonly output: JsonObject;
  /** The process group of the attempt in flight, to be ended by whoever takes over. */
  readonly process: ProcessRef | null;
  /** Somebody says that closing or opening by hand is done, and nobody has looked yet. */
  readonly claim: { readonly by: string; readonly evidence: string } | null;
  /** While it waits: when it has waited too long. */
  readonly deadline: EpochMs | null;
  /** It has waited too long, and this follows. */
  readonly timedOut: OnTimeout | null;
  /** Of a gate that has opened. */
  readonly gate: GateRecord | null;
}

export interface RunState {
  readonly phase: 'main' | 'undo' | 'recover';
  readonly lastSeq: number;
  readonly started: boolean;
  readonly steps: Readonly<Record<Lane, Readonly<Record<string, StepRecord>>>>;
  /** The marked step has begun; until an observation proves that nothing was applied (semantics 14). */
  readonly pointCrossed: boolean;
  readonly lastMutationSeq: number;
  readonly observed: { readonly site: SiteObservation; readonly seq: number; readonly lane: Lane } | null;
  readonly backup: (BackupRecord & { readonly output: JsonObject; readonly whileClosed: boolean }) | null;
  /** Since when the page is up; null while the site is open. */
  readonly closedAt: EpochMs | null;
  readonly openedAt: EpochMs | null;
  /** The site was opened after the point of no return: users were let in, so nothing goes back by itself (semantics 17). */
  readonly openedAfterPoint: boolean;
  /** What was signalled from outside, by name: the first word of each counts. */
  readonly signals: Readonly<Record<string, { readonly by: string; readonly at: EpochMs }>>;
  readonly held: { readonly code: string; readonly reason: string; readonly until: EpochMs | null } | null;
  readonly asked: { readonly code: string; readonly question: string; readonly step: string | null } | null;
  /** What going back would lose, as last measured, and for whom: the question that stands, or the restore that follows. */
  readonly loss: {
    readonly report: LossReport | null;
    readonly problem: string | null;
    readonly lane: 'main' | 'recover';
  } | null;
  /** The bail-out minute passed beyond the point of no return, and a person was paged. */
  readonly bailOutPaged: boolean;
  readonly paused: { readonly by: string; readonly reason: string } | null;
  readonly wanted: {
    readonly what: 'cancel' | 'roll-back';
    readonly by: string;
    readonly reason: string;
  } | null;
  readonly ending: UndoEnding | null;
  readonly endingReason: string | null;
  readonly ended: {
    readonly state: TerminalState;
    readonly at: EpochMs;
    readonly siteOpen: boolean | null;
  } | null;
  /** When the window ends in which the committing step started; null without a window. */
  readonly windowEndsAt: EpochMs | null;
}

const FRESH_STEP: StepRecord = {
  state: 'pending',
  attempt: 0,
  failures: 0,
  startedSeq: null,
  startedAt: null,
  endedAt: null,
  retryAt: null,
  waitsSince: null,
  reason: null,
  notApplied: false,
  output: {},
  process: null,
  claim: null,
  deadline: null,
  timedOut: null,
  gate: null,
};

/** The state before the first event. */
export function initialRunState(plan: RunPlan): RunState {
  const fresh = (ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, FRESH_STEP]));
  return {
    phase: 'main',
    lastSeq: 0,
    started: false,
    steps: {
      main: fresh(plan.steps.map((step) => step.id)),
      undo: fresh(
        plan.steps.filter((step) => step.kind === 'uses' && step.undo !== null).map((step) => step.id),
      ),
      recover: fresh((plan.recover?.steps ?? []).map((step) => step.id)),
    },
    pointCrossed: false,
    lastMutationSeq: 0,
    observed: null,
    backup: null,
    closedAt: null,
    openedAt: null,
    openedAfterPoint: false,
    signals: {},
    held: null,
    asked: null,
    loss: null,
    bailOutPaged: false,
    paused: null,
    wanted: null,
    ending: null,
    endingReason: null,
    ended: null,
    windowEndsAt: null,
  };
}

/** The record of a step; a step that the plan does not have is a corrupt journal and throws. */
export function stepRecord(state: RunState, lane: Lane, step: string): StepRecord {
  const record = state.steps[lane][step];
  if (record === undefined)
    throw new Error(`the journal speaks of step ${lane}/${step}, which the plan does not have`);
  return record;
}

/**
 * Semantics 18: `retry-later` waits under the step's time-out. A sentence when the next attempt would come after it, else
 * null; without this a run would wait for ever for a proxy or a database that does not come back, and nobody would know.
 */
export function waitedTooLong(record: StepRecord, timeoutMs: number): string | null {
  const { state, retryAt, waitsSince, reason } = record;
  if (state !== 'retrying' || retryAt === null || waitsSince === null) return null;
  if (retryAt - waitsSince <= timeoutMs) return null;
  return `it waited ${Math.round((retryAt - waitsSince) / 1_000)} s in vain: ${reason ?? 'no reason given'}`;
}

/** Semantics 19. `waiting` before the way back begins, `needs-a-person` once a way back itself cannot go on. */
export function runStateName(state: RunState): RunStateName {
  if (state.ended !== null) return state.ended.state;
  if (state.asked !== null) return state.phase === 'main' ? 'waiting' : 'needs-a-person';
  if (state.phase === 'undo') return 'undoing';
  if (state.phase === 'recover') return 'recovering';
  if (state.paused !== null) return 'paused';
  if (state.held !== null || waitsOnly(state)) return 'waiting';
  return state.started ? 'running' : 'planned';
}

/** A step of the way forward waits and none is under way. */
function waitsOnly(state: RunState): boolean {
  const states = Object.values(state.steps.main).map((record) => record.state);
  return states.includes('waiting') && !states.includes('running') && !states.includes('unknown');
}

/** The first step of the run's present lane that waits for somebody or something outside. */
export function waitingStep(state: RunState): { readonly step: string; readonly record: StepRecord } | null {
  const found = Object.entries(state.steps[state.phase]).find(([, record]) => record.state === 'waiting');
  return found === undefined ? null : { step: found[0], record: found[1] };
}

/** True when a step has ended in a way that lets its dependants start (semantics 10, 19). */
export function endedWell(state: StepState): boolean {
  return state === 'succeeded' || state === 'done-by-hand' || state === 'skipped';
}
