/** The bail-out minute while a step is under way (semantics 6), and looks of the engine's own. */
import { describe, expect, it } from 'vitest';
import type { BoundAction } from '@sitelift/domain/run/plan.ts';
import { sampleAction, samplePlan } from '@sitelift/domain/run/sample-plan.ts';
import type { Outcome } from '../drivers/driver.ts';
import type { ActionRunner, AttemptScope } from './action-runner.ts';
import { advanceRun, type EngineDeps } from './advance-run.ts';
import { createMemoryRunStore } from './memory-run-store.ts';
import type { Timers } from './timers.ts';

const HOUR = 3_600_000;
const START = 1_000_000;
/** The sample's recovery takes four steps of a second. */
const MINUTE = START + HOUR - 4_000;

/** One run in a window of an hour; time stands still until a test moves it, and a timer fires when a test says so. */
function setUp(slow: (bound: BoundAction, scope: AttemptScope) => Promise<Outcome> | undefined) {
  let now = START;
  const alarms = new Set<{ readonly at: number; readonly ring: () => void }>();
  const timers: Timers = {
    every: () => () => {},
    after: (ms, ring) => {
      const alarm = { at: now + ms, ring };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
  };
  const window = {
    windowId: 'win_00000000000000000000000001',
    opensAt: START,
    closesAt: START + HOUR,
    cutOffAt: START + HOUR,
  } as const;
  const store = createMemoryRunStore(() => now, {
    stopped: null,
    releaseWithdrawn: null,
    freeze: null,
    window,
    history: new Map(),
  });
  store.add('run_1', samplePlan({ anyTime: false, loss: sampleAction('database/loss', { mutates: false }) }));
  const done = new Set<string>();
  const quick = (bound: BoundAction): Outcome => {
    done.add(bound.action);
    const version = done.has('database/migrate') ? '2.0' : '1.0';
    const observed = { version, healthy: true, writeOk: true, problem: null };
    const backup = { backupId: 'bkp_1', grade: 'restored', begunAt: now, bytes: 1 } as const;
    if (bound.action === 'app/probe') return { kind: 'done', observed };
    return bound.action === 'database/backup' ? { kind: 'done', backup } : { kind: 'done' };
  };
  const runner: ActionRunner = {
    observe: async (bound) =>
      done.has(bound.action) && bound.flags.mutates
        ? { state: 'applied', facts: {} }
        : { state: 'not-applied', facts: {}, differs: 'not done' },
    apply: async (bound, scope) => (await slow(bound, scope)) ?? quick(bound),
  };
  const engine: EngineDeps = {
    store,
    runner,
    worker: 'w1',
    lease: { leaseMs: 10 * HOUR, heartbeatMs: HOUR },
    monotonicMs: () => now,
    timers,
    stopProcess: async () => {},
    openAttempt: () => ({ log: { line: () => {}, close: async () => {} }, openSecret: async () => '' }),
    noticesOf: async () => [],
    lookFromOutside: async () => null,
  };
  return {
    engine,
    kinds: async () => (await store.journal('run_1')).map(({ kind }) => kind),
    end: async () => (await store.journal('run_1')).at(-1),
    moveTo: (at: number) => {
      now = at;
      for (const alarm of alarms) if (alarm.at <= now && alarms.delete(alarm)) alarm.ring();
    },
  };
}

function signalled(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

describe('6: the bail-out minute comes while a step is under way', () => {
  it('before the point of no return: the step ends, and everything is taken back', async () => {
    const begun = Promise.withResolvers<void>();
    const bed = setUp((bound, scope) => {
      if (bound.action !== 'database/backup') return undefined;
      begun.resolve();
      return signalled(scope.signal).then(() => ({ kind: 'failed', reason: 'it was stopped' }));
    });
    const run = advanceRun(bed.engine, 'run_1');
    await begun.promise;
    bed.moveTo(MINUTE - 1);
    expect((await bed.kinds()).at(-1)).toBe('step-started');
    bed.moveTo(MINUTE);
    await run;
    expect(await bed.end()).toMatchObject({ kind: 'run-ended', state: 'rolled-back', reason: expect.stringMatching(/bail-out minute/) as string }); // prettier-ignore
  });

  it('past it: the step goes on, a person is paged while it does, and only once', async () => {
    const [begun, slowly] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()];
    let ended = false;
    const bed = setUp((bound, scope) => {
      if (bound.action !== 'app/start') return undefined;
      begun.resolve();
      void signalled(scope.signal).then(() => (ended = true));
      return slowly.promise as unknown as Promise<Outcome>; // as: nothing said means done by the world itself
    });
    const run = advanceRun(bed.engine, 'run_1');
    await begun.promise;
    bed.moveTo(MINUTE);
    await expect.poll(bed.kinds).toContain('bail-out-passed');
    expect((await bed.kinds()).at(-1)).toBe('bail-out-passed');
    slowly.resolve(undefined);
    await run;
    expect(ended).toBe(false);
    expect((await bed.kinds()).filter((kind) => kind === 'bail-out-passed')).toHaveLength(1);
    expect(await bed.end()).toMatchObject({ state: 'succeeded' });
  });
});

describe('a look of our own', () => {
  it('may start a process, although no step of the plan has that name', async () => {
    const bed = setUp((bound, scope) => {
      if (bound.action === 'proxy/switch') return Promise.resolve({ kind: 'failed', reason: 'no' });
      if (bound.action === 'database/migrate') return Promise.resolve({ kind: 'failed', reason: 'no' });
      if (bound.action !== 'app/probe') return undefined;
      return scope
        .processStarted({ host: 'h', pgid: 1, startTicks: 1 })
        .then(() => undefined as unknown as Outcome); // as: see above
    });
    await advanceRun(bed.engine, 'run_1');
    expect(await bed.end()).toMatchObject({ kind: 'run-ended', state: 'rolled-back' });
    expect(await bed.kinds()).toContain('site-observed');
  });
});
