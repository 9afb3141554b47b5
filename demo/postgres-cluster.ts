/**
 * The demo's own PostgreSQL: a cluster under `<data>/demo/pg`, on loopback with passwords, run by the service manager. It is
 * the database server of the customers' sites, and has nothing to do with the one in which Sitelift keeps its own records.
 */
import { spawn } from 'node:child_process';
import { access, appendFile, chmod, chown, lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import type { Connection } from './app/migrations.ts';
import type { DemoPaths } from './paths.ts';
import { logTail, startService, statusOf } from './services.ts';
import { DATABASE_ROLE } from './world-state.ts';
import type { WorldState } from './world-state.ts';

export const SUPERUSER = 'postgres';
const SERVICE = 'postgres';
const START_LIMIT_MS = 60_000;

/** PostgreSQL refuses to run as root: there it runs as `nobody`. */
const NOBODY = { uid: 65_534, gid: 65_534 } as const;

/** Small on purpose: nine databases of a few megabytes each, and a laptop that has other things to do. */
const SETTINGS = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 48MB
work_mem = 2MB
maintenance_work_mem = 32MB
max_wal_size = 256MB
synchronous_commit = off
autovacuum_max_workers = 1
jit = off
`;

export function superuserConnection(state: WorldState, database = 'postgres'): Connection {
  return {
    host: '127.0.0.1',
    port: state.ports.postgres,
    user: SUPERUSER,
    password: state.passwords.superuser,
    database,
  };
}

export function applicationConnection(state: WorldState, database: string): Connection {
  return {
    host: '127.0.0.1',
    port: state.ports.postgres,
    user: DATABASE_ROLE,
    password: state.passwords.database,
    database,
  };
}

/** Another user must be able to enter every directory above the cluster; only our own are opened up. */
async function letOthersEnter(paths: DemoPaths): Promise<void> {
  for (const own of [dirname(paths.root), paths.root]) await chmod(own, 0o711);
  for (let directory = paths.root; directory !== dirname(directory); directory = dirname(directory)) {
    if (((await lstat(directory)).mode & 0o001) === 0)
      throw new Error(
        `${directory} can be entered by root only, and PostgreSQL does not run as root: set SITELIFT_DATA_DIR to a place that others can enter, such as /var/lib/sitelift`,
      );
  }
}

async function initCluster(
  paths: DemoPaths,
  bin: string,
  state: WorldState,
  user: typeof NOBODY | null,
): Promise<void> {
  const ready = await access(join(paths.postgres, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (ready) return;
  // initdb wants to make the directory itself, in a parent that belongs to its user.
  const parent = `${paths.postgres}.new`;
  await rm(parent, { recursive: true, force: true });
  await mkdir(parent, { recursive: true });
  const passwordFile = join(parent, 'password');
  await writeFile(passwordFile, state.passwords.superuser, { mode: 0o600 });
  if (user !== null) for (const path of [parent, passwordFile]) await chown(path, user.uid, user.gid);
  const fresh = join(parent, 'cluster');
  const args = [
    '-D',
    fresh,
    '-U',
    SUPERUSER,
    '-E',
    'UTF8',
    '--no-locale',
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
  ];
  await new Promise<void>((done, fail) => {
    const child = spawn(join(bin, 'initdb'), args, {
      ...user,
      cwd: parent,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '' },
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('error', fail);
    child.on('close', (code) =>
      code === 0 ? done() : fail(new Error(`initdb ended with ${code}: ${errors.trim()}`)),
    );
  });
  await appendFile(join(fresh, 'postgresql.conf'), SETTINGS);
  await rename(fresh, paths.postgres);
  await rm(parent, { recursive: true, force: true });
}

/** Runs one statement list as superuser; identifiers and literals come from constants of ours. */
export async function asSuperuser<T>(state: WorldState, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ ...superuserConnection(state), connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function answers(state: WorldState): Promise<boolean> {
  return asSuperuser(state, () => Promise.resolve(true)).catch(() => false);
}

/** The one role: owns the sites' databases, may make the scratch copies and the replacements that a restore needs. */
async function ensureRole(state: WorldState): Promise<void> {
  await asSuperuser(state, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [DATABASE_ROLE]);
    if (rowCount === 0)
      await client.query(
        `create role ${DATABASE_ROLE} login createdb password ${client.escapeLiteral(state.passwords.database)}`,
      );
  });
}

/** Brings the cluster up, or finds it running. */
export async function startPostgres(paths: DemoPaths, bin: string, state: WorldState): Promise<void> {
  const user = process.getuid?.() === 0 ? NOBODY : null;
  if (user !== null) await letOthersEnter(paths);
  await initCluster(paths, bin, state, user);
  await startService(paths, {
    name: SERVICE,
    argv: [join(bin, 'postgres'), '-D', paths.postgres, '-p', String(state.ports.postgres)],
    env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '' },
    cwd: paths.postgres,
    user,
    // Fast shutdown: sessions are ended, nothing is lost.
    stopSignal: 'SIGINT',
    labels: { port: String(state.ports.postgres) },
  });
  const deadline = performance.now() + START_LIMIT_MS;
  while (!(await answers(state))) {
    const { running } = await statusOf(paths, SERVICE);
    if (!running || performance.now() > deadline)
      throw new Error(
        `the demo's PostgreSQL does not start; its log ends:\n${await logTail(paths, SERVICE)}`,
      );
    await pause(100);
  }
  await ensureRole(state);
}

export async function databaseExists(state: WorldState, database: string): Promise<boolean> {
  return asSuperuser(state, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [database]);
    return rowCount === 1;
  });
}

/** Makes a database of the applications' role, as a copy of another one when `template` names it. */
export async function createDatabase(
  state: WorldState,
  database: string,
  template = 'template0',
): Promise<void> {
  await asSuperuser(state, async (client) => {
    const name = client.escapeIdentifier(database);
    await client.query(
      `create database ${name} owner ${DATABASE_ROLE} template ${client.escapeIdentifier(template)}`,
    );
  });
}

export async function renameDatabase(state: WorldState, from: string, to: string): Promise<void> {
  await asSuperuser(state, (client) =>
    client.query(`alter database ${client.escapeIdentifier(from)} rename to ${client.escapeIdentifier(to)}`),
  );
}

export async function dropDatabase(state: WorldState, database: string): Promise<void> {
  await asSuperuser(state, (client) =>
    client.query(`drop database if exists ${client.escapeIdentifier(database)} with (force)`),
  );
}
