/**
 * Runs a command in a process group of its own and never loses it.
 *
 * - Gated: a tiny shell waits for one byte before it becomes the command, so `processStarted` is on record before anything
 *   acts. If the worker dies in between, the gate reads the end of its file and leaves. Words reach the command as argv
 *   elements; the shell's text is a constant.
 * - Watched: a second tiny shell in the group holds the other end of the gate's file. When the worker is gone, however it
 *   went, it kills the whole group; `setpriv --pdeathsig KILL` does the same for the leader, by the kernel.
 * - Ended: TERM to everybody, KILL after a grace, and no return before nothing of the group is alive.
 * - Output goes through named pipes, not the socket pairs that Node would make: on a socket `echo oops > /dev/stderr` fails,
 *   and scripts are full of it.
 *
 * What a command starts with `setsid` leaves the group on purpose (services); everything else ends with it.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ProcessRef } from '@sitelift/domain/run/events.ts';
import type { LogSink } from './driver.ts';
import { outputLines } from './output-lines.ts';
import { carriesVariable, hasProcessTable, hostName, livingMembers, readProcess } from './process-table.ts';

export { hostName };

/** Between TERM and KILL. Well under the engine's own patience with a driver (30 s). */
const GRACE_MS = 10_000;
/** After KILL only a process in uninterruptible sleep is left; it is reported, not waited for for ever. */
const KILL_WAIT_MS = 10_000;
const POLL_MS = 20;
/** What is still in the pipes when everybody is gone comes at once; somebody outside the group may hold them open. */
const DRAIN_MS = 500;

/** Marks everything that descends from a command of ours, so that a group is recognised when its leader is gone. */
const MARK = 'SITELIFT_PROCESS_GROUP';

const GATE = [
  'read -r _ <&3 || exit 125',
  '( { read -r _ <&3; kill -s KILL 0; } </dev/null >/dev/null 2>&1 & )',
  'exec 3<&-',
  'exec "$@"',
].join('\n');

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path)) ?? null;

export interface GroupCommand {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Ends the group; a `TimeoutError` as its reason means the time limit. */
  readonly signal: AbortSignal;
  readonly timeLimitMs?: number;
  readonly log: LogSink;
  readonly processStarted: (ref: ProcessRef) => Promise<void>;
  readonly graceMs?: number;
}

export type GroupEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  /** Ended by us while it acted. */
  | { readonly kind: 'stopped'; readonly why: 'time-limit' | 'aborted' }
  /** It never acted. */
  | { readonly kind: 'not-started'; readonly reason: string };

interface Pipe {
  readonly source: Socket;
  /** The end that the command writes to; closed here once it has it. */
  readonly writeFd: number;
}

function openPipe(path: string): Pipe {
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeFd = openSync(path, constants.O_WRONLY);
  return { source: new Socket({ fd: readFd, readable: true, writable: false }), writeFd };
}

