/**
 * PostgreSQL with its client tools, and HAProxy: what a vendor's host has. As root on Debian what is missing is installed by
 * apt; anywhere else one line says what to install. Their own default services are not started: the demo runs its own.
 */
import { spawn } from 'node:child_process';
import { access, chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export interface SystemPrograms {
  /** Directory with initdb, postgres, pg_dump, pg_restore, psql: all of one version. */
  readonly postgresBin: string;
  readonly haproxy: string;
}

/** Debian's way to say that an installation starts no service. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
/** Debian keeps several versions beside each other; any from 14 on will do, 15 is what the demo is tried with. */
const DEBIAN_POSTGRES = '/usr/lib/postgresql';
const LOWEST_POSTGRES = 14;
const NEEDED = ['initdb', 'postgres', 'pg_dump', 'pg_restore', 'psql'] as const;

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function hasAll(directory: string): Promise<boolean> {
  return (await Promise.all(NEEDED.map((name) => exists(join(directory, name))))).every(Boolean);
}

async function findPostgres(): Promise<string | null> {
  const versions = (await readdir(DEBIAN_POSTGRES).catch(() => []))
    .map(Number)
    .filter((version) => version >= LOWEST_POSTGRES)
    // 15 first, then the newest.
    .sort((a, b) => Number(b === 15) - Number(a === 15) || b - a);
  const candidates = [
    ...versions.map((version) => join(DEBIAN_POSTGRES, String(version), 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  for (const directory of candidates) if (directory !== '' && (await hasAll(directory))) return directory;
  return null;
}

async function findHaproxy(): Promise<string | null> {
  const directories = ['/usr/sbin', '/usr/local/sbin', ...(process.env['PATH'] ?? '').split(delimiter)];
  for (const directory of directories) {
    const path = join(directory, 'haproxy');
    if (directory !== '' && (await exists(path))) return path;
  }
  return null;
}

function apt(args: readonly string[], log: (line: string) => void): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn('apt-get', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    });
    let output = '';
    const take = (chunk: Buffer): void => {
      output = `${output}${chunk.toString()}`.slice(-4000);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', fail);
    log(`apt-get ${args.join(' ')}`);
    child.on('close', (code) =>
      code === 0 ? done() : fail(new Error(`apt-get ended with ${code}: ${output.trim().slice(-1000)}`)),
    );
  });
}

/** Installs without starting anything; an existing policy of the machine is left as it is. */
async function installQuietly(packages: readonly string[], log: (line: string) => void): Promise<void> {
  const ours = !(await exists(POLICY_FILE));
  if (ours) {
    await writeFile(POLICY_FILE, '#!/bin/sh\nexit 101\n');
    await chmod(POLICY_FILE, 0o755);
  }
  try {
    await apt(['install', '-y', '-q', '--no-install-recommends', ...packages], log).catch(async () => {
      // A fresh machine has no package lists yet.
      await apt(['update', '-q'], log);
      await apt(['install', '-y', '-q', '--no-install-recommends', ...packages], log);
    });
  } finally {
    if (ours) await rm(POLICY_FILE, { force: true });
  }
}

/** Finds the programs, installing what is missing where that is possible; rejects with one line that says what to do. */
export async function ensureSystemPrograms(log: (line: string) => void = () => {}): Promise<SystemPrograms> {
  const missing = async (): Promise<string[]> => [
    ...((await findPostgres()) === null ? ['postgresql-15', 'postgresql-client-15'] : []),
    ...((await findHaproxy()) === null ? ['haproxy'] : []),
  ];
  const packages = await missing();
  const debian = (await exists('/etc/debian_version')) && (await exists('/usr/bin/apt-get'));
  if (packages.length > 0 && debian && process.getuid?.() === 0) await installQuietly(packages, log);
  const [postgresBin, haproxy] = [await findPostgres(), await findHaproxy()];
  if (postgresBin !== null && haproxy !== null) return { postgresBin, haproxy };
  throw new Error(
    `the demo needs ${(await missing()).join(', ')}: install ${debian ? `with \`sudo apt-get install ${packages.join(' ')}\`` : 'PostgreSQL 15 (server and client tools) and HAProxy 2.4 or newer'}`,
  );
}
