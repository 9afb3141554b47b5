/** What the engine hands to an action, with nothing behind it: for the tests of drivers. */
import type { ProcessRef } from '@sitelift/domain/run/events.ts';
import type { ActionContext, ActionTarget } from './driver.ts';

export interface SampleContext<Config, Input> extends ActionContext<Config, Input> {
  readonly lines: string[];
  readonly processes: ProcessRef[];
}

export const SAMPLE_TARGET: ActionTarget = {
  instance: {
    id: 'inst_00000000000000000000000001',
    slug: 'north-live',
    role: 'live',
    url: 'http://north-live.localhost:8080/',
    host: null,
    settings: { port: 4242 },
  },
  customer: { slug: 'north', name: 'North Example' },
  product: 'sample',
  from: { version: '1.0.0', artefact: null },
  to: { version: '2.0.0', artefact: { kind: 'npm', package: 'sample', version: '2.0.0', integrity: null } },
  slots: { live: 'blue', staging: 'green' },
  backup: null,
};

export function sampleContext<Config, Input>(
  config: Config,
  input: Input,
  change: Partial<ActionContext<Config, Input>> = {},
): SampleContext<Config, Input> {
  const lines: string[] = [];
  const processes: ProcessRef[] = [];
  return {
    config,
    input,
    target: SAMPLE_TARGET,
    runId: 'run_01jd00000000000000000sampl',
    stepId: 'step',
    attempt: 1,
    fence: 7,
    signal: new AbortController().signal,
    timeoutMs: 30_000,
    log: { line: (stream, text) => void lines.push(`${stream}: ${text}`) },
    secret: (name) => Promise.resolve(`value-of-${name}`),
    workDir: '',
    processStarted: async (ref) => void processes.push(ref),
    monotonicMs: () => performance.now(),
    nowMs: () => 1_800_000_000_000 + Math.floor(performance.now()),
    newBackupId: () => 'bkp_00000000000000000000000001',
    lines,
    processes,
    ...change,
  };
}
