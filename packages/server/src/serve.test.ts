import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import { readConfig, type Config } from './config/config.ts';
import { createTestDatabase, type TestDatabase } from './db/test-database.ts';
import { serve, type Served } from './serve.ts';

let test: TestDatabase;
let dataDir: string;
let served: Served[];
let taken: Server;

function config(more: Partial<Config> = {}): Config {
  const read = readConfig({ SITELIFT_DATA_DIR: dataDir, SITELIFT_LOG_LEVEL: 'silent', SITELIFT_PORT: '0' });
  if ('problems' in read) throw new Error(read.problems.join('; '));
  const { host = '', user = '', database = '' } = test.connection;
  const databaseUrl = `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`;
  return { ...read.config, databaseUrl, ...more };
}

async function start(
  more: Partial<Config> = {},
  demo = false,
): Promise<{ server: Served; said: readonly string[] }> {
  const said: string[] = [];
  const server = await serve(config(more), {
    http: true,
    worker: true,
    demo,
    say: (line) => said.push(line),
  });
  served.push(server);
  return { server, said };
}

function takenPort(): number {
  return (taken.address() as AddressInfo).port; // as: it listens on TCP
}

beforeEach(async () => {
  test = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'sitelift-serve-'));
  served = [];
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
});
afterEach(async () => {
  await Promise.all(served.map((server) => server.stop()));
  taken.close();
  await test.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('serving', () => {
  it('answers at its address to the token of this machine, and prints the first password once', async () => {
    const first = await start();
    expect(first.said.join('\n')).toMatch(/First account: admin@sitelift\.local, one-time password \S+/);
    expect(first.said.join('\n')).toContain('notices stay queued');
    const client = createClient({ baseUrl: first.server.url, token: first.server.localToken });
    expect(await client.call(routes.listInstances)).toMatchObject({ instances: [] });
    expect(await client.call(routes.planNow)).toBeDefined();
    await first.server.stop();
    served.pop();
    await expect(fetch(first.server.url)).rejects.toThrow('fetch failed');
    expect((await start()).said.join('\n')).not.toContain('one-time password');
  });

  it('says what to do when its port is taken', async () => {
    const port = takenPort();
    await expect(start({ port })).rejects.toThrow(`port ${port} of 127.0.0.1 is taken: set SITELIFT_PORT`);
  });

  it('as the demo takes the next free port instead, and its links name that one', async () => {
    const port = takenPort();
    const { server } = await start({ port }, true);
    expect(Number(new URL(server.url).port)).toBeGreaterThan(port);
    expect((await fetch(`${server.url}/api/v1/health`)).status).toBe(200);
  });
});
