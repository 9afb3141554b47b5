import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Action, ActionContext, ActionFlags, JsonObject } from '../driver.ts';
import { livingMembers } from '../process-table.ts';
import { sampleContext } from '../sample-context.ts';
import { execConfigSchema, type ExecConfig } from './config.ts';
import { execDriver } from './exec-driver.ts';

let dir = '';
let workDir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'sitelift-exec-'));
  workDir = mkdtempSync(join(dir, 'work-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const FLAGS: ActionFlags = {
  idempotent: false,
  disruptive: false,
  destructive: false,
  mutates: true,
  closesSite: false,
  opensSite: false,
  switchesTraffic: false,
};

function actionOf(name: string, flags: Partial<ActionFlags> = {}): Action<ExecConfig, JsonObject> {
  const made = execDriver.anyAction?.(name, { ...FLAGS, ...flags });
  return made as unknown as Action<ExecConfig, JsonObject>; // as: the exec driver's inputs are JSON objects
}

/** A script in a file of its own, as a vendor has one. */
function script(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

function context(
  verb: string,
  text: string,
  input: JsonObject = {},
  config: JsonObject = {},
  change: Partial<ActionContext<ExecConfig, JsonObject>> = {},
) {
  const path = script(`${verb}.sh`, text);
  const parsed = execConfigSchema.parse({
    cwd: dir,
    commands: { [verb]: { run: [path, 'an argument'] } },
    ...config,
  });
  return sampleContext(parsed, input, { workDir, ...change });
}

describe('a script of the vendor', () => {
  it('is told everything by its environment and its arguments, and nothing else of ours', async () => {
    const told = context(
      'start',
      'echo "arg=$1"; env | sort',
      { slot: 'staging', version: 'to' },
      { env: { COLOUR: 'blue $(id)' }, secrets: { TOKEN: 'api-token' } },
    );
    process.env['WORKER_ONLY'] = 'x';
    const outcome = await actionOf('app/start').apply(told);
    delete process.env['WORKER_ONLY'];
    expect(outcome).toEqual({ kind: 'done', output: {} });
    const lines = told.lines.map((line) => line.replace('out: ', ''));
    expect(lines).toEqual(
      expect.arrayContaining([
        'arg=an argument',
        'COLOUR=blue $(id)',
        'TOKEN=value-of-api-token',
        'SITELIFT_ACTION=app/start',
        'SITELIFT_ATTEMPT=1',
        'SITELIFT_CUSTOMER=north',
        'SITELIFT_FENCE=7',
        'SITELIFT_FROM_ARTEFACT=null',
        'SITELIFT_FROM_VERSION=1.0.0',
        'SITELIFT_INPUT={"slot":"staging","version":"to"}',
        'SITELIFT_INSTANCE=north-live',
        'SITELIFT_PRODUCT=sample',
        'SITELIFT_ROLE=live',
        'SITELIFT_RUN=run_01jd00000000000000000sampl',
        'SITELIFT_SETTINGS={"port":4242}',
        'SITELIFT_SLOT=green',
        'SITELIFT_SLOT_LIVE=blue',
        'SITELIFT_SLOT_STAGING=green',
        'SITELIFT_STEP=step',
        'SITELIFT_TO_ARTEFACT={"kind":"npm","package":"sample","version":"2.0.0","integrity":null}',
        'SITELIFT_TO_VERSION=2.0.0',
        'SITELIFT_URL=http://north-live.localhost:8080/',
        'SITELIFT_VERSION=2.0.0',
      ]),
    );
    expect(lines.join('\n')).not.toContain('WORKER_ONLY');
    expect(told.processes).toHaveLength(1);
  });

  it('gives back what it writes, with the secrets that it was given blotted out', async () => {
    const wrote = context(
      'run',
      `printf '{"count":3,"said":["token %s"]}' "$TOKEN" > "$SITELIFT_OUTPUT"`,
      {},
      {
        secrets: { TOKEN: 'api-token' },
      },
    );
    expect(await actionOf('exec/run').apply(wrote)).toEqual({
      kind: 'done',
      output: { count: 3, said: ['token •••'] },
    });
    expect(readdirSync(workDir)).toEqual([]);
  });

  it.each([
    ['exit 0', { kind: 'done', output: {} }],
    ['exit 3', { kind: 'failed', reason: '"run" ended with exit code 3' }],
    ['exit 75', { kind: 'retry-later', reason: '"run" asks to be run later', afterMs: 30_000 }],
    ['kill -9 $$', { kind: 'unknown', reason: '"run" was killed by SIGKILL' }],
    [
      'echo nonsense > "$SITELIFT_OUTPUT"',
      { kind: 'failed', reason: '"run" ended with exit code 0, but SITELIFT_OUTPUT holds no JSON' },
    ],
    [
      'echo "[1]" > "$SITELIFT_OUTPUT"',
      {
        kind: 'failed',
        reason: '"run" ended with exit code 0, but SITELIFT_OUTPUT holds JSON that is no object',
      },
    ],
    [
      'head -c 70000 /dev/zero > "$SITELIFT_OUTPUT"',
      { kind: 'failed', reason: '"run" ended with exit code 0, but SITELIFT_OUTPUT holds more than 64 KiB' },
    ],
  ])('that does `%s` ends as it should', async (text, outcome) => {
    expect(await actionOf('exec/run').apply(context('run', text))).toEqual(outcome);
  });

  it('is unknown at its time limit, and nothing of it lives on', async () => {
    const slow = context('run', '(sleep 300) & sleep 300', {}, {}, { timeoutMs: 100 });
    expect(await actionOf('exec/run').apply(slow)).toEqual({
      kind: 'unknown',
      reason: '"run" was ended at its time limit',
    });
    expect(livingMembers(slow.processes[0]?.pgid ?? 0)).toEqual([]);
  });

  it('is not started when a secret cannot be opened', async () => {
    const marker = join(dir, 'acted');
    const blind = context(
      'run',
      `touch ${marker}`,
      {},
      { secrets: { TOKEN: 'api-token' } },
      {
        secret: () => Promise.reject(new Error('there is no such secret')),
      },
    );
    expect(await actionOf('exec/run').apply(blind)).toEqual({
      kind: 'failed',
      reason: '"run" was not started: secret api-token cannot be opened: there is no such secret',
    });
    expect(existsSync(marker)).toBe(false);
  });

  it('that does not exist has failed with 127', async () => {
    const config = execConfigSchema.parse({ cwd: dir, commands: { run: { run: ['no-such-command-here'] } } });
    const missing = sampleContext(config, {}, { workDir });
    expect(await actionOf('exec/run').apply(missing)).toEqual({
      kind: 'failed',
      reason: expect.stringMatching(/^"run" ended with exit code 127: .*no-such-command-here.*not found$/),
    });
    expect(missing.lines.join()).toContain('no-such-command-here');
  });

  it('that fails is quoted: the message of its error output, without the stack and without its secrets', async () => {
    const text = `echo begun; { echo "Error: no entry for $TOKEN"; echo "    at main (x.js:1:1)"; echo; echo "Node.js v24"; } >&2; exit 1`;
    const fails = context('run', text, {}, { secrets: { TOKEN: 'api-token' } });
    expect(await actionOf('exec/run').apply(fails)).toEqual({
      kind: 'failed',
      reason: '"run" ended with exit code 1: Error: no entry for •••',
    });
  });

  it('is one of several when exec/run names it', async () => {
    const config = { commands: { run: { run: ['false'] }, 'warm-cache': { run: ['echo', 'warm'] } } };
    const named = context('run', '', { command: 'warm-cache' }, config);
    expect(await actionOf('exec/run').apply(named)).toEqual({ kind: 'done', output: {} });
    expect(named.lines).toEqual(['out: warm']);
    expect(await actionOf('exec/run').apply(context('run', '', { command: 'nothing' }, config))).toEqual({
      kind: 'failed',
      reason: 'there is no command "nothing"',
    });
  });
});

describe('observing by script', () => {
  const look = (text: string) =>
    context(
      'stage',
      '',
      {},
      { commands: { stage: { run: ['true'], observe: [script('observe.sh', text)] } } },
    );

  it.each([
    ['exit 0', 'applied'],
    ['exit 1', 'not-applied'],
    ['exit 2', 'cannot-tell'],
    ['exit 3', 'not-applied'],
    ['kill -9 $$', 'cannot-tell'],
  ])('takes `%s` for %s', async (text, state) => {
    expect(await actionOf('app/stage').observe(look(text))).toMatchObject({ state });
  });

  it('without a command lets only what is idempotent be done again', async () => {
    const without = context('stage', '');
    expect(await actionOf('app/stage', { idempotent: true }).observe(without)).toMatchObject({
      state: 'not-applied',
    });
    expect(await actionOf('app/stage').observe(without)).toMatchObject({ state: 'cannot-tell' });
  });
});

describe('special actions by script', () => {
  it('a probe says what it saw, and is held to the version that was expected', async () => {
    const probe = `echo '{"observed":{"version":"1.0.0","writeOk":true}}' > "$SITELIFT_OUTPUT"`;
    const observed = { version: '1.0.0', healthy: true, writeOk: true, problem: null };
    expect(await actionOf('app/probe').apply(context('probe', probe, { expect: 'from' }))).toMatchObject({
      kind: 'done',
      observed,
    });
    const problem = 'it reports version 1.0.0, expected 2.0.0';
    expect(await actionOf('app/probe').apply(context('probe', probe, { expect: 'to' }))).toEqual({
      kind: 'failed',
      reason: problem,
      observed: { ...observed, problem },
    });
    expect(await actionOf('app/probe').apply(context('probe', 'exit 4'))).toMatchObject({
      kind: 'failed',
      observed: { healthy: false, problem: '"probe" ended with exit code 4' },
    });
  });

  it('looks at two sites at once each hear their own site', async () => {
    // Each writes before either has ended: what they share would be seen.
    const wait = (word: string) =>
      `touch "$0.${word}.$SITELIFT_INSTANCE"; until [ -e "$0.${word}.north" ] && [ -e "$0.${word}.south" ]; do sleep 0.01; done`;
    const probe = [
      wait('begun'),
      `printf '{"observed":{"version":"%s"}}' "$SITELIFT_INSTANCE" > "$SITELIFT_OUTPUT"`,
      wait('written'),
    ].join('\n');
    const look = (slug: string) => {
      const told = context('probe', probe);
      const instance = { ...told.target.instance, slug };
      return actionOf('app/probe').apply({ ...told, target: { ...told.target, instance } });
    };
    const versions = (await Promise.all(['north', 'south'].map(look))).map((outcome) =>
      'observed' in outcome ? outcome.observed?.version : outcome,
    );
    expect(versions).toEqual(['north', 'south']);
  });

  it('a backup gets an id, a grade and the time at which it was begun', async () => {
    const backup = context(
      'backup',
      `echo '{"bytes":12,"path":"/b"}' > "$SITELIFT_OUTPUT"`,
      {},
      {},
      { nowMs: () => 5 },
    );
    expect(await actionOf('database/backup').apply(backup)).toEqual({
      kind: 'done',
      output: { bytes: 12, path: '/b' },
      backup: { backupId: 'bkp_00000000000000000000000001', grade: 'written', begunAt: 5, bytes: 12 },
    });
  });
});

describe('the settings of exec', () => {
  it.each([
    [{}, ['commands']],
    [{ commands: {} }, ['commands']],
    [{ commands: { run: { run: [] } } }, ['commands', 'run', 'run']],
    [{ commands: { run: { run: ['a'], ovserve: ['b'] } } }, ['commands', 'run']],
    [{ commands: { run: { run: ['a'] } }, secrets: { TOKEN: 'The Secret Itself!' } }, ['secrets', 'TOKEN']],
    [{ commands: { run: { run: ['a'] } }, env: { SITELIFT_FENCE: '9' } }, ['env', 'SITELIFT_FENCE']],
    [{ commands: { run: { run: ['a'] } }, env: { A: '1' }, secrets: { A: 'a' } }, ['secrets', 'A']],
  ])('%j are refused at %j', (config, path) => {
    const paths = execConfigSchema.safeParse(config).error?.issues.map((issue) => issue.path);
    expect(paths?.some((found) => JSON.stringify(found).startsWith(JSON.stringify(path).slice(0, -1)))).toBe(
      true,
    );
  });

  it('say which verb they lack', () => {
    const config = execConfigSchema.parse({ commands: { start: { run: ['a'] } } });
    expect(execDriver.lacks?.(config, 'app/stage')).toBe('it has no command "stage"');
    expect(execDriver.lacks?.(config, 'app/start')).toBeNull();
  });
});

it('an abort ends a script that is in the middle of its work', async () => {
  const stop = new AbortController();
  const running = context('run', 'echo ready; sleep 300', {}, {}, { signal: stop.signal });
  const outcome = actionOf('exec/run').apply(running);
  await vi.waitFor(() => expect(running.lines).toContain('out: ready'), { timeout: 10_000, interval: 10 });
  stop.abort();
  expect(await outcome).toEqual({ kind: 'unknown', reason: '"run" was ended by us' });
  expect(livingMembers(running.processes[0]?.pgid ?? 0)).toEqual([]);
});
