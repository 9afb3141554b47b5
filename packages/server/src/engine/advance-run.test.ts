import { describe, expect, it } from 'vitest';
import type { RunEventBody } from '@sitelift/domain/run/events.ts';
import type { BoundAction } from '@sitelift/domain/run/plan.ts';
import { samplePlan } from '@sitelift/domain/run/sample-plan.ts';
import type { StartFacts } from '@sitelift/domain/run/start-facts.ts';
import type { ObserveResult, Outcome } from '../drivers/driver.ts';
import type { ActionRunner, AttemptScope } from './action-runner.ts';
import { advanceRun, type EngineDeps } from './advance-run.ts';
import { createMemoryRunStore } from './memory-run-store.ts';

const FREE: StartFacts = {
  stopped: null,
  releaseWithdrawn: null,
  freeze: null,
  window: 'any-time',
  history: new Map(),
};

/** A world with one site: what was applied, what is observed, and what goes wrong. */
class World {
  now = 1_000_000;
  readonly effects: string[] = [];
  readonly applied = new Set<string>();
  /** Called before an action has its effect; may throw or answer. */
  before: (action: string, scope: AttemptScope) => Promise<Outcome | undefined> = async () => undefined;
  cannotTell = new Set<string>();
  readonly runner: ActionRunner = {
    observe: async (bound): Promise<ObserveResult> => {
      if (this.cannotTell.has(bound.action)) return { state: 'cannot-tell', reason: 'no probe' };
      if (this.applied.has(bound.action)) return { state: 'applied', facts: {} };
      return { state: 'not-applied', facts: {}, differs: `${bound.action} was not done` };
    },
    apply: async (bound, scope): Promise<Outcome> => {
      const early = await this.before(bound.action, scope);
      if (early !== undefined) return early;
      return this.effect(bound);
    },
  };

  effect(bound: BoundAction): Outcome {
    this.effects.push(bound.action);
    if (bound.flags.mutates) this.applied.add(bound.action);
    const old = this.applied.has('database/restore') || !this.applied.has('database/migrate');
    switch (bound.action) {
      case 'app/probe':
        return {
          kind: 'done',
          observed: { version: old ? '1.0' : '2.0', healthy: true, writeOk: true, problem: null },
        };
      case 'database/backup':
        return { kind: 'done', backup: { backupId: 'bkp_1', grade: 'written', begunAt: this.now, bytes: 1 } };
      case 'database/prove':
        return {
          kind: 'done',
          backup: { backupId: 'bkp_1', grade: 'restored', begunAt: this.now, bytes: 1 },
        };
      case 'app/start':
        this.applied.delete('app/stop');
        return { kind: 'done' };
      case 'proxy/open':
        this.applied.delete('proxy/close');
        return { kind: 'done' };
      default:
        return { kind: 'done' };
    }
  }
}

function engineOn(world: World, store: ReturnType<typeof createMemoryRunStore>, worker: string): EngineDeps {
  return {
    store,
    runner: world.runner,
    worker,
    lease: { leaseMs: 2_000, heartbeatMs: 5 },
    monotonicMs: () => performance.now(),
    stopProcess: async () => {},
    openAttempt: () => ({ log: { line: () => {}, close: async () => {} }, openSecret: async () => '' }),
    noticesOf: async () => [],
    lookFromOutside: async () => !world.applied.has('proxy/close'),
  };
}

function setUp({ migrateRetries = 0 } = {}) {
  const world = new World();
  const store = createMemoryRunStore(() => world.now, FREE);
  const plan = samplePlan();
  const steps = plan.steps.map((step) =>
    step.id === 'migrate' && step.kind === 'uses'
      ? { ...step, retry: { times: migrateRetries, pauseMs: 0 } }
      : step,
  );
  store.add('run_1', { ...plan, steps });
  return { world, store, engine: (worker = 'w1') => engineOn(world, store, worker) };
}

const FORWARD = [
  'app/stage', 'proxy/close', 'database/backup', 'database/prove', 'app/stop', 'database/migrate', 'app/start', 'app/probe',
  'proxy/switch', 'proxy/open',
]; // prettier-ignore

async function endOf(store: ReturnType<typeof createMemoryRunStore>) {
  const events = await store.journal('run_1');
  const last = events.at(-1);
  return last?.kind === 'run-ended' ? last : null;
}

