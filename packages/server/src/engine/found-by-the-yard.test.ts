/** What the simulation found in the shell: one story per defect, each red before its fix. */
import { expect, it } from 'vitest';
import { samplePlan } from '@sitelift/domain/run/sample-plan.ts';
import type { EngineDeps } from './advance-run.ts';
import { advanceRun } from './advance-run.ts';
import { createMemoryRunStore } from './memory-run-store.ts';

it('a cancel that is accepted while the last look is on its way ends the run as cancelled, not as succeeded', async () => {
  const store = createMemoryRunStore(() => 1_000_000, {
    stopped: null, releaseWithdrawn: null, freeze: null, window: 'any-time', history: new Map(),
  }); // prettier-ignore
  const [stage] = samplePlan().steps;
  if (stage === undefined) throw new Error('no step');
  store.add('run_1', samplePlan({ steps: [stage], recover: null }));
  let looks = 0;
  const deps: EngineDeps = {
    store,
    runner: {
      observe: async () => ({ state: 'cannot-tell', reason: 'fake' }),
      apply: async () => ({ kind: 'done' }),
    },
    worker: 'w1',
    lease: { leaseMs: 2_000, heartbeatMs: 1_000 },
    monotonicMs: () => 0,
    stopProcess: async () => {},
    openAttempt: () => ({ log: { line: () => {}, close: async () => {} }, openSecret: async () => '' }),
    noticesOf: async () => [],
    lookFromOutside: async () => {
      looks += 1;
      if (looks === 1) store.appendAsPerson('run_1', { kind: 'cancel-requested', by: 'ops', reason: 'stop' });
      return true;
    },
  };
  expect(await advanceRun(deps, 'run_1')).toBe('over');
  expect(store.rows('run_1').at(-1)).toMatchObject({ kind: 'run-ended', state: 'cancelled' });
});
