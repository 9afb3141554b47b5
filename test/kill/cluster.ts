/**
 * PostgreSQL as a direct child of the tests, so that it can be killed with `kill -9` and reaped: under `pg_ctl` a killed
 * postmaster may stay a zombie of the container's first process, its lock file then names a living process, and it cannot be
 * started again. On a unix socket of its own, so that any number of them stand side by side.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

const NOBODY = 65_534;
const START_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 50;
/** Its name is what allows failpoints and a moved clock. */
const DATABASE = 'sitelift_test_kill';
const SETTINGS = ["listen_addresses = ''", 'fsync = off', 'max_connections = 200', 'shared_buffers = 32MB'];

export interface Cluster {
  readonly url: string;
  readonly connection: { readonly host: string; readonly user: string; readonly database: string };
  /** `kill -9`; resolves when the postmaster is gone, how long ever its children still live. */
  kill(): Promise<void>;
  /** Resolves when it answers; its milliseconds. */
  start(): Promise<number>;
  remove(): Promise<void>;
}

const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const env = { LC_ALL: 'C', PATH: process.env['PATH'] ?? '' };

async function initdb(binDir: string, data: string): Promise<void> {
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
  const [code] = await once(
    spawn(join(binDir, 'initdb'), args, { ...identity, stdio: 'ignore', env }),
    'close',
  );
  if (code !== 0) throw new Error(`initdb ended with ${String(code)}`);
}

async function answers(host: string): Promise<boolean> {
  const client = new Client({ host, user: 'postgres', database: 'postgres', connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

export async function startCluster(binDir: string): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-kill-pg-'));
  const data = join(dir, 'data');
  await chmod(dir, 0o711);
  if ('uid' in identity) await chown(dir, NOBODY, NOBODY);
  await initdb(binDir, data);
  const settings = [...SETTINGS, `unix_socket_directories = '${dir}'`];
  await writeFile(join(data, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
  const logFile = join(dir, 'log');
  let child: ChildProcess | null = null;

  const spawnServer = async (): Promise<ChildProcess> => {
    const log = await open(logFile, 'a');
    try {
      return spawn(join(binDir, 'postgres'), ['-D', data], {
        ...identity,
        env,
        stdio: ['ignore', log.fd, log.fd],
      });
    } finally {
      await log.close();
    }
  };
  const start = async (): Promise<number> => {
    const beganAt = performance.now();
    while (performance.now() - beganAt < START_LIMIT_MS) {
      // It refuses as long as a backend of the killed one holds the shared memory.
      if (child === null || child.exitCode !== null || child.signalCode !== null) child = await spawnServer();
      if (await answers(dir)) return Math.round(performance.now() - beganAt);
      await pause(LOOK_EVERY_MS);
    }
    throw new Error(`PostgreSQL does not start: ${await readFile(logFile, 'utf8')}`);
  };
  const kill = async (): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  await start();
  const admin = new Client({ host: dir, user: 'postgres', database: 'postgres' });
  await admin.connect();
  await admin.query(`create database ${DATABASE}`);
  await admin.end();
  return {
    url: `postgresql://postgres@localhost/${DATABASE}?host=${encodeURIComponent(dir)}`,
    connection: { host: dir, user: 'postgres', database: DATABASE },
    kill,
    start,
    remove: async () => {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
