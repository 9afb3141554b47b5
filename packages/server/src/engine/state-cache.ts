/**
 * Writes the cache of a run's folded state: the columns of `run` and `run_step`. Screens read it and the SQL guards stand
 * on it, so it changes in the same transaction as the journal and is tested to equal the fold.
 */
import { findStep } from '@sitelift/domain/run/apply-event.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import { runStateName, type RunState, type StepRecord } from '@sitelift/domain/run/run-state.ts';
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';

/** What a step waits for that will be tried again by itself: a proxy or a database that does not answer. */
function waitsFor(state: RunState): string | null {
  if (state.ended !== null) return null;
  const records = Object.values({ ...state.steps[state.phase] });
  return records.find((record) => record.state === 'retrying')?.reason ?? null;
}

function detail(state: RunState): string | null {
  const { asked, held, paused, endingReason } = state;
  return asked?.question ?? held?.reason ?? paused?.reason ?? waitsFor(state) ?? endingReason;
}

/** The step that a person would say the run is at: the one running, else the last one begun. */
function currentStep(state: RunState): string | null {
  const records = Object.entries({ ...state.steps[state.phase === 'recover' ? 'recover' : 'main'] });
  const running =
    records.find(([, record]) => record.state === 'running' || record.state === 'unknown') ??
    records.find(([, record]) => record.state === 'waiting');
  if (running !== undefined) return running[0];
  const begun = records.filter(([, record]) => record.startedSeq !== null);
  return begun.toSorted((a, b) => (b[1].startedSeq ?? 0) - (a[1].startedSeq ?? 0))[0]?.[0] ?? null;
}

function at(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}

export async function saveRunCache(tx: Transaction, runId: string, state: RunState): Promise<void> {
  await sql`
    update run set
      state = ${runStateName(state)}, state_detail = ${detail(state)},
      waiting_code = ${state.asked?.code ?? state.held?.code ?? null}, current_step = ${currentStep(state)},
      last_seq = ${state.lastSeq}, point_crossed = ${state.pointCrossed},
      last_mutation_seq = ${state.lastMutationSeq},
      observed_version = ${state.observed?.site.version ?? null}, observed_write_ok = ${state.observed?.site.writeOk ?? null},
      observed_seq = ${state.observed?.seq ?? 0},
      closed_at = coalesce(${at(state.closedAt)}, closed_at), opened_at = ${at(state.openedAt)},
      site_open = ${state.ended === null ? state.closedAt === null : state.ended.siteOpen},
      started_at = coalesce(started_at, case when ${state.started} then app_now() end),
      ended_at = ${at(state.ended?.at ?? null)}
    where id = ${runId}`.execute(tx);
}

/** Rows of the steps whose record changed. */
export async function saveStepCache(
  tx: Transaction,
  runId: string,
  before: RunState,
  after: RunState,
): Promise<void> {
  for (const lane of ['main', 'recover'] as const) {
    for (const [step, record] of Object.entries(after.steps[lane])) {
      if (before.steps[lane][step] === record) continue;
      await saveStep(tx, runId, lane, step, record);
    }
  }
}

/** What the guard on opening asks of a gate (semantics 10): `passed` or `overridden`, and nothing else. */
function gateWord({ gate }: StepRecord): string | null {
  return gate?.state === 'decided' ? (gate.decided?.as ?? null) : (gate?.state ?? null);
}

async function saveStep(
  tx: Transaction,
  runId: string,
  lane: string,
  step: string,
  record: StepRecord,
): Promise<void> {
  await sql`
    update run_step set
      state = ${record.state}, state_detail = ${record.reason}, attempt = ${record.attempt},
      not_applied = ${record.notApplied}, started_seq = ${record.startedSeq},
      started_at = ${at(record.startedAt)}, ended_at = ${at(record.endedAt)},
      gate = ${gateWord(record)}, waits_until = ${at(record.state === 'waiting' ? record.deadline : null)}
    where run_id = ${runId} and lane = ${lane} and step_id = ${step}`.execute(tx);
}

/** How long a step of the main lane took, for later forecasts; only clean first attempts say anything. */
export async function saveDuration(
  tx: Transaction,
  runId: string,
  plan: RunPlan,
  step: string,
  record: StepRecord,
): Promise<void> {
  const planned = findStep(plan, 'main', step);
  if (
    (planned?.kind !== 'uses' && planned?.kind !== 'gate') ||
    record.attempt !== 1 ||
    record.startedAt === null ||
    record.endedAt === null
  )
    return;
  await sql`
    insert into step_duration (product, action, step_id, run_id, took_ms, ended_at)
    values (${plan.product}, ${planned.kind === 'gate' ? `gate/${planned.gate}` : planned.run.action}, ${step}, ${runId}, ${record.endedAt - record.startedAt},
            ${at(record.endedAt)})`.execute(tx);
}
