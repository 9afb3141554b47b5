/**
 * Saves an upgrade with its frozen plan and its run: everything that a night's decision turns into, in one transaction with
 * its audit event and its first wake-up. Nothing of it is changed afterwards but by the engine.
 */
import type { Reason } from '@sitelift/domain/planning/decision.ts';
import { mutatesSite, type PlannedStep, type RunPlan } from '@sitelift/domain/run/plan.ts';
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { newId } from '../db/new-id.ts';
import { hashPlan } from './hash-plan.ts';

export type UpgradeTrigger = 'emergency' | 'booked' | 'nightly' | 'requested';

export interface NewUpgrade {
  readonly plan: RunPlan;
  readonly trigger: UpgradeTrigger;
  readonly actor: string;
  readonly reason: string;
  /** Why it may start, as the planner said. */
  readonly reasons: readonly Reason[];
}

/** An upgrade of this instance that is not over yet, if there is one. The instance's row must be locked. */
export async function findOpenUpgrade(tx: Transaction, instanceId: string): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from upgrade where instance_id = ${instanceId} and ended_at is null limit 1`.execute(tx);
  return rows[0]?.id ?? null;
}

export async function saveUpgrade(
  tx: Transaction,
  input: NewUpgrade,
): Promise<{ upgradeId: string; runId: string }> {
  const { plan, trigger, actor, reason } = input;
  const upgradeId = newId('upg');
  const runId = newId('run');
  const { contentHash, scheduleHash } = hashPlan(plan);
  await sql`
    insert into upgrade (id, customer_id, instance_id, from_version, to_release_id, to_version, trigger, requested_by, reason,
                         reasons, content_hash, schedule_hash)
    values (${upgradeId}, ${plan.customer.id}, ${plan.instance.id}, ${plan.from.version}, ${plan.to.releaseId},
            ${plan.to.version}, ${trigger}, ${actor}, ${reason}, ${JSON.stringify(input.reasons)}::jsonb, ${contentHash},
            ${scheduleHash})`.execute(tx);
  await sql`
    insert into run (id, upgrade_id, instance_id, plan, from_version, to_version, wake_at)
    values (${runId}, ${upgradeId}, ${plan.instance.id}, ${JSON.stringify(plan)}::jsonb, ${plan.from.version},
            ${plan.to.version}, app_now())`.execute(tx);
  await insertSteps(tx, runId, plan);
  await recordEvent(tx, {
    actor,
    verb: 'upgrade-planned',
    object: { kind: 'upgrade', id: upgradeId },
    customerId: plan.customer.id,
    before: { version: plan.from.version },
    after: {
      version: plan.to.version,
      run: runId,
      trigger,
      playbook: plan.playbook,
      contentHash,
      scheduleHash,
    },
    reason,
  });
  return { upgradeId, runId };
}

/** The rows of a new run's steps, from its plan. */
async function insertSteps(tx: Transaction, runId: string, plan: RunPlan): Promise<void> {
  const lanes: readonly (readonly ['main' | 'recover', readonly PlannedStep[]])[] = [
    ['main', plan.steps],
    ['recover', plan.recover?.steps ?? []],
  ];
  for (const [lane, steps] of lanes) {
    for (const [position, step] of steps.entries()) await insertStep(tx, runId, lane, position, step);
  }
}

/** What ends a wait, as words that whoever ends it can look up: `signal:<name>`, `upgrade:<instance>`. */
function waitsFor(step: PlannedStep): string[] {
  if (step.kind === 'gate') return [`gate:${step.gate}`];
  if (step.kind !== 'wait') return [];
  switch (step.until.kind) {
    case 'signal':
      return [`signal:${step.until.name}`];
    case 'upgrade':
      return step.until.instances.map(({ id }) => `upgrade:${id}`);
    case 'instant':
    case 'window':
      return [step.until.kind];
    default:
      return step.until satisfies never;
  }
}

async function insertStep(
  tx: Transaction,
  runId: string,
  lane: string,
  position: number,
  step: PlannedStep,
): Promise<void> {
  const flags = step.kind === 'uses' ? step.run.flags : null;
  await sql`
    insert into run_step (run_id, lane, step_id, position, title, kind, action, driver, needs, has_undo, marked, mutates,
                          closes, opens, switches, expect_ms, manual, waits_for)
    values (${runId}, ${lane}, ${step.id}, ${position}, ${step.title}, ${step.kind},
            ${step.kind === 'uses' ? step.run.action : null}, ${step.kind === 'uses' ? step.run.driver : null},
            ${[...step.needs]}::text[], ${step.kind === 'uses' && step.undo !== null},
            ${step.kind === 'uses' && step.pointOfNoReturn}, ${flags !== null && mutatesSite(flags)},
            ${flags?.closesSite ?? false}, ${flags?.opensSite ?? false}, ${flags?.switchesTraffic ?? false},
            ${step.expectMs}, ${step.kind === 'uses' && step.manual === true}, ${waitsFor(step)}::text[])`.execute(
    tx,
  );
}
