/**
 * `database/loss`: what a restore of the run's backup would lose. The backup is restored into a scratch database, as its proof
 * does, and every row of the live database is held against it: counts per table, and an export of exactly the rows that differ
 * (E1, E6, C57). The live database is only read, in one snapshot.
 *
 * What a migration wrote differs too and cannot be told from what users wrote; where it shows in the shape of a table, the
 * report says so. Large objects, sequences and unlogged tables' rows after a crash are not compared.
 */
import { LOOKS } from '@sitelift/domain/run/plan.ts';
import {
  LISTED_ROWS,
  LISTED_TABLES,
  ROW_CHANGES,
  type RowChange,
  type TableLoss,
} from '@sitelift/domain/run/loss.ts';
import { z } from 'zod';
import type { BackupRecord } from '@sitelift/domain/run/events.ts';
import type { Action, JsonObject, Outcome } from '../driver.ts';
import { openBackup } from './backup-file.ts';
import { compareRows, comparedBy, type RowDifference, type Side } from './compare-rows.ts';
import type { PostgresConfig } from './config.ts';
import { listTables, SAME_TEXT, type TableRow } from './database-facts.ts';
import { openLossFile, readRows, type LossFile } from './loss-file.ts';
import { serverFacts, withServer, type PostgresContext, type Server } from './open-server.ts';
import { dropScratch, scratchName } from './prove.ts';
import { restoreCopy } from './restore-copy.ts';
import { settle, StepFailure } from './step-failure.ts';

/** Differing rows read and written at once: a row may be large. */
const ROWS_AT_ONCE = 100;
/** A table that somebody holds exclusively is waited for this long. */
const LOCK_WAIT = '60s';
/** A key longer than this is not listed; the export has it. */
const MAX_KEY_CHARS = 200;

type Counted = { -readonly [change in RowChange]: number };

async function openSnapshot(server: Server, database: string) {
  const client = await server.connect(database);
  await client.query(`${SAME_TEXT}; set lock_timeout = '${LOCK_WAIT}'`);
  await client.query('begin isolation level repeatable read read only');
  return { client, tables: await listTables(client) };
}

function nameOf(table: TableRow): string {
  return `${table.schema}.${table.name}`;
}

/** Why the numbers of a table may be a migration's and not the users'. */
function noteOf(live: TableRow | null, copy: TableRow | null): string | null {
  if (copy === null) return 'the backup does not have this table';
  if (live === null) return 'the live database does not have this table any more';
  const added = live.columns.filter((column) => !copy.columns.includes(column));
  const gone = copy.columns.filter((column) => !live.columns.includes(column));
  const parts = [
    added.length === 0 ? '' : `new: ${added.join(', ')}`,
    gone.length === 0 ? '' : `gone: ${gone.join(', ')}`,
  ].filter((part) => part !== '');
  if (parts.length > 0) return `compared by the columns that both have (${parts.join('; ')})`;
  return JSON.stringify(live.key) === JSON.stringify(copy.key)
    ? null
    : 'compared by whole rows: its primary key was changed';
}

async function compareTable(live: Side | null, copy: Side | null, file: LossFile): Promise<TableLoss | null> {
  const [after, before] = [live?.table ?? null, copy?.table ?? null];
  const one = after ?? before;
  if (one === null) return null;
  const { key } = comparedBy(after, before);
  const counts: Counted = { inserted: 0, changed: 0, deleted: 0 };
  const rows: { change: RowChange; key: JsonObject }[] = [];
  let batch: RowDifference[] = [];
  const flush = async (): Promise<void> => {
    for (const change of ROW_CHANGES) {
      const places = batch.filter((row) => row.change === change).map(({ place }) => place);
      const side = change === 'deleted' ? copy : live;
      if (places.length === 0 || side === null) continue;
      const read = await readRows(side, key, places);
      await file.write(
        nameOf(one),
        read.map((row) => ({ change, ...row })),
      );
      for (const row of read)
        if (rows.length < LISTED_ROWS && row.key !== null && row.key.length <= MAX_KEY_CHARS)
          rows.push({ change, key: JSON.parse(row.key) as JsonObject }); // as: made by json_build_object
    }
    batch = [];
  };
  for await (const difference of compareRows(live, copy)) {
    counts[difference.change] += 1;
    batch.push(difference);
    if (batch.length >= ROWS_AT_ONCE) await flush();
  }
  await flush();
  if (counts.inserted + counts.changed + counts.deleted === 0) return null;
  const place = ({ key: listed }: (typeof rows)[number]): string => JSON.stringify(listed);
  rows.sort((a, b) => place(a).localeCompare(place(b), 'en', { numeric: true }));
  return { table: nameOf(one), ...counts, rows, note: noteOf(after, before) };
}

