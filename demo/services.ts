/**
 * The demo's service manager: what systemd is to a vendor's host. It starts programs in sessions of their own, so neither
 * Ctrl-C in the terminal nor a `kill -9` of Sitelift and its whole process group takes a site down, and remembers them in
 * two files each in `<demo>/services`: what it is, and its pid with its start time (a pid alone may be somebody else's by now).
 *
 * `wanted` outlives a stop of everything: what ran when the demo was stopped is what runs when it starts again.
 *
 *   node demo/services.ts status|start|stop|stop-all [name] [--dir <demo directory>]
 */
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathsUnder } from './paths.ts';
import type { DemoPaths } from './paths.ts';

export interface ServiceSpec {
  readonly name: string;
  /** Program and arguments; never a shell line. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Runs as this user; only root may ask for it. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  /** What ends it cleanly. */
  readonly stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGUSR1';
  /** What it runs, for people and for scripts that observe: version, slot, port. */
  readonly labels: Readonly<Record<string, string>>;
}

interface ServiceRecord extends ServiceSpec {
  readonly wanted: boolean;
}

interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
}

export interface ServiceStatus {
  readonly name: string;
  readonly running: boolean;
  readonly pid: number | null;
  readonly wanted: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/** After this long a service that was asked to stop is killed, milliseconds. */
const STOP_LIMIT_MS = 15_000;
const POLL_MS = 50;
const NOTE_LIMIT_MS = 10_000;

/** Pid and start time in a line of /proc/PID/stat, or the bare pid where there is no /proc. */
function identityIn(line: string): ProcessIdentity | null {
  const pid = Number.parseInt(line, 10);
  if (Number.isNaN(pid)) return null;
  // The name stands in parentheses and may hold anything; the fields that count come after the last one.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return { pid, startTicks: line.includes(')') ? (fields[19] ?? '') : 'unknown' };
}

/**
 * Start time of a live process in clock ticks since boot; null when it is gone. A zombie is gone: where nobody reaps
 * orphans, a killed process stays in the table for ever.
 */
export async function startTicksOf(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') {
    try {
      process.kill(pid, 0);
      return 'unknown';
    } catch {
      return null;
    }
  }
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const state = line.slice(line.lastIndexOf(')') + 2).charAt(0);
  return state === '' || state === 'Z' || state === 'X' ? null : (identityIn(line)?.startTicks ?? null);
}

function fileOf(paths: DemoPaths, name: string): string {
  return join(paths.services, `${name}.json`);
}

function pidFileOf(paths: DemoPaths, name: string): string {
  return join(paths.services, `${name}.pid`);
}

async function readRecord(paths: DemoPaths, name: string): Promise<ServiceRecord | null> {
  const text = await readFile(fileOf(paths, name), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as ServiceRecord); // as: only this file writes them
}

