/**
 * Runs in memory, under the same promises as in PostgreSQL: for scenarios and the simulation, never for production. It
 * shares the pure core (`applyEvent`, `checkCommit`, `openingVerdict`) and nothing of the SQL; the conformance suite holds
 * both stores to the same answers.
 */
import { applyEvent, foldRun } from '@sitelift/domain/run/apply-event.ts';
import type { RunEvent, RunEventBody } from '@sitelift/domain/run/events.ts';
import { openingVerdict } from '@sitelift/domain/run/opening-verdict.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import { checkCommit, checkStopped, type StartFacts } from '@sitelift/domain/run/start-facts.ts';
import { FencedError, type NoticeToSend, type RunHandle, type RunStore } from './run-store.ts';

interface MemoryRun {
  readonly upgradeId: string;
  readonly plan: RunPlan;
  readonly journal: RunEvent[];
  fence: number;
  leasedBy: string | null;
  leasedUntil: number | null;
  wakeAt: number | null;
  ended: boolean;
}

export interface MemoryRunStore extends RunStore {
  add(runId: string, plan: RunPlan): void;
  /** A person's or the world's event, without a fence. */
  appendAsPerson(runId: string, body: RunEventBody): void;
  /** The journal as it stands, without a call. */
  rows(runId: string): readonly RunEvent[];
  planOf(runId: string): RunPlan;
  readonly notices: NoticeToSend[];
  /** Used where no function answers for each plan. */
  facts_: StartFacts;
}

const NO_FACTS: StartFacts = {
  stopped: null,
  releaseWithdrawn: null,
  freeze: null,
  window: null,
  history: new Map(),
};

