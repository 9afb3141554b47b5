/**
 * A small plan with everything in it that the rules speak of, for tests of this folder and of the engine: stage, close,
 * backup, stop, migrate (the point of no return), start, probe, switch, open; and a recovery.
 */
import type { ActionFlags, BoundAction, RunPlan, UsesStep } from './plan.ts';

const QUIET: ActionFlags = {
  idempotent: true,
  disruptive: false,
  destructive: false,
  mutates: true,
  closesSite: false,
  opensSite: false,
  switchesTraffic: false,
};

/** A bound action of the fake driver with the given differences from a harmless one. */
export function sampleAction(action: string, flags: Partial<ActionFlags> = {}): BoundAction {
  return { action, driver: 'fake', config: {}, input: {}, flags: { ...QUIET, ...flags } };
}

type StepChange = Partial<Omit<UsesStep, 'kind' | 'id' | 'run'>>;

export function sampleStep(
  id: string,
  run: BoundAction,
  after: string | null,
  change: StepChange = {},
): UsesStep {
  return {
    kind: 'uses',
    id,
    title: id,
    owner: null,
    needs: after === null ? [] : [after],
    timeoutMs: 60_000,
    expectMs: 1_000,
    run,
    undo: null,
    retry: { times: 0, pauseMs: 0 },
    pointOfNoReturn: false,
    require: null,
    prove: null,
    ...change,
  };
}

const DISRUPTIVE = { disruptive: true };
const LOOK = { mutates: false };

export function samplePlan(change: Partial<RunPlan> = {}): RunPlan {
  return {
    playbook: { name: 'sample', title: 'Sample', digest: '0'.repeat(64) },
    customer: { id: 'cust_00000000000000000000000001', slug: 'north', name: 'North' },
    instance: {
      id: 'inst_00000000000000000000000001',
      slug: 'north-live',
      role: 'live',
      url: 'http://north-live.localhost/',
      zone: 'Europe/Amsterdam',
      host: null,
      settings: {},
    },
    product: 'sample',
    from: { version: '1.0', artefact: null },
    to: {
      releaseId: 'rel_00000000000000000000000002',
      version: '2.0',
      kind: 'major',
      artefact: { kind: 'npm', package: 'sample', version: '2.0', integrity: null },
      needsDowntime: true,
    },
    slots: { live: 'blue', staging: 'green' },
    window: null,
    anyTime: true,
    steps: [
      sampleStep('stage', sampleAction('app/stage'), null, { undo: sampleAction('app/unstage') }),
      sampleStep('close', sampleAction('proxy/close', { closesSite: true }), 'stage', {
        undo: sampleAction('proxy/open', { opensSite: true }),
      }),
      sampleStep('backup', sampleAction('database/backup', LOOK), 'close', {
        require: 'restored',
        prove: sampleAction('database/prove', LOOK),
      }),
      sampleStep('stop', sampleAction('app/stop', DISRUPTIVE), 'backup', {
        undo: sampleAction('app/start', DISRUPTIVE),
      }),
      sampleStep('migrate', sampleAction('database/migrate', { ...DISRUPTIVE, idempotent: false }), 'stop', {
        pointOfNoReturn: true,
      }),
      sampleStep('start', sampleAction('app/start', DISRUPTIVE), 'migrate'),
      sampleStep('probe', sampleAction('app/probe', LOOK), 'start'),
      sampleStep('switch', sampleAction('proxy/switch', { switchesTraffic: true }), 'probe'),
      sampleStep('open', sampleAction('proxy/open', { opensSite: true }), 'switch'),
    ],
    recover: {
      playbook: { name: 'restore', title: 'Restore', digest: '1'.repeat(64) },
      steps: [
        sampleStep('restore', sampleAction('database/restore', { ...DISRUPTIVE, destructive: true }), null),
        sampleStep('restart', sampleAction('app/start', DISRUPTIVE), 'restore'),
        sampleStep('probe-old', sampleAction('app/probe', LOOK), 'restart'),
        sampleStep('reopen', sampleAction('proxy/open', { opensSite: true }), 'probe-old'),
      ],
    },
    probe: sampleAction('app/probe', LOOK),
    look: null,
    backup: { maxAgeMs: 4 * 3_600_000, grade: 'restored', acceptedLossMs: 0 },
    ...change,
  };
}
