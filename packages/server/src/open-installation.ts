/**
 * What every part stands on: the data directory, the database (given, or our own), its schema, and the key of the secrets,
 * proven. Whatever is wrong with one of them is told in one sentence that says what to do (`StartProblem`), before anything
 * else begins.
 */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Client, type ClientConfig } from 'pg';
import type { Config } from './config/config.ts';
import { openDatabase, type Database } from './db/database.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './db/embedded-postgres.ts';
import { migrate } from './db/migrate.ts';
import { openRootKey, type RootKey } from './secrets/key-file.ts';
import { proveSecrets } from './secrets/secret-store.ts';

/** A fault of the surroundings, not of ours: its message is all that a person needs. */
export class StartProblem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartProblem';
  }
}

export interface Installation {
  readonly dataDir: string;
  readonly connection: ClientConfig;
  readonly db: Database;
  readonly rootKey: RootKey;
  /** Our own server; null with DATABASE_URL. */
  readonly embedded: EmbeddedPostgres | null;
}

/** The oldest that is tested against. */
const OLDEST_POSTGRES = 15;
/** A server that does not even refuse is not there; milliseconds. */
const CONNECT_LIMIT_MS = 10_000;

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start it, or correct DATABASE_URL',
  ENOENT: 'its socket is not there; start it, or correct DATABASE_URL',
  ENOTFOUND: 'its name is not known; correct DATABASE_URL',
  EAI_AGAIN: 'its name cannot be looked up at the moment',
  ETIMEDOUT: 'it does not answer; is it behind a firewall?',
  '28P01': 'the password is refused; correct DATABASE_URL',
  '28000': 'the user may not sign in; correct DATABASE_URL or pg_hba.conf',
  '3D000': 'there is no such database; create it, empty, and start again',
  '57P03': 'it is starting up; try again in a moment',
};

/** Where it is, without the password. */
function placeOf(client: Client): string {
  return `PostgreSQL at ${client.host}:${client.port}, database ${client.database ?? ''}`;
}

async function checkServer(connection: ClientConfig): Promise<void> {
  const client = new Client({ ...connection, connectionTimeoutMillis: CONNECT_LIMIT_MS });
  try {
    await client.connect();
    const { rows } = await client.query<{ major: number }>(
      `select current_setting('server_version_num')::int / 10000 as major`,
    );
    const major = rows[0]?.major ?? 0;
    if (major < OLDEST_POSTGRES)
      throw new StartProblem(`${placeOf(client)} is version ${major}; ${OLDEST_POSTGRES} or newer is needed`);
  } catch (error) {
    if (error instanceof StartProblem) throw error;
    const advice = ADVICE[codeOf(error)] ?? messageOf(error);
    throw new StartProblem(`${placeOf(client)} cannot be used: ${advice}`, { cause: error });
  } finally {
    await client.end().catch(() => {});
  }
}

async function orProblem<T>(doing: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StartProblem) throw error;
    throw new StartProblem(`${doing}: ${messageOf(error)}`, { cause: error });
  }
}

export async function openInstallation(
  config: Pick<Config, 'dataDir' | 'databaseUrl' | 'keyFile'>,
  onDatabaseError: (error: Error) => void,
): Promise<Installation> {
  const dataDir = resolve(config.dataDir);
  await orProblem(`the data directory ${dataDir} cannot be used`, mkdir(dataDir, { recursive: true }));
  const embedded =
    config.databaseUrl === null
      ? await orProblem('the embedded PostgreSQL', startEmbeddedPostgres(dataDir))
      : null;
  try {
    const connection: ClientConfig = embedded?.connection ?? { connectionString: config.databaseUrl ?? '' };
    await checkServer(connection);
    await orProblem('the database cannot be brought to this version', migrate(connection));
    const rootKey = await orProblem('the key of the secrets', openRootKey(dataDir, config.keyFile));
    const db = openDatabase({ connection, onError: onDatabaseError });
    try {
      await orProblem('the secrets', proveSecrets(db, rootKey));
    } catch (error) {
      await db.destroy();
      throw error;
    }
    return { dataDir, connection, db, rootKey, embedded };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}
