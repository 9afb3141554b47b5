/**
 * A PostgreSQL for the length of one call, with our migrations applied: the embedded one, in a directory that is removed
 * afterwards. The generators look at a real schema and never read the SQL themselves.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import { startEmbeddedPostgres } from '../../packages/server/src/db/embedded-postgres.ts';
import { migrate } from '../../packages/server/src/db/migrate.ts';

export async function withMigratedServer<T>(work: (connection: ClientConfig) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-gen-'));
  try {
    const server = await startEmbeddedPostgres(dir);
    try {
      await migrate({ ...server.connection });
      return await work({ ...server.connection });
    } finally {
      await server.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
