import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ProcessRef } from '@sitelift/domain/run/events.ts';
import { hostName, runProcessGroup, stopProcessGroup, type GroupCommand } from './process-group.ts';
import { livingMembers, readProcess } from './process-table.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'sitelift-group-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ENV = { PATH: process.env['PATH'] ?? '/usr/bin:/bin' };

interface Ran {
  readonly lines: string[];
  ref: ProcessRef | null;
}

function command(script: string, change: Partial<GroupCommand> = {}): GroupCommand & Ran {
  const ran: Ran = { lines: [], ref: null };
  return Object.assign(ran, {
    argv: ['/bin/sh', '-c', script] as [string, ...string[]],
    cwd: dir,
    env: ENV,
    signal: new AbortController().signal,
    log: { line: (stream: string, text: string) => void ran.lines.push(`${stream}: ${text}`) },
    processStarted: async (ref: ProcessRef) => {
      ran.ref = ref;
    },
    graceMs: 200,
    ...change,
  });
}

const alive = (ref: ProcessRef | null) => (ref === null ? -1 : livingMembers(ref.pgid).length);
/** Resolves when the script has written its line. */
const said = (ran: Ran, text: string) =>
  vi.waitFor(() => expect(ran.lines.join('\n')).toContain(text), { timeout: 10_000, interval: 10 });

describe('a command in a process group', () => {
  it('gives its output line by line and its exit code', async () => {
    const ran = command('echo one; echo two >&2; printf three; exit 7');
    expect(await runProcessGroup(ran)).toEqual({ kind: 'exited', code: 7 });
    expect(ran.lines.toSorted()).toEqual(['err: two', 'out: one', 'out: three']);
    expect(alive(ran.ref)).toBe(0);
  });

  it('lets a script open /dev/stdout and /dev/stderr by name', async () => {
    const ran = command('echo one > /dev/stdout && echo two > /dev/stderr');
    expect(await runProcessGroup(ran)).toEqual({ kind: 'exited', code: 0 });
    expect(ran.lines.toSorted()).toEqual(['err: two', 'out: one']);
  });

  it('hands words over as they are, never to a shell', async () => {
    const ran = command('', { argv: ['/bin/echo', '$(id)', '; rm -rf x', '`id`', "a'b"] });
    expect(await runProcessGroup(ran)).toEqual({ kind: 'exited', code: 0 });
    expect(ran.lines).toEqual(["out: $(id) ; rm -rf x `id` a'b"]);
  });

  it('acts only after its start is on record', async () => {
    const seen: string[] = [];
    const ran = command('echo acted', {
      processStarted: async (ref) => {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(
          `recorded, ${ran.lines.length} lines, ticks ${readProcess(ref.pgid)?.startTicks === ref.startTicks}`,
        );
      },
    });
    await runProcessGroup(ran);
    expect(seen).toEqual(['recorded, 0 lines, ticks true']);
    expect(ran.lines).toEqual(['out: acted']);
  });

  it('never acts when its start cannot be recorded', async () => {
    let pgid = 0;
    const ran = command('echo acted', {
      processStarted: (ref) => {
        pgid = ref.pgid;
        return Promise.reject(new Error('the lease is lost'));
      },
    });
    await expect(runProcessGroup(ran)).rejects.toThrow('the lease is lost');
    expect(ran.lines).toEqual([]);
    expect(livingMembers(pgid)).toEqual([]);
  });

  it('takes grandchildren down with it, those that ignore TERM too', async () => {
    const stop = new AbortController();
    const ran = command(`(trap '' TERM; (trap '' TERM; sleep 300) & sleep 300) & echo ready; sleep 300`, {
      signal: stop.signal,
    });
    const end = runProcessGroup(ran);
    await said(ran, 'ready');
    expect(alive(ran.ref)).toBeGreaterThan(3);
    stop.abort(new Error('the lease is lost'));
    expect(await end).toEqual({ kind: 'stopped', why: 'aborted' });
    expect(alive(ran.ref)).toBe(0);
  });

  it('gives a script the time to tidy up after TERM', async () => {
    const stop = new AbortController();
    const ran = command(`trap 'echo tidied; exit 0' TERM; echo ready; while :; do sleep 0.05; done`, {
      signal: stop.signal,
      graceMs: 5_000,
    });
    const end = runProcessGroup(ran);
    await said(ran, 'ready');
    stop.abort();
    expect(await end).toEqual({ kind: 'stopped', why: 'aborted' });
    expect(ran.lines).toContain('out: tidied');
  });

  it('ends at its time limit', async () => {
    const ran = command('sleep 300', { timeLimitMs: 100 });
    expect(await runProcessGroup(ran)).toEqual({ kind: 'stopped', why: 'time-limit' });
    expect(alive(ran.ref)).toBe(0);
  });

  it('does not leave behind what a script put into the background', async () => {
    const ran = command('sleep 300 & exit 0');
    expect(await runProcessGroup(ran)).toEqual({ kind: 'exited', code: 0 });
    expect(ran.lines).toEqual(['note: it ended and left 1 processes behind; ending them']);
    expect(alive(ran.ref)).toBe(0);
  });

  it('does not wait for a service that left the group and holds the output open', async () => {
    const pidFile = join(dir, 'service.pid');
    const ran = command(
      `setsid sh -c 'echo $$ > ${pidFile}; exec sleep 300' & while ! test -s ${pidFile}; do sleep 0.01; done`,
    );
    expect(await runProcessGroup(ran)).toEqual({ kind: 'exited', code: 0 });
    const service = Number(readFileSync(pidFile, 'utf8'));
    expect(readProcess(service)?.state).toBe('S');
    killForGood(service);
  });

  it('tells a death by signal from an exit', async () => {
    expect(await runProcessGroup(command('kill -9 $$'))).toEqual({ kind: 'signalled', signal: 'SIGKILL' });
  });

  it('bounds a flood without a line end and replaces what is not UTF-8', async () => {
    const ran = command(`head -c 20000000 /dev/zero | tr '\\0' x; echo; printf 'a\\377b\\n'`);
    expect(await runProcessGroup(ran)).toEqual({ kind: 'exited', code: 0 });
    expect(ran.lines).toHaveLength(2);
    expect(ran.lines[0]?.length).toBeLessThan(9_000);
    expect(ran.lines[0]).toContain('… (19991808 characters more)');
    expect(ran.lines[1]).toBe('out: a\uFFFDb');
  });

  it('says which directory is missing', async () => {
    const ran = command('true', { cwd: join(dir, 'nowhere') });
    expect(await runProcessGroup(ran)).toEqual({
      kind: 'not-started',
      reason: `there is no directory ${join(dir, 'nowhere')}`,
    });
  });
});

