/**
 * `database/restore`: the backup goes into a new database beside the current one, is compared with what was dumped, and only
 * then takes its place, in one transaction. So a restore that fails leaves the current database as it was, one that succeeds
 * keeps what it replaced, and a worker that is killed at any point leaves something that the next one recognises:
 *
 *   new database        current one           what is done
 *   -                   not marked            restore, compare, mark ready, swap
 *   restoring           not marked            drop it, begin again
 *   ready, this step    not marked            swap
 *   -                   marked by this step   nothing: already done
 *
 * One at a time per database (advisory lock), and never for a worker with a lower fence than the marker's.
 */
import { LOOKS } from '@sitelift/domain/run/plan.ts';
import { createHash } from 'node:crypto';
import type pg from 'pg';
import { z } from 'zod';
import type { Action, Outcome } from '../driver.ts';
import { openBackup } from './backup-file.ts';
import type { PostgresConfig } from './config.ts';
import { commentOnDatabase, databaseExists, dropDatabase } from './database-properties.ts';
import { fenceOfSession, serverFacts, withServer, type PostgresContext, type Server } from './open-server.ts';
import { restoreCopy } from './restore-copy.ts';
import { readMarker, sameRestore, writeMarkedComment, type RestoreMarker } from './restore-marker.ts';
import { codeOf, messageOf, NotNow, settle, StepFailure } from './step-failure.ts';
import { swapDatabases } from './swap-databases.ts';

const MAX_NAME_BYTES = 63;
/** Characters of the run's id that tell it apart: the end of it is random. */
const RUN_CHARS = 10;
/** Any constant; with the hash of the database's name it is the lock's key. */
const LOCK_CLASS = 7_431_906;
const LOCK_WAIT = '3s';
const LOCK_NOT_AVAILABLE = '55P03';

/** `<database><suffix>`, within the length of a name and still one of a kind. */
export function derivedName(database: string, suffix: string): string {
  const name = `${database}${suffix}`;
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 8);
  return `${database.slice(0, MAX_NAME_BYTES - suffix.length - hash.length - 1)}_${hash}${suffix}`;
}

export function incomingName(database: string): string {
  return derivedName(database, '_sitelift_new');
}

export function keptName(database: string, runId: string): string {
  return derivedName(database, `_sitelift_old_${runId.slice(-RUN_CHARS)}`);
}