describe('one run, one worker', () => {
  it('performs each action exactly once and ends with the site open as seen from outside', async () => {
    const { world, store, engine } = setUp();
    expect(await advanceRun(engine(), 'run_1')).toBe('over');
    expect(world.effects).toEqual(FORWARD);
    expect(await endOf(store)).toMatchObject({ state: 'succeeded', siteOpen: true });
  });

  it('an action that was done before is journaled already-done and not done again', async () => {
    const { world, store, engine } = setUp();
    world.applied.add('app/stage');
    await advanceRun(engine(), 'run_1');
    expect(world.effects).not.toContain('app/stage');
    expect(await store.journal('run_1')).toContainEqual(
      expect.objectContaining({ step: 'stage', outcome: 'already-done' }),
    );
  });

  it('a driver that says done while the world says otherwise has failed', async () => {
    const { world, store, engine } = setUp();
    world.before = async (action) => (action === 'app/stage' ? { kind: 'done' } : undefined);
    await advanceRun(engine(), 'run_1');
    expect(await endOf(store)).toMatchObject({ state: 'rolled-back' });
  });

  it('a driver that throws is unknown, and what the observation shows decides', async () => {
    const { world, store, engine } = setUp();
    let thrown = false;
    world.before = async (action) => {
      if (action !== 'database/migrate' || thrown) return undefined;
      thrown = true;
      world.applied.add('database/migrate');
      world.effects.push(action);
      return { kind: 'unknown', reason: 'connection reset' };
    };
    await advanceRun(engine(), 'run_1');
    expect(world.effects.filter((action) => action === 'database/migrate')).toHaveLength(1);
    expect(await endOf(store)).toMatchObject({ state: 'succeeded' });
  });

  it('asks a person when nobody can tell, and keeps the page up', async () => {
    const { world, store, engine } = setUp();
    world.before = async (action) =>
      action === 'database/migrate' ? { kind: 'unknown', reason: 'lost' } : undefined;
    world.cannotTell.add('database/migrate');
    expect(await advanceRun(engine(), 'run_1')).toBe('asleep');
    expect((await store.journal('run_1')).at(-1)).toMatchObject({
      kind: 'asked-person',
      code: 'unknown-outcome',
    });
    expect(world.applied.has('proxy/close')).toBe(true);
    expect(world.effects).not.toContain('proxy/open');
  });

  it('ends even when the look from outside fails; then nobody can tell whether the site is open', async () => {
    const { store, engine } = setUp();
    const blind = { ...engine(), lookFromOutside: () => Promise.reject(new Error('no network')) };
    expect(await advanceRun(blind, 'run_1')).toBe('over');
    expect(await endOf(store)).toMatchObject({ state: 'succeeded', siteOpen: null });
  });

  it('a held run looks again within a minute, in case what holds it was lifted without waking it', async () => {
    const { world, store, engine } = setUp();
    store.facts_ = { ...FREE, stopped: { by: 'ops', reason: 'storm' } };
    expect(await advanceRun(engine(), 'run_1')).toBe('asleep');
    expect(await store.due(10)).toEqual([]);
    store.facts_ = FREE;
    world.now += 60_000;
    expect(await store.due(10)).toEqual(['run_1']);
    expect(await advanceRun(engine(), 'run_1')).toBe('over');
    expect(await endOf(store)).toMatchObject({ state: 'succeeded' });
  });

  it('work that was done in part is never taken for nothing: the point of no return stays crossed, and it goes on', async () => {
    const { world, store, engine } = setUp({ migrateRetries: 1 });
    let half = false;
    const runner: ActionRunner = {
      ...world.runner,
      observe: async (bound, scope) =>
        bound.action === 'database/migrate' && half && !world.applied.has('database/migrate')
          ? { state: 'not-applied', facts: {}, differs: 'half of it', partly: true }
          : world.runner.observe(bound, scope),
    };
    world.before = async (action) => {
      if (action !== 'database/migrate' || half) return undefined;
      half = true;
      return { kind: 'unknown', reason: 'connection reset' };
    };
    await advanceRun({ ...engine(), runner }, 'run_1');
    const journal = await store.journal('run_1');
    expect(journal).toContainEqual(
      expect.objectContaining({
        step: 'migrate',
        outcome: 'failed',
        notApplied: false,
        reason: 'half of it',
      }),
    );
    expect(journal.some(({ kind }) => kind === 'undo-began')).toBe(false);
    expect(await endOf(store)).toMatchObject({ state: 'succeeded' });
  });

  it('a failed write check after migration brings back the old version by itself', async () => {
    const { world, store, engine } = setUp();
    world.before = async (action) => {
      const isNew = world.applied.has('database/migrate') && !world.applied.has('database/restore');
      if (action !== 'app/probe' || !isNew) return undefined;
      return {
        kind: 'failed',
        reason: 'POST answered 403',
        observed: { version: '2.0', healthy: true, writeOk: false, problem: '403' },
      };
    };
    await advanceRun(engine(), 'run_1');
    expect(await endOf(store)).toMatchObject({ state: 'recovered', siteOpen: true });
    expect(world.effects.slice(-3)).toEqual(['database/restore', 'app/probe', 'proxy/open']);
  });
});

