/** Restores a dump into a database made for it and holds the result against what was dumped. Nothing else is touched. */
import type pg from 'pg';
import type { BackupOutput } from './backup-file.ts';
import { compareDatabaseFacts, readDatabaseFacts, tellDifferences } from './database-facts.ts';
import {
  applyDatabaseProperties,
  commentOnDatabase,
  createDatabaseLike,
  dropDatabase,
} from './database-properties.ts';
import type { PostgresContext, Server } from './open-server.ts';
import { StepFailure } from './step-failure.ts';

/** `name` is dropped first, whoever uses it: what an earlier attempt left is half a restore. */
export async function restoreCopy(
  context: PostgresContext,
  server: Server,
  admin: pg.Client,
  major: number,
  name: string,
  comment: string,
  backup: BackupOutput,
): Promise<void> {
  await dropDatabase(admin, name);
  await createDatabaseLike(admin, name, backup.properties);
  await commentOnDatabase(admin, name, comment);
  const args = ['--exit-on-error', `--jobs=${context.config.jobs}`, backup.path];
  const end = await server.tool('pg_restore', major, name, args);
  if (!end.ok) throw new StepFailure(`the dump cannot be restored: ${end.why}`);
  // After the rows are in: a setting such as a read-only default must not stand in their way.
  await applyDatabaseProperties(admin, name, backup.properties, context.log);
  const client = await server.connect(name);
  try {
    const differences = compareDatabaseFacts(backup, await readDatabaseFacts(client, backup.sampleRows));
    if (differences.length > 0)
      throw new StepFailure(`the restored copy is not what was dumped: ${tellDifferences(differences)}`);
  } finally {
    await client.end();
  }
}
