/**
 * `database/backup`: pg_dump of the snapshot of a transaction of ours, in which the rows are counted meanwhile; so the
 * counts are those of the dump itself, whatever is written to the site at the same time. Grade `written` and no more: that
 * a tool ended well proves nothing (`pg_restore -l` accepts a dump cut to nine tenths).
 */
import { LOOKS } from '@sitelift/domain/run/plan.ts';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { z } from 'zod';
import type { Action, Outcome } from '../driver.ts';
import {
  checkFreeSpace,
  findManifest,
  removePartialDumps,
  settleDump,
  sha256Of,
  writeManifest,
  type BackupManifest,
} from './backup-file.ts';
import type { PostgresConfig } from './config.ts';
import { readDatabaseFacts, type DatabaseFacts } from './database-facts.ts';
import { readDatabaseProperties } from './database-properties.ts';
import { serverFacts, withServer, type PostgresContext, type Server } from './open-server.ts';
import { settle, StepFailure } from './step-failure.ts';

/** A dump waits this long for a table that somebody holds exclusively, then says which. */
const LOCK_WAIT = '60s';

/** Heaps and what they keep out of line; indexes are not dumped. The bound is of uncompressed bytes. */
const DATA_BYTES = `
  select coalesce(sum(pg_table_size(c.oid)), 0)::text as bytes from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;

async function exportSnapshot(client: pg.Client): Promise<string> {
  await client.query('begin isolation level repeatable read read only');
  const { rows } = await client.query<{ snapshot: string }>('select pg_export_snapshot() as snapshot');
  const [row] = rows;
  if (row === undefined) throw new StepFailure('the database gave no snapshot');
  return row.snapshot;
}

async function dataBytes(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(DATA_BYTES);
  return Number(rows[0]?.bytes ?? 0);
}

function dumpFailure(why: string): StepFailure {
  return /No space left on device|Disk quota exceeded/i.test(why)
    ? new StepFailure(
        'the disk that holds the backups is full: the partial dump was removed, the site was not touched',
      )
    : new StepFailure(`pg_dump failed: ${why}`);
}

/** Counts and dumps at once, in one snapshot; when one of the two fails the other is ended. */
async function dumpAndCount(
  context: PostgresContext,
  server: Server,
  client: pg.Client,
  major: number,
  partial: string,
): Promise<DatabaseFacts> {
  const { config } = context;
  const snapshot = await exportSnapshot(client);
  const broken = new AbortController();
  const args = [
    '--format=custom',
    `--snapshot=${snapshot}`,
    `--lock-wait-timeout=${LOCK_WAIT}`,
    `--file=${partial}`,
  ];
  const dump = server.tool('pg_dump', major, config.database, args, broken.signal).then((end) => {
    if (!end.ok) throw dumpFailure(end.why);
  });
  const count = readDatabaseFacts(client, config.sampleRows).catch((error: unknown) => {
    broken.abort();
    throw error;
  });
  const [dumped, counted] = await Promise.allSettled([dump, count]);
  // A failed count has ended the dump; then its reason is the cause.
  if (counted.status === 'rejected') throw counted.reason;
  if (dumped.status === 'rejected') throw dumped.reason;
  await client.query('commit');
  return counted.value;
}

async function takeBackup(context: PostgresContext, server: Server): Promise<BackupManifest> {
  const { config, workDir, stepId, attempt, fence, target } = context;
  const startMs = context.monotonicMs();
  const client = await server.connect(config.database);
  // Sizes and counts wait for such a table as well, and would do so as long as the step may take.
  await client.query(`set lock_timeout = '${LOCK_WAIT}'`);
  const facts = await serverFacts(client);
  if (facts.standby)
    throw new StepFailure('this database server is a standby: a backup is taken from the primary');
  await removePartialDumps(workDir, stepId);
  await checkFreeSpace(workDir, await dataBytes(client));
  const properties = await readDatabaseProperties(client, config.database);
  const backupId = context.newBackupId();
  const partial = join(workDir, `.${stepId}-${attempt}-${fence}.part`);
  const path = join(workDir, `${backupId}.dump`);
  try {
    // Before the snapshot, never after it: what is written from here on may be lost by a restore (E1).
    const begunAt = context.nowMs();
    const held = await dumpAndCount(context, server, client, facts.major, partial);
    const { size } = await stat(partial);
    const sha256 = await sha256Of(partial, context.signal);
    await settleDump(partial, path);
    const rows = Object.values(held.counts);
    const output = {
      path,
      bytes: size,
      sha256,
      instance: target.instance.id,
      database: config.database,
      systemIdentifier: facts.systemIdentifier,
      serverVersion: facts.version,
      tables: rows.length,
      rows: rows.reduce((sum, n) => sum + n, 0),
      sampleRows: config.sampleRows,
      ...held,
      properties,
      dumpMs: Math.round(context.monotonicMs() - startMs),
    };
    const manifest = { backupId, stepId, attempt, fence, begunAt, output };
    await writeManifest(workDir, manifest);
    return manifest;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

function record(manifest: BackupManifest) {
  const { backupId, begunAt, output } = manifest;
  return {
    output,
    backup: { backupId, grade: 'written' as const, begunAt, bytes: output.bytes },
  };
}

export const backupAction: Action<PostgresConfig, Record<string, never>> = {
  inputSchema: z.strictObject({}),
  capabilities: ['secrets', 'files', 'process', 'network'],
  flags: { ...LOOKS, idempotent: false },
  describe: (config) =>
    `Dump database ${config.database} on ${config.host}:${config.port} and count its rows in the same snapshot.`,
  observe: async (context) => {
    const manifest = await findManifest(context);
    if (manifest === null)
      return { state: 'not-applied', facts: {}, differs: 'this attempt left no finished dump' };
    return { state: 'applied', facts: { path: manifest.output.path }, ...record(manifest) };
  },
  apply: (context) =>
    settle(context.signal, 'taking the backup', async (): Promise<Outcome> => {
      const manifest = await withServer(context, (server) => takeBackup(context, server));
      const { output } = manifest;
      context.log.line('note', `dumped ${output.tables} tables, ${output.rows} rows, ${output.bytes} bytes in ${output.dumpMs} ms`); // prettier-ignore
      return { kind: 'done', ...record(manifest) };
    }),
};
