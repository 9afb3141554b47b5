/**
 * A fresh database for a test: copied from a migrated template on the server that the test run started, in well under a
 * second, and dropped afterwards. Its name marks it as a test database, so that the decision clock may be moved in it.
 */
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { Client, type ClientConfig } from 'pg';
import { inject } from 'vitest';
import { openDatabase, type Database } from './database.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection to the server of this test run; `template` is the migrated database. */
    testServer: { host: string; port: number | null; user: string; template: string };
  }
}

export interface TestDatabase {
  readonly db: Database;
  readonly connection: ClientConfig;
  readonly name: string;
  /** Moves the decision clock (`app_now()`) forward by this much, milliseconds. */
  skipTime(ms: number): Promise<void>;
  drop(): Promise<void>;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const { host, port, user, template } = inject('testServer');
  const server = { host, user, ...(port === null ? {} : { port }) };
  const name = `sitelift_test_${randomBytes(6).toString('hex')}`;
  const admin = new Client({ ...server, database: 'postgres' });
  await admin.connect();
  await admin.query(`create database ${name} template ${template}`);
  const connection = { ...server, database: name };
  const db = openDatabase({ connection });
  return {
    db,
    connection,
    name,
    skipTime: async (ms) => {
      await sql`insert into clock_offset (skip) values (${ms} * interval '1 ms')
                on conflict (only_row) do update set skip = clock_offset.skip + excluded.skip`.execute(db);
    },
    drop: async () => {
      await db.destroy();
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}
