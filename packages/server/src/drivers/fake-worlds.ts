/** A small world for every driver, for the conformance suite. Add one when you add a driver. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionTarget, JsonObject } from './driver.ts';
import { askProxy } from './haproxy/runtime-socket.ts';
import { HAPROXY, startTestProxy } from './haproxy/test-haproxy.ts';
import { FAKE_APPLICATION_SETTINGS, FakeApplication } from './http/fake-application.ts';
import { fakeRun, takeBackup } from './postgres/fake-context.ts';
import { findServerBinaries, startTestCluster } from './postgres/test-cluster.ts';

export interface StandIn {
  /** Settings with which every action works, and with at least one value for each of the driver's `secretFields`. */
  readonly config: JsonObject;
  /** The actions that the suite tries, each with its input, in this order. */
  readonly actions: Readonly<Record<string, JsonObject>>;
  readonly workDir: string;
  readonly target?: () => Promise<Partial<ActionTarget>>;
  /** Everything of the world that an action could change, as a value. */
  readonly state: () => Promise<unknown>;
  /** Settings that lead nowhere. */
  readonly gone: JsonObject;
  /** Settings that lead to something that never answers. */
  readonly hanging: JsonObject;
  /** Wrong settings, each with the path at which it is told. */
  readonly mistakes: readonly (readonly [JsonObject, string])[];
  readonly close: () => Promise<void>;
}

/** Takes connections and never says a word. */
async function mute(
  where: { path: string } | { port: number; host: string },
): Promise<{ server: Server; port: number; close: () => void }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(where, resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { server, port, close };
}

async function execWorld(): Promise<StandIn> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-world-'));
  const workDir = await mkdtemp(join(tmpdir(), 'sitelift-world-work-'));
  const shell = (text: string): JsonObject[string] => ['/bin/sh', '-c', text];
  return {
    config: {
      cwd: dir,
      secrets: { TOKEN: 'api-token' },
      commands: {
        stage: { run: shell('touch staged'), observe: shell('test -e staged') },
        probe: { run: shell(`echo '{"observed":{"version":"2.0.0","writeOk":true}}' > "$SITELIFT_OUTPUT"`) },
        migrate: { run: shell('echo migrated >> migrations') },
      },
    },
    actions: { 'app/stage': {}, 'app/probe': { expect: 'to' }, 'database/migrate': {} },
    workDir,
    state: async () => (await readdir(dir)).sort(),
    gone: { cwd: join(dir, 'nowhere') },
    hanging: {
      commands: Object.fromEntries(
        ['stage', 'probe', 'migrate'].map((verb) => [verb, { run: shell('sleep 300 & sleep 300') }]),
      ),
    },
    mistakes: [
      [{ commands: {} }, 'commands'],
      [{ env: { 'A B': '1' } }, 'env.A B'],
    ],
    close: async () => {
      for (const path of [dir, workDir]) await rm(path, { recursive: true, force: true });
    },
  };
}

async function httpWorld(): Promise<StandIn> {
  const app = await FakeApplication.start();
  const silent = await mute({ host: '127.0.0.1', port: 0 });
  const slots = (port: string | number): JsonObject => ({ slots: { blue: `http://127.0.0.1:${port}` } });
  return {
    config: { ...FAKE_APPLICATION_SETTINGS, slots: { blue: app.url } },
    actions: { 'app/probe': { slot: 'live' }, 'check/http': { path: '/health' } },
    workDir: '',
    state: async () => ({ features: [...app.features], archived: [...app.archived] }),
    gone: slots(1),
    hanging: slots(silent.port),
    mistakes: [
      [{ within: 'soon' }, 'within'],
      [{ slots: { blue: 'localhost:80' } }, 'slots.blue'],
      [{ write: [{ method: 'POST', path: 'features' }] }, 'write.0.path'],
    ],
    close: async () => {
      app.stop();
      silent.close();
    },
  };
}

async function haproxyWorld(): Promise<StandIn> {
  const proxy = await startTestProxy();
  const muteSocket = join(proxy.dir, 'mute.sock');
  const silent = await mute({ path: muteSocket });
  const running = async (map: string): Promise<string> => {
    const answer = await askProxy(
      join(proxy.dir, 'admin.sock'),
      `show map ${map}`,
      new AbortController().signal,
    );
    return answer.replaceAll(/^0x\S+ /gm, '');
  };
  return {
    config: proxy.settings,
    actions: { 'proxy/close': {}, 'proxy/switch': { to: 'staging' }, 'proxy/open': {}, 'proxy/probe': {} },
    workDir: '',
    state: async () => [
      await readFile(proxy.maintMap, 'utf8'),
      await readFile(proxy.backendMap, 'utf8'),
      await running(proxy.maintMap),
      await running(proxy.backendMap),
    ],
    gone: { socket: join(proxy.dir, 'nowhere.sock') },
    hanging: { socket: muteSocket },
    mistakes: [
      [{ socket: 'admin.sock' }, 'socket'],
      [{ backends: { blue: 'a b' } }, 'backends.blue'],
    ],
    close: async () => {
      silent.close();
      await proxy.close();
    },
  };
}

const binDir = await findServerBinaries();

async function postgresWorld(): Promise<StandIn> {
  if (binDir === null) throw new Error('there are no PostgreSQL binaries on this machine');
  const cluster = await startTestCluster(binDir);
  const silent = await mute({ host: '127.0.0.1', port: 0 });
  const workDir = await mkdtemp(join(tmpdir(), 'sitelift-world-'));
  await cluster.query('postgres', 'create database site');
  await cluster.query('site', 'create table note as select n as id from generate_series(1, 100) n');
  const where = { host: cluster.socketDir, port: cluster.port, user: cluster.user, database: 'site', binDir };
  const secrets = {
    password: 'database-password',
    writeCheck: { run: ['true'], secrets: { TOKEN: 'api-token' } },
  };
  return {
    config: { ...where, ...secrets },
    actions: { 'database/backup': {}, 'database/prove': {}, 'database/loss': {}, 'database/restore': {} },
    workDir,
    target: async () => {
      const run = fakeRun({ config: where, workDir });
      await takeBackup(run);
      return { backup: run.target.backup };
    },
    state: async () => [
      await cluster.query('postgres', 'select datname from pg_database order by 1'),
      await cluster.query('site', 'select count(*) from note'),
    ],
    gone: { host: '127.0.0.1', port: 1 },
    hanging: { host: '127.0.0.1', port: silent.port },
    mistakes: [
      [{ port: 0 }, 'port'],
      [{ database: '-x' }, 'database'],
    ],
    close: async () => {
      silent.close();
      await cluster.remove();
      await rm(workDir, { recursive: true, force: true });
    },
  };
}

/** By the driver's kind. `not-on-this-machine`: what it works on is not installed here. */
export const STAND_INS: Readonly<Record<string, (() => Promise<StandIn>) | 'not-on-this-machine'>> = {
  exec: execWorld,
  http: httpWorld,
  postgres: binDir === null ? 'not-on-this-machine' : postgresWorld,
  haproxy: HAPROXY === undefined ? 'not-on-this-machine' : haproxyWorld,
};