function total(table: Counted): number {
  return table.inserted + table.changed + table.deleted;
}

async function measure(context: PostgresContext, server: Server, backup: BackupRecord): Promise<Outcome> {
  const { config, runId, stepId, workDir, log, monotonicMs } = context;
  const startMs = monotonicMs();
  const { output } = await openBackup(context, config.database);
  const admin = await server.connect(config.maintenanceDatabase);
  const facts = await serverFacts(admin);
  if (facts.systemIdentifier !== output.systemIdentifier)
    throw new StepFailure('this is another database server than the one that was backed up');
  const scratch = scratchName(config.scratch.prefix, runId, stepId);
  const comment = `scratch copy made by Sitelift to see what going back to ${backup.backupId} would lose (${runId})`;
  const file = await openLossFile(workDir);
  try {
    await restoreCopy(context, server, admin, facts.major, scratch, comment, output);
    const copy = await openSnapshot(server, scratch);
    const measuredAt = context.nowMs();
    const live = await openSnapshot(server, config.database);
    const names = [...new Set([...live.tables, ...copy.tables].map(nameOf))].sort();
    const side = (of: typeof live, name: string): Side | null => {
      const table = of.tables.find((each) => nameOf(each) === name);
      return table === undefined ? null : { client: of.client, table };
    };
    const differ: TableLoss[] = [];
    for (const name of names) {
      const loss = await compareTable(side(live, name), side(copy, name), file);
      if (loss !== null) differ.push(loss);
    }
    const exportPath = await file.settle();
    const sums = differ.reduce<Counted>(
      (sum, { inserted, changed, deleted }) => ({
        inserted: sum.inserted + inserted, changed: sum.changed + changed, deleted: sum.deleted + deleted,
      }),
      { inserted: 0, changed: 0, deleted: 0 },
    ); // prettier-ignore
    const listed = differ.toSorted((a, b) => total(b) - total(a)).slice(0, LISTED_TABLES);
    const measureMs = Math.round(monotonicMs() - startMs);
    log.line('note', `compared ${names.length} tables with the backup in ${measureMs} ms: ${total(sums)} rows differ`); // prettier-ignore
    return {
      kind: 'done',
      output: {
        tables: listed.map((table) => ({ ...table })),
        more: differ.length - listed.length,
        ...sums,
        exportPath,
        sinceAt: backup.begunAt,
        measuredAt,
        measureMs,
      },
    };
  } finally {
    await file.close();
    // By a connection of its own: the other may be what broke. A copy that stays is told, and dropped by the next look.
    await dropScratch(context, server, scratch);
  }
}

export const lossAction: Action<PostgresConfig, Record<string, never>> = {
  inputSchema: z.strictObject({}),
  capabilities: ['secrets', 'files', 'process', 'network'],
  flags: LOOKS,
  describe: (config) =>
    `Restore the backup of ${config.database} into a scratch database, say which rows of the live one differ, export them and drop it.`,
  observe: () =>
    Promise.resolve({ state: 'not-applied', facts: {}, differs: 'a look leaves nothing behind to be seen' }),
  apply: (context) =>
    settle(context.signal, 'measuring what would be lost', () => {
      const { backup } = context.target;
      if (backup === null) throw new StepFailure('this run has no backup to compare with');
      return withServer(context, (server) => measure(context, server, backup));
    }),
};
