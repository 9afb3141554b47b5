/**
 * Somebody's word to a run, as one transaction: the verdict is taken under the run's row lock over the whole journal, its
 * events are appended (fence 0: no worker wrote them), the audit says who and why, and the run is woken. Whoever parks the run
 * at that moment finds that somebody wrote meanwhile and looks again: no word is lost between a look and a sleep.
 */
import { foldRun } from '@sitelift/domain/run/apply-event.ts';
import type { CommandVerdict } from '@sitelift/domain/run/command-verdict.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import type { RunState } from '@sitelift/domain/run/run-state.ts';
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
  | { readonly ok: true; readonly does: string; readonly state: RunState }
  | {
      readonly ok: false;
      readonly found: boolean;
      readonly reasons: readonly string[];
      readonly code?: 'gate-decided';
    };

export interface Word {
  readonly actor: string;
  readonly verb: string;
  readonly reason: string;
  /** For the audit: what was said. */
  readonly said: Readonly<Record<string, unknown>>;
}

/** What is known of a run when a word to it is judged. `requestedBy`: who asked for its upgrade. */
export interface RunFacts {
  readonly plan: RunPlan;
  readonly state: RunState;
  readonly requestedBy: string;
}

export async function tellRun(
  deps: CommandDeps,
  runId: string,
  word: Word,
  decide: (facts: RunFacts) => CommandVerdict,
): Promise<CommandResult> {
  return deps.db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ upgrade_id: string; plan: RunPlan; fence: number; requested_by: string }>`
      select r.upgrade_id, r.plan, r.fence, u.requested_by from run r join upgrade u on u.id = r.upgrade_id
       where r.id = ${runId} for update of r`.execute(tx);
    const [row] = rows;
    if (row === undefined) return { ok: false, found: false, reasons: [`there is no run ${runId}`] };
    const journal = await loadJournal(tx, runId, 0);
    const state = foldRun(row.plan, journal.map(toEvent));
    const verdict = decide({ plan: row.plan, state, requestedBy: row.requested_by });
    if (!verdict.allowed) {
      const code = verdict.code === undefined ? {} : { code: verdict.code };
      return { ok: false, found: true, reasons: verdict.reasons, ...code };
    }
    const { does, events } = verdict;
    if (events.length === 0) return { ok: true, does, state };
    const handle = {
      runId,
      upgradeId: row.upgrade_id,
      plan: row.plan,
      fence: row.fence,
      state,
      lastHash: journal.at(-1)?.hash ?? '',
    };
    const told = await appendEvents(tx, handle, events, NO_FENCE, deps.hooks);
    await sql`update run set wake_at = app_now() where id = ${runId} and leased_by is null`.execute(tx);
    await recordEvent(tx, {
      actor: word.actor,
      verb: word.verb,
      object: { kind: 'run', id: runId },
      customerId: row.plan.customer.id,
      before: null,
      after: { ...word.said, does },
      reason: word.reason,
    });
    await deps.hooks.wake(tx, runId, null);
    return { ok: true, does, state: told.state };
  });
}
