/** A real HAProxy on loopback with two tiny sites behind it, from the example configuration itself: for tests. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, get, type Server } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../driver.ts';

export const HAPROXY = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', '/opt/homebrew/bin/haproxy'].find(
  (path) => existsSync(path),
);

export const TEST_HOST = 'north.localhost';

export interface TestProxy {
  readonly dir: string;
  readonly url: string;
  /** Settings of the haproxy driver for the one site that is there. */
  readonly settings: JsonObject;
  readonly maintMap: string;
  readonly backendMap: string;
  start(): Promise<void>;
  /** As `kill -9`: nothing is written down by HAProxy itself. */
  stop(): Promise<void>;
  get(): Promise<{ status: number; body: string; headers: Record<string, unknown> }>;
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // as: it listens on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function site(name: string): Promise<{ server: Server; port: number }> {
  const server = createHttpServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port }; // as: it listens on TCP
}

async function listens(socket: string): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const connection = connect(socket);
      connection.once('connect', () => resolve(true));
      connection.once('error', () => resolve(false));
      connection.once('close', () => connection.destroy());
    });
    if (open) return;
    await pause(10);
  }
  throw new Error('haproxy did not start');
}

export async function startTestProxy(): Promise<TestProxy> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-haproxy-'));
  const [blue, green, port] = [await site('blue'), await site('green'), await freePort()];
  const example = await readFile(new URL('./example.cfg', import.meta.url), 'utf8');
  const socket = join(dir, 'admin.sock');
  const [maintMap, backendMap] = [join(dir, 'maint.map'), join(dir, 'backend.map')];
  await writeFile(maintMap, '# sites that are closed\nother.localhost 1\n');
  await writeFile(backendMap, `${TEST_HOST} north-blue\n`);
  const config = example
    .replaceAll('/var/lib/sitelift/haproxy', dir)
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('127.0.0.1:4201', `127.0.0.1:${blue.port}`)
    .replace('127.0.0.1:4202', `127.0.0.1:${green.port}`);
  await writeFile(join(dir, 'haproxy.cfg'), config);

  let child: ChildProcess | null = null;
  const stop = async (): Promise<void> => {
    if (child === null) return;
    const gone = new Promise((resolve) => child?.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    child = null;
    // As at a clean stop: the next start makes its own.
    await rm(socket, { force: true });
  };
  const start = async (): Promise<void> => {
    child = spawn(HAPROXY ?? 'haproxy', ['-db', '-f', join(dir, 'haproxy.cfg')], { stdio: 'ignore' });
    await listens(socket);
  };
  await start();
  const url = `http://127.0.0.1:${port}/`;
  return {
    dir,
    url,
    maintMap,
    backendMap,
    settings: {
      socket,
      mapsDir: dir,
      host: TEST_HOST,
      frontend: url,
      backends: { blue: 'north-blue', green: 'north-green' },
    },
    start,
    stop,
    get: () =>
      new Promise((resolve, reject) => {
        const request = get(url, { agent: false, headers: { host: `${TEST_HOST}:${port}` } }, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (text: string) => (body += text));
          response.once('end', () =>
            resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
          );
          response.once('error', reject);
        });
        request.once('error', reject);
      }),
    close: async () => {
      await stop();
      for (const { server } of [blue, green]) {
        server.closeAllConnections();
        server.close();
      }
      await rm(dir, { recursive: true, force: true });
    },
  };
}
