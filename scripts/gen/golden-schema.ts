/**
 * The golden dump `migrations/schema.sql`: what a database looks like after all migrations, as PostgreSQL 15's own pg_dump
 * writes it, so that a reviewer sees the schema's difference and not only the migration's. Version 15 is the oldest that we
 * support and the one that Debian has; another version words the same schema differently. The cluster lives for one call.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { migrate } from '../../packages/server/src/db/migrate.ts';

const BIN = '/usr/lib/postgresql/15/bin';
/** PostgreSQL refuses uid 0; `nobody` has a passwd entry everywhere, which initdb asks for. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const MISSING = { missing: `${BIN} is not there (Debian: apt-get install postgresql-15)` } as const;

type Identity = typeof NOBODY | null;

async function run(command: string, args: readonly string[], identity: Identity): Promise<string> {
  const child = spawn(join(BIN, command), args, {
    ...identity,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { LC_ALL: 'C' },
  });
  const [output, errors, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((done, fail) => child.on('error', fail).on('close', done)),
  ]);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${errors.trim()}`);
  return output;
}

/** Lines that tell which build of pg_dump ran, and the random word that newer ones guard their output with. */
const BUILD_LINE = /^(-- Dumped (from|by) .*|\\(un)?restrict .*)\n/gm;

export async function dumpGoldenSchema(): Promise<string | { readonly missing: string }> {
  if (!existsSync(join(BIN, 'pg_dump'))) return MISSING;
  const identity: Identity = process.getuid?.() === 0 ? NOBODY : null;
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-golden-'));
  const cluster = join(dir, 'cluster');
  try {
    await mkdir(cluster, { mode: 0o700 });
    if (identity !== null) {
      await chown(dir, identity.uid, identity.gid);
      await chown(cluster, identity.uid, identity.gid);
    }
    await run(
      'initdb',
      ['-D', cluster, '-U', 'sitelift', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N'],
      identity,
    );
    const options = `-k ${dir} -c listen_addresses= -c fsync=off`;
    await run('pg_ctl', ['-D', cluster, '-o', options, '-l', join(dir, 'log'), '-w', 'start'], identity);
    try {
      await migrate({ host: dir, user: 'sitelift', database: 'postgres' });
      const flags = ['--schema-only', '--no-owner', '--no-privileges'];
      const dump = await run('pg_dump', ['-h', dir, '-U', 'sitelift', ...flags, 'postgres'], identity);
      return dump.replaceAll(BUILD_LINE, '').replaceAll(/\n{3,}/g, '\n\n');
    } finally {
      await run('pg_ctl', ['-D', cluster, '-m', 'immediate', '-w', 'stop'], identity);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
