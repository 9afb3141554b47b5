/** An `ActionContext` for tests of this driver: a run of its own, a work directory, and a log that is kept. */
import { randomBytes } from 'node:crypto';
import type { BackupRecord } from '@sitelift/domain/run/events.ts';
import type { Action, ActionContext, ActionTarget, JsonObject, ObserveResult, Outcome } from '../driver.ts';
import { SAMPLE_TARGET } from '../sample-context.ts';
import { postgresConfigSchema, type PostgresConfig } from './config.ts';
import { postgresDriver } from './postgres-driver.ts';

export type DatabaseVerb = 'backup' | 'prove' | 'loss' | 'restore';

export interface FakeRun {
  readonly runId: string;
  readonly lines: string[];
  target: ActionTarget;
  fence: number;
  signal: AbortSignal;
  /** Every process group that was reported, by its id. */
  readonly groups: number[];
  apply(verb: DatabaseVerb, attempt?: number): Promise<Outcome>;
  observe(verb: DatabaseVerb, attempt?: number): Promise<ObserveResult>;
}

export interface FakeRunOptions {
  readonly config: Record<string, unknown>;
  readonly workDir: string;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly instance?: string;
}

export function fakeRun(options: FakeRunOptions): FakeRun {
  const config = postgresConfigSchema.parse(options.config);
  const random = randomBytes(13).toString('hex');
  const lines: string[] = [];
  const groups: number[] = [];
  let backups = 0;
  const action = (verb: DatabaseVerb): Action<PostgresConfig> => {
    const found = postgresDriver.actions[`database/${verb}`];
    if (found === undefined) throw new Error(`no database/${verb}`);
    return found as unknown as Action<PostgresConfig>; // as: the table forgets the input's type
  };
  const run: FakeRun = {
    runId: `run_${random}`,
    lines,
    groups,
    target: SAMPLE_TARGET,
    fence: 7,
    signal: new AbortController().signal,
    apply: (verb, attempt = 1) => action(verb).apply(context(verb, attempt)),
    observe: (verb, attempt = 1) => action(verb).observe(context(verb, attempt)),
  };
  const context = (verb: DatabaseVerb, attempt: number): ActionContext<PostgresConfig> => ({
    config,
    input: {},
    target: run.target,
    runId: run.runId,
    stepId: verb,
    attempt,
    fence: run.fence,
    signal: run.signal,
    timeoutMs: 60_000,
    log: { line: (stream, text) => void lines.push(`${stream}: ${text}`) },
    secret: (name) => {
      const value = options.secrets?.[name];
      return value === undefined ? Promise.reject(new Error(`no secret ${name}`)) : Promise.resolve(value);
    },
    workDir: options.workDir,
    processStarted: (process) => {
      groups.push(process.pgid);
      return Promise.resolve();
    },
    monotonicMs: () => performance.now(),
    nowMs: () => 1_800_000_000_000 + Math.floor(performance.now()),
    newBackupId: () => `bkp_${random}${(backups += 1)}`,
  });
  return run;
}

/** Takes a backup and makes it the one that the run's later steps work with. */
export async function takeBackup(
  run: FakeRun,
): Promise<Extract<Outcome, { kind: 'done' | 'already-done' }> & { backup: BackupRecord }> {
  const outcome = await run.apply('backup');
  if (outcome.kind !== 'done' || outcome.backup === undefined) throw new Error(JSON.stringify(outcome));
  const { backup } = outcome;
  run.target = { ...run.target, backup: { ...backup, output: outcome.output ?? {} } };
  return { ...outcome, backup };
}

/** The file of a backup, out of its output. */
export function pathOf(output: JsonObject | undefined): string {
  const path = output?.['path'];
  if (typeof path !== 'string') throw new Error('no path in the output');
  return path;
}
