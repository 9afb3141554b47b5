import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REPOSITORY, pathsUnder } from '../../demo/paths.ts';
import type { DemoPaths } from '../../demo/paths.ts';
import { startService, statusOf, stopAll, stopService } from '../../demo/services.ts';
import type { ServiceSpec } from '../../demo/services.ts';

let paths: DemoPaths;
beforeEach(async () => {
  paths = pathsUnder(await mkdtemp(join(tmpdir(), 'sitelift-services-')));
});
afterEach(async () => {
  await stopAll(paths, []);
  await rm(paths.root, { recursive: true, force: true });
});

function sleeper(name: string): ServiceSpec {
  return {
    name,
    argv: ['sleep', '300'],
    env: { PATH: process.env['PATH'] ?? '' },
    cwd: tmpdir(),
    user: null,
    stopSignal: 'SIGTERM',
    labels: { version: '1' },
  };
}

/** Runs `source` in a process group of its own and ends the whole group with SIGKILL once it has said "ready". */
async function killedGroup(source: string): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((done, fail) => {
    child.stdout.once('data', () => done());
    child.once('exit', (code) => fail(new Error(`ended with ${code} before it was ready`)));
  });
  child.removeAllListeners('exit');
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await gone;
}

describe('the service manager', () => {
  it('starts once, however often it is asked, and stops for good', async () => {
    const first = await startService(paths, sleeper('site'));
    const second = await startService(paths, sleeper('site'));
    expect(second.pid).toBe(first.pid);
    await stopService(paths, 'site');
    expect(await statusOf(paths, 'site')).toMatchObject({ running: false, wanted: false });
  });

  it('keeps a service running when its starter and the whole process group are killed', async () => {
    const services = join(REPOSITORY, 'demo/services.ts');
    const pathsFile = join(REPOSITORY, 'demo/paths.ts');
    await killedGroup(`
      import { startService } from ${JSON.stringify(services)};
      import { pathsUnder } from ${JSON.stringify(pathsFile)};
      await startService(pathsUnder(${JSON.stringify(paths.root)}), ${JSON.stringify(sleeper('site'))});
      console.log('ready');
      setInterval(() => {}, 1000);
    `);
    expect(await statusOf(paths, 'site')).toMatchObject({ running: true, labels: { version: '1' } });
  });

  it('never takes a process for a service whose pid it has by chance', async () => {
    await startService(paths, sleeper('site'));
    const file = join(paths.services, 'site.pid');
    const noted = await readFile(file, 'utf8');
    await stopService(paths, 'site');
    const other = await startService(paths, sleeper('other'));
    // The pid of a living process with the start time of a dead one.
    await writeFile(file, noted.replace(/^\d+/, String(other.pid)));
    expect(await statusOf(paths, 'site')).toMatchObject({ running: false });
    await stopService(paths, 'site');
    expect(await statusOf(paths, 'other')).toMatchObject({ running: true });
  });

  it('remembers at a stop of everything what ran, and what was stopped before', async () => {
    await startService(paths, sleeper('runs'));
    await startService(paths, sleeper('stopped'));
    await stopService(paths, 'stopped');
    await stopAll(paths, []);
    expect(await statusOf(paths, 'runs')).toMatchObject({ running: false, wanted: true });
    expect(await statusOf(paths, 'stopped')).toMatchObject({ running: false, wanted: false });
  });

  it('says so when a program cannot be started', async () => {
    const spec = { ...sleeper('site'), argv: ['/nowhere/program'] };
    await startService(paths, spec).catch(() => {});
    await expect.poll(async () => (await statusOf(paths, 'site')).running).toBe(false);
    expect(await readFile(join(paths.logs, 'site.log'), 'utf8')).toContain('/nowhere/program');
  });
});