async function writeRecord(paths: DemoPaths, record: ServiceRecord): Promise<void> {
  await mkdir(paths.services, { recursive: true });
  const fresh = `${fileOf(paths, record.name)}.${process.pid}`;
  // 0600: the environment of a service holds passwords.
  await writeFile(fresh, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(fresh, fileOf(paths, record.name));
}

async function livePid(paths: DemoPaths, name: string): Promise<number | null> {
  const known = identityIn(await readFile(pidFileOf(paths, name), 'utf8').catch(() => ''));
  if (known === null) return null;
  return (await startTicksOf(known.pid)) === known.startTicks ? known.pid : null;
}

export async function statusOf(paths: DemoPaths, name: string): Promise<ServiceStatus> {
  const record = await readRecord(paths, name);
  const pid = await livePid(paths, name);
  return { name, running: pid !== null, pid, wanted: record?.wanted ?? false, labels: record?.labels ?? {} };
}

export async function listServices(paths: DemoPaths): Promise<readonly ServiceStatus[]> {
  const files = (await readdir(paths.services).catch(() => [])).filter((file) => file.endsWith('.json'));
  return Promise.all(files.sort().map((file) => statusOf(paths, file.slice(0, -'.json'.length))));
}

export function logOf(paths: DemoPaths, name: string): string {
  return join(paths.logs, `${name}.log`);
}

/** The last lines of a service's log, for the message of a start that failed. */
export async function logTail(paths: DemoPaths, name: string, lines = 6): Promise<string> {
  const text = await readFile(logOf(paths, name), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/**
 * The new process writes down who it is before it becomes the program, through a file that we open for it (it may run as a
 * user who cannot). Were it us who wrote that, a kill between start and note would leave a site running that nobody knows.
 */
const NOTE_PID = '{ cat /proc/$$/stat 2>/dev/null || echo $$; } >&3; exec 3>&-; exec "$@"';

async function spawnNoted(paths: DemoPaths, spec: ServiceSpec): Promise<void> {
  const log = await open(logOf(paths, spec.name), 'a');
  const note = await open(pidFileOf(paths, spec.name), 'w', 0o600);
  try {
    const child = spawn('/bin/sh', ['-c', NOTE_PID, 'sh', ...spec.argv], {
      cwd: spec.cwd,
      env: spec.env,
      // A session of its own, and no pipe to us: it neither hears our signals nor our end.
      detached: true,
      stdio: ['ignore', log.fd, log.fd, note.fd],
      ...spec.user,
    });
    await new Promise<void>((done, fail) => {
      child.once('error', (cause) => fail(new Error(`${spec.name} could not be started`, { cause })));
      child.once('spawn', () => done());
    });
    child.unref();
  } finally {
    await log.close();
    await note.close();
  }
  const deadline = performance.now() + NOTE_LIMIT_MS;
  while ((await readFile(pidFileOf(paths, spec.name), 'utf8')) === '') {
    if (performance.now() > deadline) throw new Error(`${spec.name} does not say who it is`);
    await pause(5);
  }
}

/** Starts it unless it runs already. The caller waits for whatever tells that it is ready. */
export async function startService(paths: DemoPaths, spec: ServiceSpec): Promise<ServiceStatus> {
  if ((await livePid(paths, spec.name)) === null) {
    await mkdir(paths.logs, { recursive: true });
    await writeRecord(paths, { ...spec, wanted: true });
    await spawnNoted(paths, spec);
  }
  return statusOf(paths, spec.name);
}

/** Starts a service as it was last started. */
export async function startAgain(paths: DemoPaths, name: string): Promise<ServiceStatus> {
  const record = await readRecord(paths, name);
  if (record === null) throw new Error(`no service ${name} is known in ${paths.services}`);
  return startService(paths, record);
}

/** Ends it: asked first, killed after 15 s; resolves when it is gone. `keepWanted` is for stopping the whole demo. */
export async function stopService(paths: DemoPaths, name: string, keepWanted = false): Promise<void> {
  const record = await readRecord(paths, name);
  if (record === null) return;
  const pid = await livePid(paths, name);
  if (pid !== null) {
    process.kill(pid, record.stopSignal);
    const deadline = performance.now() + STOP_LIMIT_MS;
    while ((await livePid(paths, name)) !== null) {
      // The whole session's group: a postmaster's children would outlive it.
      if (performance.now() > deadline) process.kill(-pid, 'SIGKILL');
      await pause(POLL_MS);
    }
  }
  await writeRecord(paths, { ...record, wanted: keepWanted && record.wanted });
}

/** Stops every service, applications before the proxy and the database before none of them. */
export async function stopAll(paths: DemoPaths, last: readonly string[]): Promise<void> {
  const names = (await listServices(paths)).filter((service) => service.running).map(({ name }) => name);
  await Promise.all(
    names.filter((name) => !last.includes(name)).map((name) => stopService(paths, name, true)),
  );
  for (const name of last) await stopService(paths, name, true);
}

/** The proxy goes after the applications, the database after both. */
export const LAST_TO_STOP = ['proxy', 'postgres'] as const;

async function main(argv: readonly string[]): Promise<number> {
  const at = argv.indexOf('--dir');
  const root = argv[at + 1];
  const paths = pathsUnder(
    resolve(at >= 0 && root !== undefined ? root : (process.env['DEMO_DIR'] ?? 'data/demo')),
  );
  const [command, name] = argv.filter((_, index) => at < 0 || (index !== at && index !== at + 1));
  if (command === 'status') {
    for (const service of await listServices(paths)) {
      if (name !== undefined && service.name !== name) continue;
      const labels = Object.entries(service.labels).map(([key, value]) => `${key}=${value}`);
      console.log(
        [
          service.name.padEnd(20),
          service.running ? `runs (${service.pid})`.padEnd(14) : 'stopped'.padEnd(14),
          ...labels,
        ].join(' '),
      );
    }
    return 0;
  }
  if (command === 'stop-all') {
    await stopAll(paths, LAST_TO_STOP);
    return 0;
  }
  if (command === 'start' && name !== undefined) {
    console.log(`${name} runs as ${(await startAgain(paths, name)).pid}`);
    return 0;
  }
  if (command === 'stop' && name !== undefined) {
    await stopService(paths, name);
    return 0;
  }
  console.error('usage: node demo/services.ts status|start|stop|stop-all [name] [--dir <demo directory>]');
  return 2;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
