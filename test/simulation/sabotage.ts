/**
 * Guards that can be taken out of a world, one at a time, to show that the Yard would notice. None is a flag of the product: a
 * double around the store, the deps or the decision does it. Where a guard stands twice (explained in the decision, enforced in
 * the transaction) one copy out must change nothing, both out must be found (`test/simulation/sabotage.test.ts`).
 */
import { decideNext } from '@sitelift/domain/run/decide-next.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import type { RunState } from '@sitelift/domain/run/run-state.ts';
import type { StartFacts } from '@sitelift/domain/run/start-facts.ts';
import type { EngineDeps } from '../../packages/server/src/engine/advance-run.ts';
import type { MemoryRunStore } from '../../packages/server/src/engine/memory-run-store.ts';
import type { RunHandle, RunStore, StartGuard } from '../../packages/server/src/engine/run-store.ts';

export interface Sabotage {
  readonly receiversAcceptAnyFence?: boolean;
  readonly actsBeforeRecord?: boolean;
  readonly store?: (store: MemoryRunStore) => RunStore;
  readonly deps?: (deps: EngineDeps) => EngineDeps;
}

export const NO_SABOTAGE: Sabotage = {};

type Decide = typeof decideNext;

/** The decision sees something else than what is. */
function seeing(
  change: (
    plan: RunPlan,
    state: RunState,
    facts: StartFacts,
  ) => Partial<{ plan: RunPlan; state: RunState; facts: StartFacts }>,
): Sabotage {
  const decide: Decide = (plan, state, facts, now) => {
    const seen = { plan, state, facts, ...change(plan, state, facts) };
    return decideNext(seen.plan, seen.state, seen.facts, now);
  };
  return { deps: (deps) => ({ ...deps, decide }) };
}

function deciding(
  change: (plan: RunPlan, state: RunState, next: ReturnType<Decide>) => ReturnType<Decide>,
): Sabotage {
  const decide: Decide = (plan, state, facts, now) =>
    change(plan, state, decideNext(plan, state, facts, now));
  return { deps: (deps) => ({ ...deps, decide }) };
}

/** The transaction that starts a step does not ask about this. */
function startingWithout(guard: Partial<StartGuard>): Sabotage {
  return {
    store: (store) => ({
      ...store,
      start: (run, body, asked) => store.start(run, body, { ...asked, ...guard }),
    }),
  };
}

const FREE_FACTS = { stopped: null, releaseWithdrawn: null, freeze: null, window: 'any-time' } as const;

/** Nobody compares fences in the store: a worker that was taken over writes as if nothing had happened. */
function withoutFences(store: MemoryRunStore): RunStore {
  const newest = new Map<string, number>();
  const now = (run: RunHandle): RunHandle => ({ ...run, fence: newest.get(run.runId) ?? run.fence });
  return {
    ...store,
    claim: async (runId, worker, leaseMs) => {
      const claimed = await store.claim(runId, worker, leaseMs);
      if (typeof claimed === 'object') newest.set(runId, claimed.fence);
      return claimed;
    },
    extend: (run, leaseMs) => store.extend(now(run), leaseMs),
    release: (run, at) => store.release(now(run), at),
    append: (run, ...rest) => store.append(now(run), ...rest),
    appendDecision: (run, ...rest) => store.appendDecision(now(run), ...rest),
    start: (run, ...rest) => store.start(now(run), ...rest),
  };
}

/** A claim takes a run whoever holds it. */
function withoutLeases(store: MemoryRunStore): RunStore {
  const holders = new Map<string, string>();
  return {
    ...store,
    claim: async (runId, worker, leaseMs) => {
      const claimed = await store.claim(runId, worker, leaseMs);
      if (claimed === 'busy') await store.park(runId, holders.get(runId) ?? '', 0);
      holders.set(runId, worker);
      return claimed === 'busy' ? store.claim(runId, worker, leaseMs) : claimed;
    },
  };
}

/** Starts a decision anew when a person spoke in between: without it the start goes ahead over their word. */
function deafStart(store: MemoryRunStore): RunStore {
  return {
    ...store,
    start: async (run, body, guard) => store.start(await store.append(run, []), body, guard),
  };
}

