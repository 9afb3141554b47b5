/**
 * A throw-away PostgreSQL for tests and benchmarks, from the system's own binaries (Debian's 15 first), on a unix socket and
 * a loopback port. As root it runs as `nobody`, who must be able to enter every directory above it.
 */
import { spawn } from 'node:child_process';
import { chmod, chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type QueryResultRow } from 'pg';

const NOBODY = 65_534;
const DEBIAN_BIN = '/usr/lib/postgresql';
const WANTED = '15';

export interface TestCluster {
  readonly binDir: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly socketDir: string;
  /** Runs one query, or several statements, in this database. */
  query<Row extends QueryResultRow = QueryResultRow>(database: string, text: string, values?: readonly unknown[]): Promise<readonly Row[]>; // prettier-ignore
  connect(database: string): Promise<Client>;
  /** Ends the server at once, as a crash would. It can be started again. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends the server and removes its files. */
  remove(): Promise<void>;
}

/** The directory with initdb and pg_dump, or null when this machine has none: such tests are skipped then. */
export async function findServerBinaries(): Promise<string | null> {
  const versions = (await readdir(DEBIAN_BIN).catch(() => [])).sort(
    (a, b) => Number(b === WANTED) - Number(a === WANTED) || Number(b) - Number(a),
  );
  for (const version of versions) {
    const dir = join(DEBIAN_BIN, version, 'bin');
    const names: readonly string[] = await readdir(dir).catch(() => []);
    if (['initdb', 'pg_ctl', 'postgres', 'pg_dump', 'pg_restore'].every((name) => names.includes(name)))
      return dir;
  }
  return null;
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    // `ignore`: pg_ctl's server would inherit a pipe and hold it open for its whole life.
    const child = spawn(command, args, {
      ...identity,
      stdio: 'ignore',
      env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '' },
    });
    child.on('error', fail);
    child.on('close', (code) =>
      code === 0 ? done() : fail(new Error(`${command} ${args.join(' ')} ended with ${code}`)),
    );
  });
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer().on('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

export async function startTestCluster(binDir: string): Promise<TestCluster> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-pg-'));
  const data = join(dir, 'data');
  await chmod(dir, 0o711);
  if (process.getuid?.() === 0) await chown(dir, NOBODY, NOBODY);
  const port = await freePort();
  const user = 'postgres';
  await run(join(binDir, 'initdb'), [
    '-D',
    data,
    '-U',
    user,
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--no-locale',
    '--no-sync',
  ]);
  const settings = [
    `port = ${port}`,
    "listen_addresses = '127.0.0.1'",
    `unix_socket_directories = '${dir}'`,
    'fsync = off',
  ];
  await writeFile(join(data, 'postgresql.auto.conf'), `${settings.join('\n')}\n`);
  // Over TCP a password is asked for, so that tests can see it being used; the socket trusts.
  await writeFile(
    join(data, 'pg_hba.conf'),
    'local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n',
  );
  const start = (): Promise<void> =>
    run(join(binDir, 'pg_ctl'), ['-D', data, '-l', join(dir, 'log'), '-w', 'start']);
  const stop = (mode: string): Promise<void> =>
    run(join(binDir, 'pg_ctl'), ['-D', data, '-m', mode, '-w', 'stop']);
  await start();
  const connect = async (database: string): Promise<Client> => {
    const client = new Client({ host: dir, port, user, database });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  return {
    binDir,
    host: '127.0.0.1',
    port,
    user,
    socketDir: dir,
    connect,
    query: async <Row extends QueryResultRow>(
      database: string,
      text: string,
      values: readonly unknown[] = [],
    ) => {
      const client = await connect(database);
      try {
        return (await client.query<Row, unknown[]>(text, values.length === 0 ? undefined : [...values])).rows;
      } finally {
        await client.end();
      }
    },
    kill: () => stop('immediate'),
    start,
    remove: async () => {
      await stop('immediate').catch(() => {});
      await rm(dir, { recursive: true, force: true });
    },
  };
}
