import { afterEach, describe, expect, it } from 'vitest';
import type { BoundAction } from '@sitelift/domain/run/plan.ts';
import { samplePlan } from '@sitelift/domain/run/sample-plan.ts';
import type { StartFacts } from '@sitelift/domain/run/start-facts.ts';
import type { Outcome } from '../drivers/driver.ts';
import type { AttemptScope } from './action-runner.ts';
import type { EngineDeps } from './advance-run.ts';
import { createMemoryRunStore, type MemoryRunStore } from './memory-run-store.ts';
import { startWorker, type Worker, type WorkerSettings } from './worker.ts';

const FREE: StartFacts = {
  stopped: null,
  releaseWithdrawn: null,
  freeze: null,
  window: 'any-time',
  history: new Map(),
};
/** The sweep stays out of the way unless a test wants it. */
const NO_SWEEP = 3_600_000;

/** One plan of a single harmless step, so that a test says all that happens. */
const PLAN = { ...samplePlan(), steps: samplePlan().steps.slice(0, 1), recover: null };

class World {
  now = 1_000_000;
  readonly store: MemoryRunStore = createMemoryRunStore(() => this.now, FREE);
  readonly problems: string[] = [];
  readonly applied: string[] = [];
  apply: (bound: BoundAction, scope: AttemptScope) => Promise<Outcome> = async () => ({ kind: 'done' });
  workers: Worker[] = [];

  add(...runs: string[]): void {
    for (const [index, run] of runs.entries()) {
      const id = `inst_${String(index).padStart(26, '0')}` as const;
      this.store.add(run, { ...PLAN, instance: { ...PLAN.instance, id } });
    }
  }

  worker(settings: Partial<WorkerSettings> = {}, change: Partial<EngineDeps> = {}): Worker {
    const started = startWorker(
      {
        store: this.store,
        runner: {
          observe: async () => ({ state: 'cannot-tell', reason: 'fake' }),
          apply: (bound, scope) => {
            this.applied.push(scope.runId);
            return this.apply(bound, scope);
          },
        },
        worker: 'w1',
        lease: { leaseMs: 2_000, heartbeatMs: 1_000 },
        monotonicMs: () => performance.now(),
        stopProcess: async () => {},
        openAttempt: () => ({ log: { line: () => {}, close: async () => {} }, openSecret: async () => '' }),
        noticesOf: async () => [],
        lookFromOutside: async () => true,
        ...change,
      },
      { runsAtOnce: 1, sweepMs: NO_SWEEP, ...settings },
      (error, runId) => this.problems.push(`${runId}: ${String(error)}`),
    );
    this.workers.push(started);
    return started;
  }

  async end(run: string): Promise<string | undefined> {
    const last = (await this.store.journal(run)).at(-1);
    return last?.kind === 'run-ended' ? last.state : undefined;
  }
}

let world: World;
function setUp(): World {
  world = new World();
  return world;
}
afterEach(() => Promise.all(world.workers.map((worker) => worker.stop(0))));

/** A hand on what a fake driver waits for. */
function held() {
  return Promise.withResolvers<Outcome>();
}

describe('more wake-ups than places', () => {
  it('wait in line and are advanced as soon as a place is free, without any sweep', async () => {
    const { store } = setUp();
    world.add('run_1', 'run_2', 'run_3');
    // Nothing is due by the rows: only the wake-ups tell.
    store.due = async () => [];
    const first = held();
    world.apply = (_bound, scope) =>
      scope.runId === 'run_1' ? first.promise : Promise.resolve({ kind: 'done' });
    const worker = world.worker();
    const all = Promise.all(['run_1', 'run_2', 'run_3', 'run_2'].map((run) => worker.wake(run)));
    await expect.poll(() => world.applied).toEqual(['run_1']);
    first.resolve({ kind: 'done' });
    await all;
    expect(world.applied).toEqual(['run_1', 'run_2', 'run_3']);
    expect(await world.end('run_3')).toBe('succeeded');
  });

  it('a wake-up for a run in flight makes it look once more', async () => {
    setUp();
    world.add('run_1');
    const first = held();
    world.apply = () => first.promise;
    const worker = world.worker();
    void worker.wake('run_1');
    await expect.poll(() => world.applied).toEqual(['run_1']);
    let claims = 0;
    const real = { ...world.store };
    world.store.claim = (run, name, leaseMs) => {
      claims += 1;
      return real.claim(run, name, leaseMs);
    };
    const second = worker.wake('run_1');
    first.resolve({ kind: 'done' });
    await second;
    expect(claims).toBe(1);
  });
});

