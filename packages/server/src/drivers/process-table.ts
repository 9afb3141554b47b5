/**
 * Reads /proc: which processes of a group are alive. A zombie is not: under a first process that does not reap, what was
 * killed stays in the table for ever and `kill -0` calls it alive, so the state is read instead.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessEntry {
  readonly pid: number;
  /** `Z` and `X` are dead. */
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** Start time in clock ticks since boot. */
  readonly startTicks: number;
}

/** Fields of /proc/PID/stat counted from the one after the command's closing bracket, which may hold anything. */
const STATE = 0;
const GROUP = 2;
const SESSION = 3;
const START_TICKS = 19;

/** The name of this machine, as process references carry it. */
export function hostName(): string {
  return hostname();
}

export function hasProcessTable(): boolean {
  return process.platform === 'linux';
}

export function readProcess(pid: number): ProcessEntry | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: fields[STATE] ?? 'X',
    group: Number(fields[GROUP]),
    session: Number(fields[SESSION]),
    startTicks: Number(fields[START_TICKS]),
  };
}

/**
 * What of a group, or of the session that its leader opened, is alive. Without /proc (not Linux) the leader stands for the
 * group.
 */
export function livingMembers(pgid: number): readonly ProcessEntry[] {
  if (!hasProcessTable()) {
    try {
      process.kill(-pgid, 0);
      return [{ pid: pgid, state: 'R', group: pgid, session: pgid, startTicks: 0 }];
    } catch {
      return [];
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((entry) => entry !== null)
    .filter((entry) => entry.state !== 'Z' && entry.state !== 'X')
    .filter((entry) => entry.group === pgid || entry.session === pgid);
}

/** Did this process begin its life with that variable in its environment? False when it may not be read. */
export function carriesVariable(pid: number, name: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
      .split('\0')
      .some((entry) => entry.startsWith(`${name}=`));
  } catch {
    return false;
  }
}
