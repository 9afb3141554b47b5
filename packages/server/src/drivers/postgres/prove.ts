/**
 * `database/prove`: a backup is proven by being restored, into a scratch database that goes away again whatever happens;
 * compared with what was counted in the dump's own snapshot; and written to by the application's own check. Only then is
 * its grade `restored`.
 */
import { LOOKS } from '@sitelift/domain/run/plan.ts';
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BackupRecord } from '@sitelift/domain/run/events.ts';
import type { Action, Outcome } from '../driver.ts';
import { openBackup } from './backup-file.ts';
import type { PostgresConfig } from './config.ts';
import { dropDatabase } from './database-properties.ts';
import { serverFacts, withServer, type PostgresContext, type Server } from './open-server.ts';
import { restoreCopy } from './restore-copy.ts';
import { messageOf, settle, StepFailure } from './step-failure.ts';
import { runWriteCheck } from './write-check.ts';

const NAME_CHARS = 16;

/** The same for every attempt of a step, so that the next one finds and drops what a killed one left. */
export function scratchName(prefix: string, runId: string, stepId: string): string {
  return `${prefix}_${createHash('sha256').update(`${runId}/${stepId}`).digest('hex').slice(0, NAME_CHARS)}`;
}

async function proveBackup(context: PostgresContext, server: Server, backup: BackupRecord): Promise<Outcome> {
  const { config, runId, stepId, attempt, monotonicMs, log } = context;
  const startMs = monotonicMs();
  const { output } = await openBackup(context, config.database);
  const admin = await server.connect(config.maintenanceDatabase);
  const facts = await serverFacts(admin);
  if (facts.standby)
    throw new StepFailure('this database server is a standby: nothing can be restored on it');
  const scratch = scratchName(config.scratch.prefix, runId, stepId);
  const comment = `scratch copy made by Sitelift to prove ${backup.backupId} (${runId}, ${stepId}, attempt ${attempt})`;
  try {
    await restoreCopy(context, server, admin, facts.major, scratch, comment, output);
    const restoreMs = Math.round(monotonicMs() - startMs);
    log.line('note', `restored into ${scratch} and compared: ${output.tables} tables, ${output.rows} rows as dumped, ${restoreMs} ms`); // prettier-ignore
    const writeChecked = await runWriteCheck(context, server, scratch);
    if (!writeChecked) log.line('note', 'no write check is configured for restored copies');
    const proofMs = Math.round(monotonicMs() - startMs);
    return {
      kind: 'done',
      backup: { ...backup, grade: 'restored' },
      output: { proof: { restoreMs, proofMs, tables: output.tables, rows: output.rows, writeChecked } },
    };
  } finally {
    // By a connection of its own: the other may be what broke. A copy that stays is told, and dropped by the next proof.
    await dropScratch(context, server, scratch);
  }
}

export async function dropScratch(context: PostgresContext, server: Server, scratch: string): Promise<void> {
  try {
    const admin = await server.connect(context.config.maintenanceDatabase, 'tidying');
    await dropDatabase(admin, scratch);
  } catch (error) {
    context.log.line('err', `the scratch database ${scratch} could not be dropped: ${messageOf(error)}`);
  }
}

export const proveAction: Action<PostgresConfig, Record<string, never>> = {
  inputSchema: z.strictObject({}),
  capabilities: ['secrets', 'files', 'process', 'network'],
  flags: LOOKS,
  describe: (config) =>
    `Restore the backup of ${config.database} into a scratch database, compare it with what was dumped` +
    `${config.writeCheck === undefined ? '' : ', run the write check on it'} and drop it.`,
  observe: () =>
    Promise.resolve({ state: 'not-applied', facts: {}, differs: 'a proof leaves nothing behind to be seen' }),
  apply: (context) =>
    settle(context.signal, 'proving the backup', () => {
      const { backup } = context.target;
      if (backup === null) throw new StepFailure('this run has no backup to prove');
      return withServer(context, (server) => proveBackup(context, server, backup));
    }),
};