describe('a run that throws (F-11)', () => {
  it('is put aside in its row for longer each time, and the others go on', async () => {
    const { store } = setUp();
    world.add('run_bad', 'run_good');
    const real = { ...store };
    store.claim = (run, worker, lease) =>
      run === 'run_bad' ? Promise.reject(new Error('poison')) : real.claim(run, worker, lease);
    const parked: number[] = [];
    store.park = (run, worker, forMs) => {
      parked.push(forMs);
      return real.park(run, worker, forMs);
    };
    const worker = world.worker({ sweepMs: 1 });
    await expect.poll(() => world.end('run_good')).toBe('succeeded');
    await expect.poll(() => parked).toEqual([5_000]);
    expect(await store.due(10)).toEqual([]);
    for (let times = 0; times < 9; times += 1) {
      world.now += 600_001;
      await expect.poll(() => parked.length).toBe(times + 2);
    }
    expect(parked.slice(0, 4)).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(parked.at(-1)).toBe(600_000);
    await worker.stop(0);
    expect(world.problems[0]).toBe('run_bad: Error: poison');
  });

  it('gives its lease back, so that a person can have it looked at again at once', async () => {
    const { store } = setUp();
    world.add('run_1');
    store.due = async () => [];
    let defects = 1;
    const worker = world.worker(
      {},
      {
        openAttempt: () => {
          defects -= 1;
          if (defects >= 0) throw new Error('a defect of ours');
          return { log: { line: () => {}, close: async () => {} }, openSecret: async () => '' };
        },
        runner: {
          observe: async () => ({ state: 'applied', facts: {} }),
          apply: async () => ({ kind: 'done' }),
        },
      },
    );
    await worker.wake('run_1');
    expect(await world.end('run_1')).toBeUndefined();
    await worker.wake('run_1');
    expect(await world.end('run_1')).toBe('succeeded');
  });
});

describe('stopping', () => {
  it('leaves between two steps and hands the run over at once', async () => {
    const { store } = setUp();
    world.add('run_1');
    const first = held();
    world.apply = () => first.promise;
    const worker = world.worker();
    void worker.wake('run_1');
    await expect.poll(() => world.applied).toEqual(['run_1']);
    const stopped = worker.stop();
    first.resolve({ kind: 'done' });
    await stopped;
    expect(await world.end('run_1')).toBeUndefined();
    expect((await store.journal('run_1')).at(-1)).toMatchObject({ kind: 'step-ended', outcome: 'done' });
    expect(await store.due(10)).toEqual(['run_1']);
    await world.worker().wake('run_1');
    expect(await world.end('run_1')).toBe('succeeded');
  });

  it('ends an attempt that takes longer than the grace, journals nothing of it, and takes no new run', async () => {
    setUp();
    world.add('run_1', 'run_2');
    world.apply = (_bound, scope) =>
      new Promise((resolve) => {
        scope.signal.addEventListener('abort', () => resolve({ kind: 'unknown', reason: 'told to stop' }), {
          once: true,
        });
      });
    const worker = world.worker();
    void worker.wake('run_1');
    const queued = worker.wake('run_2');
    await expect.poll(() => world.applied).toEqual(['run_1']);
    await worker.stop(0);
    await queued;
    expect((await world.store.journal('run_1')).at(-1)).toMatchObject({ kind: 'step-started' });
    expect(world.applied).toEqual(['run_1']);
    await worker.wake('run_2');
    expect(world.applied).toEqual(['run_1']);
    expect(world.problems).toEqual([]);
  });
});