/** Never 0, which would be everybody in our own group. */
function killForGood(pid: number | undefined): void {
  if (pid === undefined || pid <= 1) throw new Error('there is no such process');
  process.kill(pid, 'SIGKILL');
}

/** A worker of its own that runs a command and prints the reference; to be killed with -9. */
function worker(script: string): { pid: number; ref: Promise<ProcessRef>; exit: Promise<unknown> } {
  const file = join(dir, 'worker.mjs');
  writeFileSync(
    file,
    `const { runProcessGroup } = await import(${JSON.stringify(new URL('./process-group.ts', import.meta.url).href)});
     let ref;
     await runProcessGroup({
       argv: ['/bin/sh', '-c', process.argv[2]], cwd: '/', env: { PATH: process.env.PATH },
       signal: new AbortController().signal,
       log: { line: (_, text) => console.log(JSON.stringify({ text, ref })) },
       processStarted: async (started) => { ref = started; },
     });`,
  );
  const child = spawn(process.execPath, [file, script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ref = new Promise<ProcessRef>((resolve, reject) => {
    child.stdout.once('data', (bytes: Buffer) => {
      resolve((JSON.parse(bytes.toString().split('\n')[0] ?? '') as { ref: ProcessRef }).ref); // as: printed above
    });
    child.once('exit', () => reject(new Error('the worker ended before it had begun')));
  });
  return { pid: child.pid ?? 0, ref, exit: new Promise((resolve) => child.once('exit', resolve)) };
}

describe.runIf(process.platform === 'linux')('a worker killed with -9', () => {
  it('takes its command and all of the group with it', async () => {
    const lost = worker(`(trap '' TERM; sleep 300) & echo ready; sleep 300`);
    const ref = await lost.ref;
    expect(alive(ref)).toBeGreaterThan(2);
    killForGood(lost.pid);
    await lost.exit;
    await vi.waitFor(() => expect(livingMembers(ref.pgid)).toEqual([]), { timeout: 5_000, interval: 10 });
    expect(await stopProcessGroup(ref)).toBe('gone');
  });

  it('loses the leader to the kernel and the rest to the take-over, even when the watcher is gone', async () => {
    const lost = worker(`(trap '' TERM; sleep 300) & echo ready; sleep 300`);
    const ref = await lost.ref;
    const watcher = livingMembers(ref.pgid).find(({ pid }) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sitelift-gate'),
    );
    killForGood(watcher?.pid);
    killForGood(lost.pid);
    await lost.exit;
    const leader = () => livingMembers(ref.pgid).find(({ pid }) => pid === ref.pgid);
    await vi.waitFor(() => expect(leader()).toBeUndefined(), { timeout: 5_000, interval: 10 });
    expect(alive(ref)).toBeGreaterThan(0);
    expect(await stopProcessGroup(ref, { graceMs: 100 })).toBe('stopped');
    expect(livingMembers(ref.pgid)).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux')('a take-over', () => {
  it('never kills a process that was given the number of an old one', async () => {
    const stranger = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    const pgid = stranger.pid ?? 0;
    const startTicks = (readProcess(pgid)?.startTicks ?? 0) - 1;
    expect(await stopProcessGroup({ host: hostName(), pgid, startTicks })).toBe('gone');
    // Alive, whether it sleeps already or is still on its way to it.
    expect(livingMembers(pgid).map(({ pid }) => pid)).toEqual([pgid]);
    livingMembers(pgid).forEach(({ pid }) => killForGood(pid));
  });

  it('leaves a group without its leader alone when nobody in it carries our mark', async () => {
    const stranger = spawn('/bin/sh', ['-c', 'sleep 300 & echo $!'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const pgid = stranger.pid ?? 0;
    await new Promise((resolve) => stranger.once('exit', resolve));
    expect(await stopProcessGroup({ host: hostName(), pgid, startTicks: 0 })).toBe('gone');
    expect(livingMembers(pgid)).toHaveLength(1);
    livingMembers(pgid).forEach(({ pid }) => killForGood(pid));
  });

  it.each([0, 1, -1, Number.NaN])('never takes %d for a group of ours', async (pgid) => {
    expect(await stopProcessGroup({ host: hostName(), pgid, startTicks: 1 })).toBe('gone');
  });

  it('says that another machine is not this one', async () => {
    expect(await stopProcessGroup({ host: 'another.example', pgid: 1, startTicks: 1 })).toBe('elsewhere');
  });
});
