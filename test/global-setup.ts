/** Starts one PostgreSQL for the whole test run (the embedded one) and makes the migrated template of its databases. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../packages/server/src/db/embedded-postgres.ts';
import { migrate } from '../packages/server/src/db/migrate.ts';

const TEMPLATE = 'sitelift_template';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-test-'));
  const server = await startEmbeddedPostgres(dir);
  const admin = new Client({ ...server.connection, database: 'postgres' });
  await admin.connect();
  await admin.query(`create database ${TEMPLATE}`);
  await admin.end();
  await migrate({ ...server.connection, database: TEMPLATE });
  const { host, user } = server.connection;
  project.provide('testServer', { host, port: null, user, template: TEMPLATE });
  return async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  };
}
