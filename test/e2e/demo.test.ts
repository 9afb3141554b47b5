/**
 * The main job on real parts, as a stranger runs it: `npm start -- --once --json` on an empty data directory; and the same
 * night with Sitelift killed with `kill -9` in five different steps.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { routes } from '@sitelift/contract/routes.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stopWorld } from '../../demo/world.ts';
import { REPOSITORY, startDemoProcess, type DemoRun } from './demo-process.ts';

const MINUTE_MS = 60_000;
/** Steps in whose middle Sitelift is killed, one after the other, in whatever run reaches them. */
const KILL_AT = ['stage', 'backup', 'migrate', 'probe', 'open'];

interface Summary {
  readonly upgraded: number;
  readonly rolledBack: number;
  readonly held: number;
  readonly upToDate: number;
  readonly failedRequests: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

interface Effect {
  readonly instance: string;
  readonly run: string;
  readonly action: string;
  /** Went on with what an earlier attempt had begun; each migration still ran once. */
  readonly resumed: boolean;
}

const GOOD_NIGHT = { upgraded: 4, rolledBack: 1, held: 2, upToDate: 1, problems: [] };

const ENV = {
  SITELIFT_DEMO_VERSIONS_DIR: join(REPOSITORY, '.cache/demo-versions'),
  SITELIFT_PORT: '0',
  SITELIFT_LEASE_SECONDS: '4',
  SITELIFT_HEARTBEAT_SECONDS: '1',
};

async function effectsOf(dataDir: string): Promise<readonly Effect[]> {
  const text = await readFile(join(dataDir, 'demo/effects.log'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Effect); // as: written by the demo's scripts
}

/** Kills Sitelift as soon as some run is in the middle of the step; resolves when the process is gone. */
async function killAt(run: DemoRun, step: string): Promise<void> {
  const limit = AbortSignal.timeout(8 * MINUTE_MS);
  const client = await run.client(limit);
  for (;;) {
    limit.throwIfAborted();
    const { runs } = await client.call(routes.listRuns, { query: { state: 'open' } });
    if (runs.some((each) => each.state === 'running' && each.step?.id === step)) break;
    if (run.child.exitCode !== null)
      throw new Error(`the night was over before anybody saw the step ${step}`);
    await new Promise((done) => setTimeout(done, 15));
  }
  run.child.kill('SIGKILL');
  await run.ended;
}

describe.each([
  ['undisturbed', []],
  ['killed in five steps', KILL_AT],
] as const)('the night of the demo, %s', (_name, steps) => {
  let dataDir = '';
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'sitelift-demo-'));
  });
  afterAll(async () => {
    await stopWorld(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  }, 2 * MINUTE_MS);

  it(
    'ends with every site on what it should serve, one rolled back and held, and no request lost',
    async () => {
      for (const step of steps) await killAt(startDemoProcess(dataDir, ENV), step);
      const { code, lastLine, output } = await startDemoProcess(dataDir, ENV).ended;
      const summary = JSON.parse(lastLine) as Summary; // as: checked below
      expect(summary, output).toMatchObject(GOOD_NIGHT);
      expect(Object.values(summary.failedRequests).reduce((sum, count) => sum + count, 0)).toBe(0);
      expect(code).toBe(0);
      // What is not idempotent ran once per run: the effects are counted where they happen, by the scripts themselves.
      const migrations = (await effectsOf(dataDir)).filter(
        ({ action, resumed }) => action === 'database/migrate' && !resumed,
      );
      const perRun = Map.groupBy(migrations, ({ run }) => run);
      expect(perRun.size).toBe(5);
      for (const effects of perRun.values()) expect(effects).toHaveLength(1);
    },
    20 * MINUTE_MS,
  );
});
