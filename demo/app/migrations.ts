/**
 * Unleash's own migrations as a step of their own (its server would otherwise run them at its first boot, unseen). What a
 * database holds is compared with what a package brings, name by name: all there, exactly the old ones, or something in
 * between.
 *
 * Run as a program it migrates the database that its environment names: `node demo/app/migrations.ts <dist directory>`.
 */
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** `DATABASE_HOST` and its siblings, the names that Unleash itself reads. */
export function connectionFrom(env: NodeJS.ProcessEnv): Connection {
  const need = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set`);
    return value;
  };
  return {
    host: need('DATABASE_HOST'),
    port: Number(need('DATABASE_PORT')),
    user: need('DATABASE_USERNAME'),
    password: need('DATABASE_PASSWORD'),
    database: need('DATABASE_NAME'),
  };
}

export function connectionEnv(connection: Connection): Record<string, string> {
  return {
    DATABASE_HOST: connection.host,
    DATABASE_PORT: String(connection.port),
    DATABASE_USERNAME: connection.user,
    DATABASE_PASSWORD: connection.password,
    DATABASE_NAME: connection.database,
    DATABASE_SSL: 'false',
  };
}

/** Names of the migrations that a package brings, as the `migrations` table writes them. */
export async function packageMigrations(dist: string): Promise<readonly string[]> {
  const files = await readdir(join(dist, 'migrations'));
  return files
    .filter((file) => file.endsWith('.js'))
    .map((file) => `/${file.slice(0, -'.js'.length)}`)
    .sort();
}

/** Names that the database has run, oldest first. Rejects when it cannot be asked. */
export async function databaseMigrations(connection: Connection): Promise<readonly string[]> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    const there = await client.query("select to_regclass('public.migrations') is not null as found");
    if (there.rows[0]?.found !== true) return [];
    const { rows } = await client.query<{ name: string }>('select name from migrations order by id');
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

export type MigrationState =
  | { readonly state: 'applied' }
  | { readonly state: 'not-applied'; readonly pending: number }
  | { readonly state: 'in-between'; readonly reason: string };

/** Pure: `from` and `to` are what the two packages bring, `ran` what the database has. */
export function decideMigrationState(
  ran: readonly string[],
  from: readonly string[],
  to: readonly string[],
): MigrationState {
  const has = new Set(ran);
  const missing = to.filter((name) => !has.has(name));
  if (missing.length === 0) return { state: 'applied' };
  const old = new Set(from);
  const beyond = ran.filter((name) => !old.has(name));
  if (beyond.length === 0) return { state: 'not-applied', pending: missing.length };
  return {
    state: 'in-between',
    reason: `${beyond.length} of the new migrations ran (last ${beyond.at(-1)}), ${missing.length} did not (next ${missing[0]})`,
  };
}

/** How the sessions of a migration call themselves, so that a later attempt can tell them from the application's. */
const SESSION_NAME = 'vendor-migrate';
const SESSION_POLL_MS = 100;

/**
 * A migration that was killed is not over: its server process may finish the statement that it is at. Until none is left,
 * nothing that is read of the database is the truth; so what is left is ended, and its open transaction with it.
 */
export async function endLeftSessions(connection: Connection): Promise<void> {
  const client = new Client({ ...connection, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    for (;;) {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = $1 and pid <> pg_backend_pid()`,
        [SESSION_NAME],
      );
      if (rowCount === 0) return;
      await pause(SESSION_POLL_MS);
    }
  } finally {
    await client.end();
  }
}

/** Runs everything that is missing, in the package's own way. */
export async function runMigrations(dist: string, connection: Connection): Promise<void> {
  process.env['PGAPPNAME'] = SESSION_NAME;
  const require = createRequire(join(dist, 'migrator.js'));
  // as: unleash-server ships no types that say this of its migrator; both names are in every version we use
  const migrator = require(join(dist, 'migrator.js')) as {
    migrateDb(config: { db: unknown }): Promise<unknown>;
  };
  await migrator.migrateDb({ db: { ...connection, driver: 'postgres', ssl: false, schema: 'public' } });
}

if (import.meta.main) {
  const [dist] = process.argv.slice(2);
  if (dist === undefined)
    throw new Error('usage: node demo/app/migrations.ts <dist directory of unleash-server>');
  await runMigrations(dist, connectionFrom(process.env));
  // Its driver keeps a pool open that nobody else would end.
  process.exit(0);
}