async function tryLock(admin: pg.Client, database: string): Promise<boolean> {
  await admin.query(`set lock_timeout = '${LOCK_WAIT}'`);
  try {
    await admin.query('select pg_advisory_lock($1, hashtext($2))', [LOCK_CLASS, database]);
    return true;
  } catch (error) {
    if (codeOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    return false;
  } finally {
    await admin.query('reset lock_timeout');
  }
}

/**
 * One restore of a database at a time. A worker that was killed lets go as soon as the server notices. One that is cut off may
 * hold its session for hours: when its session's name tells a lower fence than ours, the session is ended (I-2).
 */
async function lockDatabase(admin: pg.Client, database: string, fence: number): Promise<void> {
  if (await tryLock(admin, database)) return;
  const { rows } = await admin.query<{ pid: number; name: string }>(
    `select l.pid, a.application_name as name from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and l.classid::bigint = $1
        and l.objid = (hashtext($2)::bigint & 4294967295)::text::oid
        and l.database = (select oid from pg_database where datname = current_database())`,
    [LOCK_CLASS, database],
  );
  const older = rows.filter(({ name }) => (fenceOfSession(name) ?? fence) < fence);
  for (const { pid } of older) await admin.query('select pg_terminate_backend($1)', [pid]);
  if (older.length === 0 || !(await tryLock(admin, database)))
    throw new NotNow(`another worker is restoring ${database} at this moment`);
}

function refuseLowerFence(marker: RestoreMarker | null, fence: number): void {
  if (marker !== null && marker.fence > fence)
    throw new StepFailure(`a newer worker is at this database (fence ${marker.fence}, ours is ${fence})`);
}

async function restoreDatabase(context: PostgresContext, server: Server): Promise<Outcome> {
  const { config, runId, stepId, fence, log, monotonicMs } = context;
  const { database } = config;
  const startMs = monotonicMs();
  const { backupId, output } = await openBackup(context, database);
  if (context.target.backup?.grade !== 'restored')
    log.line('note', `${backupId} was never proven by a restore: it is compared before it replaces anything`);
  const admin = await server.connect(config.maintenanceDatabase);
  const facts = await serverFacts(admin);
  if (facts.standby) throw new StepFailure('refused: this database server is a standby');
  if (facts.systemIdentifier !== output.systemIdentifier) {
    throw new StepFailure(
      `refused: this is another database server (${facts.systemIdentifier}) than the one that was dumped (${output.systemIdentifier})`,
    );
  }
  await lockDatabase(admin, database, fence);
  const incoming = incomingName(database);
  const mine = { run: runId, step: stepId, backup: backupId, fence } as const;
  const { comment } = output.properties;

  const current = await readMarker(admin, database);
  if (current !== null && sameRestore(current, mine)) {
    await dropDatabase(admin, incoming);
    return { kind: 'already-done', output: { database, backupId } };
  }
  const found = await readMarker(admin, incoming);
  refuseLowerFence(found, fence);
  if (found?.state === 'ready' && sameRestore(found, mine)) {
    log.line('note', `${incoming} was restored and compared by an earlier attempt`);
  } else {
    const restoring = writeMarkedComment(comment, { state: 'restoring', ...mine });
    await restoreCopy(context, server, admin, facts.major, incoming, restoring, output);
  }
  await commentOnDatabase(admin, incoming, writeMarkedComment(comment, { state: 'ready', ...mine }));
  const restoreMs = Math.round(monotonicMs() - startMs);

  const kept = keptName(database, runId);
  // Of an earlier restore of this same run. Its successor is still in place and will be kept under this name.
  if ((await databaseExists(admin, database)) && (await databaseExists(admin, kept)))
    await dropDatabase(admin, kept);
  const terminator = await server.connect(config.maintenanceDatabase);
  const restored = writeMarkedComment(comment, { state: 'restored', ...mine });
  const replaced = await swapDatabases(
    admin,
    terminator,
    { incoming, current: database, kept, comment: restored },
    async () => {
      const marker = await readMarker(admin, incoming);
      if (marker?.state !== 'ready' || !sameRestore(marker, mine) || marker.fence !== fence)
        throw new StepFailure(`${incoming} was taken over by another worker`);
    },
  );
  log.line('note', `restored ${database}: ${output.tables} tables, ${output.rows} rows${replaced ? `; what was there is kept as ${kept}` : ''}`); // prettier-ignore
  const swapMs = Math.round(monotonicMs() - startMs) - restoreMs;
  return {
    kind: 'done',
    output: {
      database,
      backupId,
      kept: replaced ? kept : null,
      tables: output.tables,
      rows: output.rows,
      restoreMs,
      swapMs,
    },
  };
}

export const restoreAction: Action<PostgresConfig, Record<string, never>> = {
  inputSchema: z.strictObject({}),
  capabilities: ['secrets', 'files', 'process', 'network'],
  flags: { ...LOOKS, disruptive: true, destructive: true, mutates: true },
  describe: (config) =>
    `Restore the backup of this run beside ${config.database}, compare it with what was dumped, and put it in its place; ` +
    'sessions are ended, and what it replaces is kept under another name.',
  observe: async (context) => {
    const { config, runId, stepId, target } = context;
    const { database } = config;
    const { backup } = target;
    if (backup === null)
      return { state: 'not-applied', facts: {}, differs: 'this run has no backup to restore' };
    try {
      return await withServer(context, async (server) => {
        const admin = await server.connect(config.maintenanceDatabase);
        const marker = await readMarker(admin, database);
        const mine = { run: runId, step: stepId, backup: backup.backupId };
        if (marker !== null && sameRestore(marker, mine))
          return {
            state: 'applied',
            facts: { database, backupId: backup.backupId },
            output: { database, backupId: backup.backupId },
          };
        const there = await databaseExists(admin, database);
        const differs = there
          ? `${database} is not the copy that this step restores`
          : `there is no database ${database}`;
        return { state: 'not-applied', facts: { database, exists: there }, differs };
      });
    } catch (error) {
      return { state: 'cannot-tell', reason: messageOf(error) };
    }
  },
  apply: (context) =>
    settle(context.signal, 'restoring the database', () =>
      withServer(context, (server) => restoreDatabase(context, server)),
    ),
};