describe('a lost worker', () => {
  const DIED = 'the worker died';

  it.each(FORWARD)(
    'killed just before the effect of %s: the next worker ends the run, each effect once',
    async (victim) => {
      const { world, store, engine } = setUp();
      let died = false;
      // The first worker never comes back: its promise stays open, its lease runs out.
      world.before = async (action) => {
        if (action !== victim || died) return undefined;
        died = true;
        throw new Error(DIED);
      };
      const dying = { ...engine('w1'), runner: { ...world.runner, apply: async (bound: BoundAction, scope: AttemptScope) => {
      if (bound.action === victim && !died) { died = true; return new Promise<Outcome>(() => {}); }
      return world.runner.apply(bound, scope);
    } } }; // prettier-ignore
      void advanceRun(dying, 'run_1').catch(() => {});
      await expect.poll(() => died).toBe(true);
      // Its heartbeats stop with it: hand the run a fence that it does not have.
      world.now += 10_000;
      const plan = samplePlan();
      expect(plan.steps.length).toBeGreaterThan(0);
      await advanceRun(engine('w2'), 'run_1');
      const end = await endOf(store);
      // Without `retry`, an attempt that is proven not applied has failed: forward only where it was observed as done.
      expect(['succeeded', 'rolled-back', 'recovered']).toContain(end?.state);
      expect(end?.siteOpen).toBe(true);
      const migrations = world.effects.filter((action) => action === 'database/migrate');
      expect(migrations.length).toBeLessThanOrEqual(1);
    },
  );

  it('writes nothing once another worker has the run', async () => {
    const { world, store, engine } = setUp();
    let release: (outcome: Outcome) => void = () => {};
    const frozen = new Promise<Outcome>((resolve) => {
      release = resolve;
    });
    let first = true;
    world.before = async (action) => {
      if (action !== 'app/stage' || !first) return undefined;
      first = false;
      return frozen;
    };
    const old = advanceRun(engine('w1'), 'run_1');
    await expect.poll(() => first).toBe(false);
    world.now += 10_000;
    world.applied.add('app/stage');
    await advanceRun(engine('w2'), 'run_1');
    const before = (await store.journal('run_1')).length;
    release({ kind: 'done' });
    expect(await old).toBe('lost');
    expect(await store.journal('run_1')).toHaveLength(before);
  });

  it('a cancel that came between the start of a step and of its process still ends the attempt', async () => {
    const { world, store, engine } = setUp();
    world.before = async (action, scope) => {
      if (action !== 'database/backup') return undefined;
      store.appendAsPerson('run_1', { kind: 'cancel-requested', by: 'ops', reason: 'stop' });
      await scope.processStarted({ host: 'h', pgid: 1, startTicks: 1 });
      await new Promise<void>((resolve) => {
        if (scope.signal.aborted) resolve();
        scope.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      return { kind: 'failed', reason: 'aborted' };
    };
    // Heartbeats far apart: only the write of the process can bring the wish along.
    await advanceRun({ ...engine(), lease: { leaseMs: 600_000, heartbeatMs: 300_000 } }, 'run_1');
    expect(await endOf(store)).toMatchObject({ state: 'cancelled', siteOpen: true });
  });

  it('a person who cancels ends the attempt in flight and the run is taken back', async () => {
    const { world, store, engine } = setUp();
    world.before = async (action, scope) => {
      if (action !== 'database/backup') return undefined;
      const cancel: RunEventBody = { kind: 'cancel-requested', by: 'ops', reason: 'stop' };
      store.appendAsPerson('run_1', cancel);
      await new Promise<void>((resolve) => {
        scope.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      return { kind: 'failed', reason: 'aborted' };
    };
    await advanceRun(engine(), 'run_1');
    expect(await endOf(store)).toMatchObject({ state: 'cancelled', siteOpen: true });
    expect(world.effects).not.toContain('database/migrate');
  });
});
