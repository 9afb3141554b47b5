/**
 * Starts the users (`load-client.ts`) as a service of their own, so that they go on asking when Sitelift is killed; a demo
 * that is started again finds them still at it, and their report covers the whole night.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestReport } from './load-client.ts';
import { REPOSITORY } from './paths.ts';
import { startService, stopService } from './services.ts';
import type { DemoWorld } from './world.ts';

const SERVICE = 'load-client';
/** They stop by themselves after this long, whatever becomes of us, minutes. */
const LIMIT_MINUTES = 45;

export interface Load {
  /** Ends the asking and resolves to what was counted. */
  finish(): Promise<RequestReport>;
  stop(): Promise<void>;
}

export async function startLoad(world: DemoWorld): Promise<Load> {
  const { paths, ports, sites } = world;
  const report = join(paths.root, 'requests.json');
  await startService(paths, {
    name: SERVICE,
    argv: [
      process.execPath,
      join(REPOSITORY, 'demo/load-client.ts'),
      '--origin',
      `http://127.0.0.1:${ports.proxy}`,
      '--sites',
      sites.map(({ slug }) => slug).join(','),
      '--out',
      report,
      '--minutes',
      String(LIMIT_MINUTES),
    ],
    env: { PATH: process.env['PATH'] ?? '' },
    cwd: REPOSITORY,
    user: null,
    stopSignal: 'SIGTERM',
    labels: {},
  });
  return {
    finish: async () => {
      await stopService(paths, SERVICE);
      return JSON.parse(await readFile(report, 'utf8')) as RequestReport; // as: the load client wrote it
    },
    stop: () => stopService(paths, SERVICE),
  };
}
