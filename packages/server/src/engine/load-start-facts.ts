/**
 * Reads what a run must know of the world before it may commit, in the caller's transaction: stop-the-world, withdrawal,
 * freezes, the window, and how long its steps took before. Instants are compared here as they were resolved in the domain.
 */
import type { MaintenanceWindow, Scope } from '@sitelift/domain/fleet/fleet.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import type { StartFacts } from '@sitelift/domain/run/start-facts.ts';
import type { StepHistory } from '@sitelift/domain/run/forecast.ts';
import { inScope, nextOccurrence, windowsOf } from '@sitelift/domain/time/window-occurrences.ts';
import { sql } from 'kysely';
import { decisionNow } from '../db/clock.ts';
import type { Database, Transaction } from '../db/database.ts';

/** A forecast looks at this many past durations of a step. */
const HISTORY_RUNS = 20;

export async function loadHistory(tx: Database | Transaction, product: string): Promise<StepHistory> {
  const { rows } = await sql<{ step_id: string; took: readonly number[] }>`
    select step_id, array_agg(took_ms) as took
      from (select step_id, took_ms, row_number() over (partition by step_id order by ended_at desc) as nth
              from step_duration where product = ${product}) recent
     where nth <= ${HISTORY_RUNS} group by step_id`.execute(tx);
  return new Map(rows.map((row) => [row.step_id, row.took.map(Number)]));
}

/** Of the instances that the plan waits for: those whose last upgrade went to the same release and ended well. */
async function loadUpgraded(tx: Transaction, plan: RunPlan): Promise<ReadonlySet<string>> {
  const awaited = plan.steps.flatMap((step) =>
    step.kind === 'wait' && step.until.kind === 'upgrade' ? step.until.instances.map(({ id }) => id) : [],
  );
  if (awaited.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`
    select last.instance_id as id
      from (select distinct on (instance_id) instance_id, id, to_release_id from upgrade
             where instance_id = any(${awaited}) order by instance_id, created_at desc, id desc) last
      join run r on r.upgrade_id = last.id
     where last.to_release_id = ${plan.to.releaseId} and r.state = 'succeeded'`.execute(tx);
  return new Set(rows.map(({ id }) => id));
}

interface ScopedRow {
  readonly scope: Scope;
}

export async function loadStopped(tx: Transaction): Promise<StartFacts['stopped']> {
  const { rows } = await sql<{ by: string; reason: string }>`select by, reason from stop_the_world`.execute(
    tx,
  );
  return rows[0] ?? null;
}

export async function loadStartFacts(
  tx: Transaction,
  plan: RunPlan,
): Promise<{ readonly now: number; readonly facts: StartFacts }> {
  const now = await decisionNow(tx);
  const { rows: instances } = await sql<{ labels: readonly string[] }>`
    select labels from instance where id = ${plan.instance.id}`.execute(tx);
  const subject = { id: plan.instance.id, customerId: plan.customer.id, labels: instances[0]?.labels ?? [] };

  const release = await sql<{ withdrawn_reason: string | null }>`
    select coalesce(withdrawn_reason, 'no reason given') as withdrawn_reason from release
     where id = ${plan.to.releaseId} and withdrawn_at is not null`.execute(tx);
  const freezes = await sql<ScopedRow & { reason: string; until_at: Date | null }>`
    select scope, reason, until_at from change_freeze
     where from_at <= ${new Date(now)} and (until_at is null or until_at > ${new Date(now)}) order by until_at desc nulls first`.execute(
    tx,
  );
  const frozen = freezes.rows.find((freeze) => inScope(freeze.scope, subject));
  const windows = await sql<MaintenanceWindow>`
    select id, scope, days, start, zone, length_ms as "lengthMs", cut_off_ms as "cutOffMs" from maintenance_window`.execute(
    tx,
  );
  const mine = windowsOf(subject, windows.rows);

  return {
    now,
    facts: {
      stopped: await loadStopped(tx),
      releaseWithdrawn: release.rows[0]?.withdrawn_reason ?? null,
      freeze:
        frozen === undefined ? null : { reason: frozen.reason, untilAt: frozen.until_at?.getTime() ?? null },
      window: plan.anyTime ? 'any-time' : nextOccurrence(mine, plan.instance.zone, now),
      history: await loadHistory(tx, plan.product),
      upgraded: await loadUpgraded(tx, plan),
    },
  };
}
