/**
 * The connection to PostgreSQL: a pool behind Kysely. `int8` is read as a number (ours stay below 2^53) and refused beyond;
 * instants stay `Date`.
 */
import { Kysely, PostgresDialect, type Transaction as KyselyTransaction } from 'kysely';
import { Pool, types as pgTypes, type ClientConfig, type CustomTypesConfig } from 'pg';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;
export type Transaction = KyselyTransaction<Tables>;

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`an int8 beyond 2^53 came from the database: ${text}`);
  return value;
}

const types: CustomTypesConfig = {
  getTypeParser: ((oid: Parameters<typeof pgTypes.getTypeParser>[0], format?: 'text' | 'binary') =>
    oid === pgTypes.builtins.INT8
      ? parseInt8
      : format === 'binary'
        ? pgTypes.getTypeParser(oid, 'binary')
        : pgTypes.getTypeParser(oid)) as CustomTypesConfig['getTypeParser'], // as: pg types the parser per oid
};

export interface DatabaseOptions {
  /** Connection of `pg`: `{ connectionString }` or `{ host, user, database, … }`. */
  readonly connection: ClientConfig;
  readonly maxConnections?: number;
  readonly onError?: (error: Error) => void;
}

/** Enough for a server and a few workers in one process; each run in flight needs one now and then. */
const DEFAULT_MAX_CONNECTIONS = 16;

export function openDatabase(options: DatabaseOptions): Database {
  const pool = new Pool({
    ...options.connection,
    max: options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
    types,
  });
  // An idle connection that dies (the server was restarted) is replaced; without a listener it would end the process.
  pool.on('error', (error) => options.onError?.(error));
  // The same for one that is in somebody's hands between two queries (a transaction, an advisory lock): his next query fails.
  pool.on('connect', (client) => client.on('error', (error) => options.onError?.(error)));
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}