async function openPipes(): Promise<{ readonly out: Pipe; readonly err: Pipe }> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-pipes-'));
  try {
    const [out, err] = [join(dir, 'out'), join(dir, 'err')];
    await promisify(execFile)('mkfifo', ['-m', '600', out, err]);
    return { out: openPipe(out), err: openPipe(err) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Streams a pipe into the log; the result settles at its end, at the latest when it is destroyed. */
function stream(pipe: Pipe, to: 'out' | 'err', log: LogSink): Promise<void> {
  const lines = outputLines((line) => log.line(to, line));
  pipe.source.on('data', (bytes: Buffer) => lines.chunk(bytes));
  pipe.source.on('error', () => {});
  return new Promise((resolve) => {
    pipe.source.once('close', () => {
      lines.end();
      resolve();
    });
  });
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

function exited(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

function signalMembers(pgid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  // To the kernel 0 means our own group and -1 everybody.
  if (!Number.isSafeInteger(pgid) || pgid <= 1) throw new Error(`${pgid} is no process group of ours`);
  const to = (pid: number): void => {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended in the meantime, or belongs to somebody else: the count of the living tells.
    }
  };
  to(-pgid);
  // Jobs of an interactive or `set -m` shell have groups of their own within the session.
  for (const member of livingMembers(pgid)) if (member.group !== pgid) to(member.pid);
}

async function nobodyLeft(pgid: number, withinMs: number): Promise<boolean> {
  for (let waited = 0; ; waited += POLL_MS) {
    if (livingMembers(pgid).length === 0) return true;
    if (waited >= withinMs) return false;
    await pause(POLL_MS);
  }
}

/** TERM, KILL after the grace; the number of processes that survive even that (uninterruptible sleep). */
async function endGroup(pgid: number, graceMs: number): Promise<number> {
  if (livingMembers(pgid).length === 0) return 0;
  signalMembers(pgid, 'SIGTERM');
  if (await nobodyLeft(pgid, graceMs)) return 0;
  signalMembers(pgid, 'SIGKILL');
  await nobodyLeft(pgid, KILL_WAIT_MS);
  return livingMembers(pgid).length;
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs the command to its end. Rejects only when `processStarted` does; then nothing has acted. */
export async function runProcessGroup(command: GroupCommand): Promise<GroupEnd> {
  const { signal: wish, log, graceMs = GRACE_MS } = command;
  const limit = command.timeLimitMs === undefined ? [] : [AbortSignal.timeout(command.timeLimitMs)];
  const signal = AbortSignal.any([wish, ...limit]);
  if (signal.aborted) return { kind: 'not-started', reason: 'it was to stop before it had begun' };
  if (!(await isDirectory(command.cwd)))
    return { kind: 'not-started', reason: `there is no directory ${command.cwd}` };

  const { out, err } = await openPipes();
  const outputs = [stream(out, 'out', log), stream(err, 'err', log)];
  const gate = ['/bin/sh', '-c', GATE, 'sitelift-gate', ...command.argv];
  const [file, ...args] = SETPRIV === null ? gate : [SETPRIV, '--pdeathsig', 'KILL', '--', ...gate];
  const child = spawn(file ?? '/bin/sh', args, {
    cwd: command.cwd,
    env: { ...command.env, [MARK]: '1' },
    detached: true,
    stdio: ['ignore', out.writeFd, err.writeFd, 'pipe'],
  });
  closeSync(out.writeFd);
  closeSync(err.writeFd);
  const end = exited(child);
  const gateFile = child.stdio[3] as Socket; // as: the fourth entry of stdio above is a pipe
  gateFile.on('error', () => {});
  try {
    try {
      await spawned(child);
    } catch (error) {
      return { kind: 'not-started', reason: `${file ?? ''} cannot be started: ${message(error)}` };
    }
    return await passGate(command, signal, child, gateFile, end, graceMs);
  } finally {
    gateFile.destroy();
    await Promise.race([Promise.all(outputs), pause(DRAIN_MS)]);
    out.source.destroy();
    err.source.destroy();
    await Promise.all(outputs);
  }
}

async function passGate(
  command: GroupCommand,
  signal: AbortSignal,
  child: ChildProcess,
  gateFile: Socket,
  end: ReturnType<typeof exited>,
  graceMs: number,
): Promise<GroupEnd> {
  const { pid } = child;
  if (pid === undefined) return { kind: 'not-started', reason: 'the system gave no process id' };
  let passed = false;
  try {
    const startTicks = readProcess(pid)?.startTicks ?? 0;
    await command.processStarted({ host: hostName(), pgid: pid, startTicks });
    passed = !signal.aborted;
  } finally {
    if (!passed) await endGroup(pid, 0);
  }
  if (!passed) return { kind: 'not-started', reason: 'it was to stop before it had begun' };

  let told: (() => void) | undefined;
  const stop = new Promise<'stop'>((resolve) => {
    told = () => resolve('stop');
    signal.addEventListener('abort', told, { once: true });
  });
  gateFile.write('\n');
  const first = await Promise.race([end, stop]);
  if (told !== undefined) signal.removeEventListener('abort', told);

  const left = livingMembers(pid).length;
  // One of them is the watcher.
  if (first !== 'stop' && left > 1) command.log.line('note', `it ended and left ${left - 1} processes behind; ending them`); // prettier-ignore
  const survivors = await endGroup(pid, graceMs);
  if (survivors > 0)
    command.log.line(
      'note',
      `${survivors} processes of group ${pid} cannot be killed (they wait for a device)`,
    );
  if (first === 'stop') {
    const byLimit = signal.reason instanceof Error && signal.reason.name === 'TimeoutError';
    return { kind: 'stopped', why: byLimit ? 'time-limit' : 'aborted' };
  }
  if (first.signal !== null) return { kind: 'signalled', signal: first.signal };
  return { kind: 'exited', code: first.code ?? 0 };
}

/**
 * `gone`: nothing of it is alive. `stopped`: something was, and was ended. `elsewhere`: it was started on another machine,
 * where it ends with its worker; from here nothing can be said.
 */
export type StopResult = 'gone' | 'stopped' | 'elsewhere';

/**
 * Take-over: ends what a lost worker left behind. A pid is believed only with its start time; a group whose leader is gone
 * only if no other process has taken the number and one of its members carries our mark.
 */
export async function stopProcessGroup(
  ref: ProcessRef,
  options: { readonly graceMs?: number } = {},
): Promise<StopResult> {
  if (ref.host !== hostName()) return 'elsewhere';
  if (!Number.isSafeInteger(ref.pgid) || ref.pgid <= 1) return 'gone';
  const members = livingMembers(ref.pgid);
  if (members.length === 0) return 'gone';
  if (!hasProcessTable())
    throw new Error(`process group ${ref.pgid} is alive, and this system does not tell whether it is ours`);
  const leader = readProcess(ref.pgid);
  const ours =
    leader === null
      ? members.some(({ pid, startTicks }) => startTicks >= ref.startTicks && carriesVariable(pid, MARK))
      : leader.startTicks === ref.startTicks;
  if (!ours) return 'gone';
  const survivors = await endGroup(ref.pgid, options.graceMs ?? GRACE_MS);
  if (survivors > 0) throw new Error(`${survivors} processes of group ${ref.pgid} cannot be killed`);
  return 'stopped';
}
