/**
 * A person's word to a run, as one transaction: the verdict is taken under the run's row lock, its events are appended
 * (fence 0: no worker wrote them), the audit says who and why, and the run is woken.
 */
import { foldRun } from '@sitelift/domain/run/apply-event.ts';
import { decideCommand, type RunCommand } from '@sitelift/domain/run/command-verdict.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { appendEvents, loadJournal, toEvent, type RunHooks } from './pg-run-store.ts';

export interface CommandDeps {
  readonly db: Database;
  readonly hooks: RunHooks;
}

/** A person's events carry no fence: only workers hold one. */
const NO_FENCE = 0;

export type CommandResult =
  | { readonly ok: true; readonly does: string }
  | { readonly ok: false; readonly found: boolean; readonly reasons: readonly string[] };

export async function commandRun(
  deps: CommandDeps,
  runId: string,
  command: RunCommand,
): Promise<CommandResult> {
  return deps.db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ upgrade_id: string; plan: RunPlan; fence: number }>`
      select upgrade_id, plan, fence from run where id = ${runId} for update`.execute(tx);
    const [row] = rows;
    if (row === undefined) return { ok: false, found: false, reasons: [`there is no run ${runId}`] };
    const journal = await loadJournal(tx, runId, 0);
    const state = foldRun(row.plan, journal.map(toEvent));
    const verdict = decideCommand(row.plan, state, command);
    if (!verdict.allowed) return { ok: false, found: true, reasons: verdict.reasons };
    const handle = {
      runId,
      upgradeId: row.upgrade_id,
      plan: row.plan,
      fence: row.fence,
      state,
      lastHash: journal.at(-1)?.hash ?? '',
    };
    await appendEvents(tx, handle, verdict.events, NO_FENCE, deps.hooks);
    await sql`update run set wake_at = app_now() where id = ${runId} and leased_by is null`.execute(tx);
    await recordEvent(tx, {
      actor: command.actor,
      verb: `run-${command.verb}`,
      object: { kind: 'run', id: runId },
      customerId: row.plan.customer.id,
      before: null,
      after: {
        step: command.step,
        as: command.as,
        evidence: command.evidence,
        does: verdict.does,
        ...(command.observed == null ? {} : { observed: command.observed }),
        ...(command.backup == null ? {} : { backup: command.backup }),
      },
      reason: command.reason,
    });
    await deps.hooks.wake(tx, runId, null);
    return { ok: true, does: verdict.does };
  });
}
