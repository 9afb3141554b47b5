/**
 * Brings a database to this version's schema: plain SQL files, forward only, in order of their number, each in its own
 * transaction, under an advisory lock so that two servers starting at once do not race. A file that was edited after it was
 * applied is refused: what a database went through must stay readable from the repository.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Client, type ClientConfig } from 'pg';

/** Any constant will do; it must only never be used for something else in the same database. */
const MIGRATION_LOCK = 7_431_905;
/** A migration waits this long for a table lock and then gives up instead of queueing everybody behind it. */
const LOCK_TIMEOUT = '5s';
const MIGRATION_FILE = /^\d{4}-[a-z0-9-]+\.sql$/;

export const MIGRATIONS_DIR = fileURLToPath(new URL('../../migrations/', import.meta.url));

export interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly digest: string;
}

export async function loadMigrations(dir = MIGRATIONS_DIR): Promise<readonly Migration[]> {
  const names = (await readdir(dir)).filter((name) => MIGRATION_FILE.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(`${dir}/${name}`, 'utf8');
      return { name, sql: text, digest: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/** Applies what is missing and returns the names applied. Throws with the file's name; a failed file leaves nothing of itself. */
export async function migrate(
  connection: ClientConfig,
  migrations?: readonly Migration[],
): Promise<readonly string[]> {
  const files = migrations ?? (await loadMigrations());
  const client = new Client(connection);
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await client.query(
      `create table if not exists schema_migration (
         name text primary key, digest text not null, applied_at timestamptz not null default clock_timestamp())`,
    );
    const { rows } = await client.query<{ name: string; digest: string }>(
      'select name, digest from schema_migration',
    );
    const applied = new Map(rows.map((row) => [row.name, row.digest]));
    const done: string[] = [];
    for (const file of files) {
      const digest = applied.get(file.name);
      if (digest === file.digest) continue;
      if (digest !== undefined)
        throw new Error(`migration ${file.name} was edited after it was applied; add a new file instead`);
      await applyMigration(client, file);
      done.push(file.name);
    }
    return done;
  } finally {
    await client.end();
  }
}

async function applyMigration(client: Client, file: Migration): Promise<void> {
  try {
    await client.query('begin');
    await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query(file.sql);
    await client.query('insert into schema_migration (name, digest) values ($1, $2)', [
      file.name,
      file.digest,
    ]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw new Error(
      `migration ${file.name} failed: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