const OPENING_SEEN = (plan: RunPlan, state: RunState, lane: 'main' | 'undo'): RunState => ({
  ...state,
  observed: {
    site: {
      version: lane === 'main' ? plan.to.version : plan.from.version,
      healthy: true,
      writeOk: true,
      problem: null,
    },
    seq: Number.MAX_SAFE_INTEGER,
    lane,
  },
});

export interface Guard {
  readonly name: string;
  /** What it protects: an invariant or a rule of the semantics. */
  readonly rule: string;
  readonly without: Sabotage;
}

/** One guard out, and the Yard must notice. */
export const GUARDS: readonly Guard[] = [
  { name: 'the store compares fences', rule: 'I-2', without: { store: withoutFences } },
  { name: 'receivers compare fences', rule: 'I-2', without: { receiversAcceptAnyFence: true } },
  {
    name: 'what a lost worker started is ended before anybody looks',
    rule: 'I-1',
    without: { deps: (deps) => ({ ...deps, stopProcess: () => Promise.resolve() }) },
  },
  { name: 'a process is on record before it acts', rule: 'I-1', without: { actsBeforeRecord: true } },
  {
    name: 'an attempt without an end is looked at before it is repeated',
    rule: 'I-3',
    without: deciding((_plan, _state, next) =>
      next.kind === 'reconcile'
        ? { kind: 'perform', lane: next.lane, step: next.step, attempt: next.attempt + 1, commits: false }
        : next,
    ),
  },
  {
    name: 'a decision that has not heard a person is not written',
    rule: 'I-10',
    without: { store: (store) => ({ ...store, appendDecision: (run, body) => store.append(run, [body]) }) },
  },
  { name: 'the start anew when a person spoke', rule: 'I-10', without: { store: deafStart } },
  {
    name: 'a run does not go to sleep over a word that it has not heard',
    rule: 'I-4',
    without: {
      store: (store) => ({
        ...store,
        release: async (run, at) => store.release(await store.append(run, []), at),
      }),
    },
  },
  {
    name: 'a question stops the run',
    rule: 'I-18',
    without: seeing((_plan, state) => ({ state: { ...state, asked: null } })),
  },
  {
    name: 'a pause stops the run',
    rule: 'I-10',
    without: seeing((_plan, state) => ({ state: { ...state, paused: null } })),
  },
  {
    name: 'a wish turns the run back',
    rule: 'I-10',
    without: seeing((_plan, state) => ({ state: { ...state, wanted: null } })),
  },
  {
    name: 'steps wait for what they need',
    rule: 'I-5',
    without: seeing((plan) => ({
      plan: { ...plan, steps: plan.steps.toReversed().map((step) => ({ ...step, needs: [] })) },
    })),
  },
  {
    name: 'past the point of no return nothing is undone',
    rule: 'semantics 14',
    without: seeing((_plan, state) => ({ state: { ...state, pointCrossed: false } })),
  },
  {
    name: 'what has begun is taken back in reverse',
    rule: 'semantics 16',
    without: seeing((plan, state) => (state.phase === 'undo' ? { state: reversedStarts(state) } : { plan })),
  },
  {
    name: 'recovery by itself loses no more than was accepted',
    rule: 'semantics 17',
    without: seeing((plan) => ({ plan: { ...plan, backup: { ...plan.backup, acceptedLossMs: Infinity } } })),
  },
  {
    name: 'recovery begins on a closed site',
    rule: 'semantics 17',
    without: deciding((plan, state, next) =>
      state.wanted !== null &&
      state.pointCrossed &&
      state.phase === 'main' &&
      next.kind === 'perform' &&
      plan.recover !== null
        ? { kind: 'append', event: { kind: 'recovery-began', reason: 'sabotage', by: state.wanted.by } }
        : next,
    ),
  },
  {
    name: 'a failed step is tried as often as the plan says',
    rule: 'semantics 18',
    without: seeing((plan) => ({
      plan: withSteps(plan, (step) =>
        step.kind === 'uses' ? { ...step, retry: { ...step.retry, times: 9 } } : step,
      ),
    })),
  },
  {
    name: 'one open upgrade per instance',
    rule: 'semantics 21',
    without: startingWithout({ takesInstance: false }),
  },
  {
    name: 'the backup is proven',
    rule: 'semantics 22',
    without: {
      deps: (deps) => {
        const weak = (plan: RunPlan): RunPlan => ({
          ...withSteps(plan, (step) => (step.kind === 'uses' ? { ...step, require: null } : step)),
          backup: { ...plan.backup, grade: 'written' },
        });
        const { store } = deps;
        return {
          ...deps,
          decide: (plan, ...rest) => decideNext(weak(plan), ...rest),
          store: {
            ...store,
            claim: async (...args) => {
              const claimed = await store.claim(...args);
              return typeof claimed === 'string' ? claimed : { ...claimed, plan: weak(claimed.plan) };
            },
          },
        };
      },
    },
  },
  {
    name: 'what says that it is done is looked at',
    rule: 'semantics 9',
    without: {
      deps: (deps) => ({
        ...deps,
        runner: {
          ...deps.runner,
          observe: async (bound, scope) => {
            const seen = await deps.runner.observe(bound, scope);
            return seen.state === 'not-applied' ? { state: 'cannot-tell', reason: 'sabotage' } : seen;
          },
        },
      }),
    },
  },
];

