/** What the staff hears about going back, in the transaction that journals it: what it would lose, and that it no longer fits. */
import { ROW_CHANGES, tellLoss, type TableLoss } from '@sitelift/domain/run/loss.ts';
import { recordEvent } from '../db/event-store.ts';
import type { Transaction } from '../db/database.ts';
import { saveNotice } from '../db/outbox-store.ts';
import type { RunHandle } from './run-store.ts';
import type { SettleDeps } from './settle-run.ts';

/** A mail names the tables; their rows are on the run's page and in the export. */
const TABLES_IN_MAIL = 10;

function tableLine(table: TableLoss): string {
  const counts = ROW_CHANGES.filter((change) => table[change] > 0).map(
    (change) => `${table[change]} ${change}`,
  );
  return `- ${table.table}: ${counts.join(', ')}${table.note === null ? '' : ` (${table.note})`}`;
}

/** After the question its numbers: who was asked can decide without going to look. Once per measurement. */
export async function tellLossOf(tx: Transaction, run: RunHandle, deps: SettleDeps): Promise<void> {
  const { plan, state, runId } = run;
  if (state.loss === null || deps.staffEmail === null) return;
  const { report, problem } = state.loss;
  await saveNotice(tx, {
    key: `${runId}/loss/${state.lastSeq}/${deps.staffEmail}`,
    event: 'loss-measured',
    recipient: deps.staffEmail,
    customerId: plan.customer.id,
    runId,
    subject: `${plan.instance.slug}: what going back would lose`,
    body: [
      ...(report === null
        ? []
        : [
            `Since the backup was begun (${new Date(report.sinceAt).toISOString()}): ${tellLoss(report)}.`,
            ...report.tables.slice(0, TABLES_IN_MAIL).map(tableLine),
          ]),
      ...(problem === null ? [] : [`It could not be measured: ${problem}.`]),
      ...(report === null || report.exportPath === null
        ? []
        : [`Export: sitelift loss ${runId} --export <file>`]),
      `${deps.publicUrl}/runs/${runId}`,
    ].join('\n'),
  });
}

/** Past the point of no return nothing is stopped at the bail-out minute; somebody must know that the window will not hold. */
export async function pageBailOut(tx: Transaction, run: RunHandle, deps: SettleDeps): Promise<void> {
  const { plan, runId } = run;
  const why = 'from now on, going back would end after the window does';
  await recordEvent(tx, {
    actor: 'engine',
    verb: 'bail-out-passed',
    object: { kind: 'run', id: runId },
    customerId: plan.customer.id,
    before: null,
    after: { windowEndsAt: run.state.windowEndsAt },
    reason: why,
  });
  if (deps.staffEmail === null) return;
  await saveNotice(tx, {
    key: `${runId}/bail-out-passed/${deps.staffEmail}`,
    event: 'bail-out-passed',
    recipient: deps.staffEmail,
    customerId: plan.customer.id,
    runId,
    subject: `${plan.instance.slug}: the bail-out minute has passed`,
    body: [
      `${plan.instance.url} is closed, its point of no return was crossed, and ${why}.`,
      'Nothing was stopped: the step under way has its own time limit, and the upgrade goes on.',
      `${deps.publicUrl}/runs/${runId}`,
    ].join('\n'),
  });
}
