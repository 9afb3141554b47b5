import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REPOSITORY, pathsUnder } from '../../demo/paths.ts';
import type { DemoPaths } from '../../demo/paths.ts';

let paths: DemoPaths;
let slot: string;
beforeEach(async () => {
  paths = pathsUnder(await mkdtemp(join(tmpdir(), 'sitelift-script-')));
  slot = join(paths.sites, 'north-live', 'green');
  await mkdir(join(paths.sites, 'north-live'), { recursive: true });
  await symlink(join(paths.builds, '2.0.0'), slot);
});
afterEach(() => rm(paths.root, { recursive: true, force: true }));

interface End {
  readonly code: number | null;
  readonly output: string;
}

/** The vendor's script that takes a release out of its slot: the one whose effect is easiest to see. */
function unstage(fence: number, ...args: readonly string[]): Promise<End> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    DEMO_DIR: paths.root,
    SITELIFT_INSTANCE: 'north-live',
    SITELIFT_ACTION: 'app/unstage',
    SITELIFT_RUN: 'run_1',
    SITELIFT_STEP: 'stage',
    SITELIFT_ATTEMPT: '1',
    SITELIFT_FENCE: String(fence),
    SITELIFT_FROM_VERSION: '1.0.0',
    SITELIFT_TO_VERSION: '2.0.0',
    SITELIFT_SLOT_STAGING: 'green',
    SITELIFT_SETTINGS: '{"ports":{},"database":{}}',
  };
  const child = spawn(process.execPath, [join(REPOSITORY, 'demo/app/unstage.ts'), ...args], { env });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((done) => child.on('close', (code) => done({ code, output })));
}

async function effects(): Promise<number> {
  const text = await readFile(paths.effects, 'utf8').catch(() => '');
  return text === '' ? 0 : text.trimEnd().split('\n').length;
}

describe("the vendor's scripts", () => {
  it('refuse a fence lower than the one they have seen, with a code of its own and no effect', async () => {
    await mkdir(paths.fences, { recursive: true });
    await writeFile(join(paths.fences, 'north-live'), '8');
    const end = await unstage(7);
    expect(end).toMatchObject({ code: 77 });
    expect(end.output).toContain('fence 7 is older than 8');
    expect(await readlink(slot)).toContain('2.0.0');
    expect(await effects()).toBe(0);
  });

  it('observe without changing anything: not applied, then applied', async () => {
    expect(await unstage(7, 'observe')).toMatchObject({ code: 1 });
    expect(await readlink(slot)).toContain('2.0.0');
    expect(await unstage(7)).toMatchObject({ code: 0 });
    expect(await unstage(7, 'observe')).toMatchObject({ code: 0 });
  });

  it('write an effect down once, however often they are run', async () => {
    await unstage(7);
    await unstage(8);
    expect(await effects()).toBe(1);
  });

  it('go on when the script that held the instance was killed', async () => {
    await mkdir(paths.fences, { recursive: true });
    await writeFile(join(paths.fences, 'north-live.lock'), '4194303 1');
    expect(await unstage(7)).toMatchObject({ code: 0 });
  });

  it('cannot tell when they are not told enough', async () => {
    await rm(paths.sites, { recursive: true });
    const child = spawn(process.execPath, [join(REPOSITORY, 'demo/app/unstage.ts'), 'observe'], {
      env: { PATH: process.env['PATH'] ?? '' },
      stdio: 'ignore',
    });
    const code = await new Promise((done) => child.on('close', done));
    expect(code).toBe(2);
  });
});
