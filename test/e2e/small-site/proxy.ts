/** A real HAProxy before the small site, from the example configuration, run by the service manager: it outlives its test process. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HAPROXY, TEST_HOST } from '@sitelift/server/drivers/haproxy/test-haproxy.ts';
import { isListening } from '../../../demo/app/application.ts';
import type { DemoPaths } from '../../../demo/paths.ts';
import { logTail, startService, stopService } from '../../../demo/services.ts';

const EXAMPLE = new URL('../../../packages/server/src/drivers/haproxy/example.cfg', import.meta.url);
const START_LIMIT_MS = 10_000;
const NAME = 'proxy';

export { HAPROXY, TEST_HOST };

export interface SmallProxy {
  readonly dir: string;
  /** Where users come in; the site's name goes into the header. */
  readonly frontend: string;
  start(): Promise<void>;
  /** As a crash: nothing is written down by HAProxy itself. */
  stop(): Promise<void>;
}

export async function writeProxy(
  paths: DemoPaths,
  port: number,
  slots: Readonly<Record<string, number>>,
): Promise<SmallProxy> {
  const dir = paths.proxy;
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'maint.map'), '');
  await writeFile(join(dir, 'backend.map'), `${TEST_HOST} north-blue\n`);
  const config = (await readFile(EXAMPLE, 'utf8'))
    .replaceAll('/var/lib/sitelift/haproxy', dir)
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('127.0.0.1:4201', `127.0.0.1:${slots['blue'] ?? 0}`)
    .replace('127.0.0.1:4202', `127.0.0.1:${slots['green'] ?? 0}`)
    .replace('hard-stop-after 30s', 'hard-stop-after 1s');
  await writeFile(join(dir, 'haproxy.cfg'), config);
  return {
    dir,
    frontend: `http://127.0.0.1:${port}/`,
    start: async () => {
      await startService(paths, {
        name: NAME,
        argv: [HAPROXY ?? 'haproxy', '-db', '-f', join(dir, 'haproxy.cfg')],
        env: { PATH: process.env['PATH'] ?? '' },
        cwd: dir,
        user: null,
        stopSignal: 'SIGTERM',
        labels: {},
      });
      const deadline = performance.now() + START_LIMIT_MS;
      while (!(await isListening(port))) {
        if (performance.now() > deadline)
          throw new Error(`HAProxy does not start: ${await logTail(paths, NAME)}`);
        await pause(10);
      }
    },
    stop: async () => {
      await stopService(paths, NAME);
      await rm(join(dir, 'admin.sock'), { force: true });
    },
  };
}