/** `now` is the clock of decisions, epoch milliseconds. */
export function createMemoryRunStore(
  now: () => number,
  facts: StartFacts | ((plan: RunPlan) => StartFacts),
): MemoryRunStore {
  const runs = new Map<string, MemoryRun>();
  const holders = new Map<string, string>();
  const notices: NoticeToSend[] = [];
  // One sequence for all runs: receivers compare the fences of different runs on one site (I-2).
  let lastFence = 0;
  const factsOf = (plan: RunPlan): StartFacts => (typeof facts === 'function' ? facts(plan) : store.facts_);

  const get = (runId: string): MemoryRun => {
    const run = runs.get(runId);
    if (run === undefined) throw new Error(`there is no run ${runId}`);
    return run;
  };
  const locked = (handle: RunHandle): { run: MemoryRun; handle: RunHandle } => {
    const run = get(handle.runId);
    if (run.fence !== handle.fence) throw new FencedError(handle.runId);
    const missed = run.journal.slice(handle.state.lastSeq);
    const state = missed.reduce((before, event) => applyEvent(run.plan, before, event), handle.state);
    return { run, handle: { ...handle, state } };
  };
  const push = (
    run: MemoryRun,
    handle: RunHandle,
    bodies: readonly RunEventBody[],
    fence: number,
  ): RunHandle => {
    let { state } = handle;
    for (const body of bodies) {
      const event: RunEvent = { ...body, seq: state.lastSeq + 1, at: now(), fence };
      state = applyEvent(run.plan, state, event);
      run.journal.push(event);
    }
    if (state.ended !== null && !run.ended) {
      run.ended = true;
      if (holders.get(run.plan.instance.id) === run.upgradeId) holders.delete(run.plan.instance.id);
    }
    return { ...handle, state };
  };

  const store: MemoryRunStore = {
    notices,
    facts_: typeof facts === 'function' ? NO_FACTS : facts,
    rows: (runId) => get(runId).journal,
    planOf: (runId) => get(runId).plan,
    add: (runId, plan) => {
      runs.set(runId, {
        upgradeId: `upg_${runId}`,
        plan,
        journal: [],
        fence: 0,
        leasedBy: null,
        leasedUntil: null,
        wakeAt: now(),
        ended: false,
      });
    },
    appendAsPerson: (runId, body) => {
      const run = get(runId);
      const state = foldRun(run.plan, run.journal);
      push(
        run,
        { runId, upgradeId: run.upgradeId, plan: run.plan, fence: run.fence, state, lastHash: '' },
        [body],
        0,
      );
      if (run.leasedBy === null) run.wakeAt = now();
    },
    claim: async (runId, worker, leaseMs) => {
      const run = runs.get(runId);
      if (run === undefined || run.ended) return 'over';
      if (run.leasedUntil !== null && run.leasedUntil > now()) return 'busy';
      lastFence += 1;
      run.fence = lastFence;
      run.leasedBy = worker;
      run.leasedUntil = now() + leaseMs;
      run.wakeAt = run.leasedUntil;
      const state = foldRun(run.plan, run.journal);
      return { runId, upgradeId: run.upgradeId, plan: run.plan, fence: run.fence, state, lastHash: '' };
    },
    extend: async (handle, leaseMs) => {
      const run = get(handle.runId);
      if (run.fence !== handle.fence) return null;
      run.leasedUntil = now() + leaseMs;
      run.wakeAt = run.leasedUntil;
      const news = run.journal.slice(handle.state.lastSeq);
      return {
        interrupt: news.some(
          (event) => event.kind === 'cancel-requested' || event.kind === 'roll-back-requested',
        ),
      };
    },
    release: async (handle, wakeAt) => {
      const run = get(handle.runId);
      if (run.fence !== handle.fence || run.journal.length !== handle.state.lastSeq) return false;
      run.leasedBy = null;
      run.leasedUntil = null;
      run.wakeAt = wakeAt;
      return true;
    },
    park: async (runId, worker, forMs) => {
      const run = get(runId);
      const elsewhere = run.leasedBy !== worker && run.leasedUntil !== null && run.leasedUntil > now();
      if (run.ended || elsewhere) return;
      run.leasedBy = null;
      run.leasedUntil = null;
      run.wakeAt = now() + forMs;
    },
    append: async (handle, bodies, toSend = []) => {
      const { run, handle: current } = locked(handle);
      notices.push(...toSend);
      return push(run, current, bodies, handle.fence);
    },
    appendDecision: async (handle, body) => {
      const { run, handle: current } = locked(handle);
      const news = current.state.lastSeq !== handle.state.lastSeq;
      return news ? current : push(run, current, [body], handle.fence);
    },
    start: async (handle, body, guard) => {
      const { run, handle: current } = locked(handle);
      if (current.state.lastSeq !== handle.state.lastSeq)
        return { started: false, run: current, again: true };
      if (guard.takesInstance) {
        const holder = holders.get(run.plan.instance.id);
        if (holder !== undefined && holder !== run.upgradeId) {
          const held = {
            code: 'instance-busy',
            reason: `upgrade ${holder} is open`,
            until: now() + 15_000,
          } as const;
          return { started: false, run: current, held };
        }
      }
      const facts = factsOf(run.plan);
      const stopped = guard.forward ? checkStopped(facts.stopped) : null;
      const held = stopped ?? (guard.commits ? checkCommit(run.plan, facts, now()) : null);
      if (held !== null) return { started: false, run: current, held };
      if (guard.opens) {
        const verdict = openingVerdict(run.plan, current.state, guard.lane, guard.step);
        if (!verdict.allowed) return { started: false, run: current, refused: verdict.reasons.join('; ') };
      }
      // Only a start that was not refused takes the instance: it is one transaction.
      if (guard.takesInstance) holders.set(run.plan.instance.id, run.upgradeId);
      return { started: true, run: push(run, current, [body], handle.fence) };
    },
    facts: async ({ plan }) => ({ now: now(), facts: factsOf(plan) }),
    due: async (limit) =>
      [...runs]
        .filter(([, run]) => !run.ended && run.wakeAt !== null && run.wakeAt <= now())
        .sort(([, a], [, b]) => (a.wakeAt ?? 0) - (b.wakeAt ?? 0))
        .slice(0, limit)
        .map(([runId]) => runId),
    journal: async (runId) => get(runId).journal,
  };
  return store;
}