function withSteps(
  plan: RunPlan,
  change: (step: RunPlan['steps'][number]) => RunPlan['steps'][number],
): RunPlan {
  return {
    ...plan,
    steps: plan.steps.map(change),
    recover: plan.recover === null ? null : { ...plan.recover, steps: plan.recover.steps.map(change) },
  };
}

function reversedStarts(state: RunState): RunState {
  const main = Object.fromEntries(
    Object.entries(state.steps.main).map(([id, record]) => [
      id,
      record.startedSeq === null ? record : { ...record, startedSeq: 1_000_000 - record.startedSeq },
    ]),
  );
  return { ...state, steps: { ...state.steps, main } };
}

export interface Hint {
  readonly name: string;
  readonly without: Sabotage;
}

/** What makes things quick and quiet but keeps no promise: the fence does (reliability, decision 1). */
export const HINTS: readonly Hint[] = [
  { name: 'a claim respects a lease', without: { store: withoutLeases } },
];

export interface TwofoldGuard {
  readonly name: string;
  readonly rule: string;
  /** The copy that explains. */
  readonly decision: Sabotage;
  /** The copy that enforces. */
  readonly transaction: Sabotage;
}

/** Both copies out, and the Yard must notice; one out, and nothing may happen. */
export const TWOFOLD_GUARDS: readonly TwofoldGuard[] = [
  {
    name: 'freezes, windows and withdrawals before the committing step',
    rule: 'I-20',
    decision: seeing((_plan, _state, facts) => ({
      facts: { ...facts, ...FREE_FACTS, stopped: facts.stopped },
    })),
    transaction: startingWithout({ commits: false }),
  },
  {
    name: 'stop-the-world holds every start',
    rule: 'I-11',
    decision: seeing((_plan, _state, facts) => ({ facts: { ...facts, stopped: null } })),
    transaction: startingWithout({ forward: false, commits: false }),
  },
  {
    name: 'opening only on what was seen to work',
    rule: 'I-13',
    decision: seeing((plan, state) => ({ state: openable(plan, state) })),
    transaction: startingWithout({ opens: false }),
  },
];

/** Everything before an opening seems to have been seen. */
function openable(plan: RunPlan, state: RunState): RunState {
  return OPENING_SEEN(plan, state, state.phase === 'main' ? 'main' : 'undo');
}

/** Both at once. */
export function together(...all: readonly Sabotage[]): Sabotage {
  return all.reduce<Sabotage>(
    (before, { store, deps, ...flags }) => ({
      ...before,
      ...flags,
      ...(store === undefined ? {} : { store }),
      ...(deps === undefined ? {} : { deps }),
    }),
    {},
  );
}
