/**
 * What every script of the demo's vendor begins with: who it works for (from the environment only, as Sitelift hands it
 * over), the fence (a worker that lost its run must not touch the site any more), one script at a time per instance, and
 * the log of real effects, so that a test can count that nothing which is not idempotent ran twice.
 */
import { appendFile, mkdir, open, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathsUnder } from '../paths.ts';
import type { DemoPaths } from '../paths.ts';
import { startTicksOf } from '../services.ts';
import type { BuildArtefact } from './build.ts';
import type { Connection } from './migrations.ts';

/** Exit codes: `observe` answers with done, notApplied, cannotTell or partly, a refused fence has one of its own. */
export const EXIT = { done: 0, notApplied: 1, failed: 1, cannotTell: 2, partly: 3, refused: 77 } as const;

/** How long a script waits for another one on the same instance, milliseconds. */
const LOCK_LIMIT_MS = 20_000;

export interface Script {
  readonly paths: DemoPaths;
  readonly instance: string;
  readonly action: string;
  readonly run: string;
  readonly step: string;
  readonly attempt: number;
  readonly fence: number;
  readonly from: string;
  readonly to: string;
  /** The slot that the step means; empty for steps that mean none. */
  readonly slot: string;
  readonly stagingSlot: string;
  /** The version that the step means. */
  readonly version: string;
  readonly settings: SiteSettings;
}

/** `settings` of an instance in the fleet files, as far as the vendor's scripts use them. */
export interface SiteSettings {
  readonly ports: Readonly<Record<string, number>>;
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly name: string;
  };
}

/** Ends the script with a sentence instead of a stack trace. */
export class ScriptFailure extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

function need(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new ScriptFailure(`${name} is not set: this script is run by Sitelift`);
  return value;
}

export function readScript(): Script {
  return {
    paths: pathsUnder(resolve(need('DEMO_DIR'))),
    instance: need('SITELIFT_INSTANCE'),
    action: need('SITELIFT_ACTION'),
    run: need('SITELIFT_RUN'),
    step: need('SITELIFT_STEP'),
    attempt: Number(need('SITELIFT_ATTEMPT')),
    fence: Number(need('SITELIFT_FENCE')),
    from: need('SITELIFT_FROM_VERSION'),
    to: need('SITELIFT_TO_VERSION'),
    slot: process.env['SITELIFT_SLOT'] ?? '',
    stagingSlot: process.env['SITELIFT_SLOT_STAGING'] ?? '',
    version: process.env['SITELIFT_VERSION'] ?? '',
    settings: JSON.parse(need('SITELIFT_SETTINGS')) as SiteSettings, // as: the sample fleet writes them so
  };
}

export function artefactOf(name: 'SITELIFT_TO_ARTEFACT' | 'SITELIFT_FROM_ARTEFACT'): BuildArtefact {
  return JSON.parse(need(name)) as BuildArtefact; // as: Sitelift's own value; `makeBuild` checks what it uses
}

export function connectionOf(script: Script): Connection {
  const { host, port, user, name } = script.settings.database;
  return { host, port, user, password: need('DATABASE_PASSWORD'), database: name };
}

/** Refuses a fence lower than the highest one that this instance has seen (exit code 77), and remembers a higher one. */
async function passFence(script: Script): Promise<void> {
  const file = join(script.paths.fences, script.instance);
  const seen = Number(await readFile(file, 'utf8').catch(() => '0'));
  if (script.fence < seen)
    throw new ScriptFailure(
      `fence ${script.fence} is older than ${seen}: another worker has taken ${script.instance} over`,
      EXIT.refused,
    );
  await mkdir(script.paths.fences, { recursive: true });
  await writeFile(`${file}.new`, String(script.fence));
  await rename(`${file}.new`, file);
}

/** One script at a time per instance; a lock whose holder is dead is taken over. */
async function lockInstance(script: Script): Promise<() => Promise<void>> {
  await mkdir(script.paths.fences, { recursive: true });
  const file = join(script.paths.fences, `${script.instance}.lock`);
  const me = `${process.pid} ${await startTicksOf(process.pid)}`;
  const deadline = performance.now() + LOCK_LIMIT_MS;
  for (;;) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(me);
      await handle.close();
      return () => rm(file, { force: true });
    } catch {
      const [pid, ticks] = (await readFile(file, 'utf8').catch(() => '')).split(' ');
      if (pid !== undefined && pid !== '' && (await startTicksOf(Number(pid))) !== ticks) {
        await rm(file, { force: true });
        continue;
      }
    }
    if (performance.now() > deadline)
      throw new ScriptFailure(`another script works on ${script.instance} (${file})`, 75);
    await pause(100);
  }
}

/** Writes down a real effect, just before it happens. */
export async function recordEffect(
  script: Script,
  { idempotent, resumed = false }: { readonly idempotent: boolean; readonly resumed?: boolean },
): Promise<void> {
  const { instance, run, step, attempt, action, from, to } = script;
  const line = {
    at: new Date().toISOString(),
    instance,
    run,
    step,
    attempt,
    action,
    from,
    to,
    idempotent,
    resumed,
  };
  await appendFile(script.paths.effects, `${JSON.stringify(line)}\n`);
}

/** The version that a slot's link leads to; null when the slot is empty. */
export async function slotVersion(paths: DemoPaths, instance: string, slot: string): Promise<string | null> {
  return readlink(join(paths.sites, instance, slot)).then(basename, () => null);
}

export interface ScriptBody {
  /** What Sitelift asked for; throws `ScriptFailure` to end with a sentence. */
  readonly apply: (script: Script) => Promise<void>;
  /** Whether that is already so; `partly` when applying again goes on from there; `cannot tell` by throwing. */
  readonly observe: (script: Script) => Promise<boolean | 'partly'>;
}

/** Runs a script: `observe` as its first argument asks whether its work is done, nothing else changes anything. */
export async function runScript(body: ScriptBody): Promise<void> {
  const observing = process.argv[2] === 'observe';
  try {
    const script = readScript();
    if (observing) {
      const seen = await body.observe(script);
      process.exitCode = seen === 'partly' ? EXIT.partly : seen ? EXIT.done : EXIT.notApplied;
    } else {
      const unlock = await lockInstance(script);
      try {
        await passFence(script);
        await body.apply(script);
      } finally {
        await unlock();
      }
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    const failure = error instanceof ScriptFailure ? error.exitCode : EXIT.failed;
    process.exitCode = observing ? EXIT.cannotTell : failure;
  }
  // Leaves no pool or socket of a library to keep the process, and with it the step, alive.
  process.exit();
}
