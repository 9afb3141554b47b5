/**
 * Runs as lists show them, from the columns that cache each journal's fold; two queries for any number of runs. The
 * forecast speaks only where something is known: what runs now ends at p95 of the steps still to come, while a run that
 * waits for a window or for a person ends nobody knows when.
 */
import type { RunSummary } from '@sitelift/contract/views.ts';
import type { EnvironmentRole } from '@sitelift/domain/fleet/fleet.ts';
import { forecastStepMs, type StepHistory } from '@sitelift/domain/run/forecast.ts';
import type { Lane, RunStateName, StepState } from '@sitelift/domain/run/events.ts';
import { endedWell } from '@sitelift/domain/run/run-state.ts';
import { sql, type RawBuilder } from 'kysely';
import { decisionNow } from '../../db/clock.ts';
import type { Database, Transaction } from '../../db/database.ts';
import { loadHistory } from '../../engine/load-start-facts.ts';

export interface RunRow {
  readonly id: string;
  readonly upgrade_id: string;
  readonly instance: string;
  readonly customer: string;
  readonly product: string;
  readonly role: EnvironmentRole;
  readonly url: string;
  readonly zone: string;
  readonly from_version: string;
  readonly to_version: string;
  readonly trigger: RunSummary['trigger'];
  readonly requested_by: string;
  readonly state: RunStateName;
  readonly state_detail: string | null;
  readonly waiting_code: string | null;
  readonly current_step: string | null;
  readonly point_crossed: boolean;
  readonly site_open: boolean | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly closed_at: Date | null;
  readonly opened_at: Date | null;
  readonly ended_at: Date | null;
  readonly last_seq: number;
}

export interface StepRow {
  readonly run_id: string;
  readonly lane: 'main' | 'recover';
  readonly step_id: string;
  readonly title: string;
  readonly has_undo: boolean;
  readonly expect_ms: number;
  readonly state: StepState;
  readonly started_seq: number | null;
  readonly started_at: Date | null;
}

/** What is known when a run is shown: the clock of decisions and how long steps took before, by product. */
export interface RunOutlook {
  readonly now: number;
  readonly history: ReadonlyMap<string, StepHistory>;
}

const iso = (at: Date | null): string | null => at?.toISOString() ?? null;

/** Which lane the run is in, as far as its columns tell. */
export function laneOf(row: Pick<RunRow, 'state' | 'point_crossed'>, recovering: boolean): Lane {
  if (recovering) return 'recover';
  if (row.state === 'undoing' || row.state === 'rolled-back' || row.state === 'cancelled') return 'undo';
  if (row.state === 'recovering' || row.state === 'recovered') return 'recover';
  if (row.state === 'needs-a-person') return row.point_crossed ? 'recover' : 'undo';
  return 'main';
}

/** Waiting for a window, a person or a hold to end is no step, and has no forecast. */
const MOVING: readonly RunStateName[] = ['running', 'undoing', 'recovering'];

function forecastEndAt(
  row: RunRow,
  lane: Lane,
  steps: readonly StepRow[],
  outlook: RunOutlook,
): number | null {
  if (!MOVING.includes(row.state)) return null;
  const history = outlook.history.get(row.product) ?? new Map();
  const toCome = steps.filter((step) => {
    if (lane === 'undo')
      return step.lane === 'main' && step.has_undo && step.started_seq !== null && step.state !== 'undone';
    return step.lane === lane && !endedWell(step.state) && step.state !== 'undone';
  });
  const remaining = toCome.map((step) => {
    const takes = forecastStepMs({ id: step.step_id, expectMs: step.expect_ms }, history);
    if (lane === 'undo' || step.state !== 'running' || step.started_at === null) return takes;
    return Math.max(0, takes - (outlook.now - step.started_at.getTime()));
  });
  return outlook.now + remaining.reduce((sum, ms) => sum + ms, 0);
}

export function runSummary(row: RunRow, steps: readonly StepRow[], outlook: RunOutlook): RunSummary {
  const recovering = steps.some((step) => step.lane === 'recover' && step.started_seq !== null);
  const lane = laneOf(row, recovering);
  const ofLane = steps.filter((step) => step.lane === (lane === 'recover' ? 'recover' : 'main'));
  const current = ofLane.find((step) => step.step_id === row.current_step);
  const endAt = forecastEndAt(row, lane, steps, outlook);
  return {
    id: row.id,
    upgrade: row.upgrade_id,
    instance: row.instance,
    customer: row.customer,
    role: row.role,
    url: row.url,
    zone: row.zone,
    fromVersion: row.from_version,
    toVersion: row.to_version,
    trigger: row.trigger,
    requestedBy: row.requested_by,
    state: row.state,
    detail: row.state_detail,
    waitingCode: row.waiting_code,
    step: current === undefined ? null : { id: current.step_id, title: current.title, lane },
    stepsDone: ofLane.filter((step) => endedWell(step.state)).length,
    stepsTotal: ofLane.length,
    pointCrossed: row.point_crossed,
    siteOpen: row.site_open,
    createdAt: row.created_at.toISOString(),
    startedAt: iso(row.started_at),
    closedAt: iso(row.closed_at),
    openedAt: iso(row.opened_at),
    endedAt: iso(row.ended_at),
    forecastEndAt: endAt === null ? null : new Date(endAt).toISOString(),
  };
}

export async function loadRunRows(
  db: Database | Transaction,
  condition: RawBuilder<unknown>,
  limit: number,
): Promise<readonly RunRow[]> {
  const { rows } = await sql<RunRow>`
    select r.id, r.upgrade_id, i.slug as instance, c.slug as customer, p.slug as product, i.role, i.url, i.zone,
           r.from_version, r.to_version, u.trigger, u.requested_by, r.state, r.state_detail, r.waiting_code,
           r.current_step, r.point_crossed, r.site_open, r.created_at, r.started_at, r.closed_at, r.opened_at,
           r.ended_at, r.last_seq
      from run r join upgrade u on u.id = r.upgrade_id join instance i on i.id = r.instance_id
           join customer c on c.id = i.customer_id join product p on p.id = i.product_id
     where ${condition} order by r.id desc limit ${limit}`.execute(db);
  return rows;
}

export async function loadOutlook(
  db: Database | Transaction,
  products: readonly string[],
): Promise<RunOutlook> {
  const history = new Map<string, StepHistory>();
  for (const product of new Set(products)) history.set(product, await loadHistory(db, product));
  return { now: await decisionNow(db), history };
}

async function summaries(db: Database, rows: readonly RunRow[]): Promise<RunSummary[]> {
  if (rows.length === 0) return [];
  const { rows: steps } = await sql<StepRow>`
    select run_id, lane, step_id, title, has_undo, expect_ms, state, started_seq, started_at from run_step
     where run_id = any(${rows.map((row) => row.id)}) order by run_id, lane, position`.execute(db);
  const byRun = Map.groupBy(steps, (step) => step.run_id);
  const open = rows.filter((row) => row.ended_at === null);
  const outlook = await loadOutlook(
    db,
    open.map((row) => row.product),
  );
  return rows.map((row) => runSummary(row, byRun.get(row.id) ?? [], outlook));
}

export interface RunQuery {
  /** Slug or id of an instance. */
  readonly instance: string | null;
  readonly state: 'open' | 'ended' | 'all';
  readonly limit: number;
  /** Id of the last run already seen: only older ones. */
  readonly before: string | null;
}

/** Newest first (ids sort by creation). */
export async function listRuns(db: Database, query: RunQuery): Promise<RunSummary[]> {
  const { instance, state, before } = query;
  const condition = sql`
    ${instance === null ? sql`true` : sql`(i.slug = ${instance} or i.id = ${instance})`}
    and ${state === 'all' ? sql`true` : state === 'open' ? sql`r.ended_at is null` : sql`r.ended_at is not null`}
    and ${before === null ? sql`true` : sql`r.id < ${before}`}`;
  return summaries(db, await loadRunRows(db, condition, query.limit));
}

/** How long a run that has ended is still shown among those that are open. */
const JUST_ENDED_MINUTES = 10;
/** No screen shows more at once; a night of more is read by `listRuns`. */
const LIVE_LIMIT = 500;

function liveCondition(): RawBuilder<unknown> {
  return sql`(r.ended_at is null or r.ended_at > app_now() - ${JUST_ENDED_MINUTES} * interval '1 minute')`;
}

/** Changes whenever anything that `listLiveRuns` shows may have changed, the passing of time aside; cheap to ask for. */
export async function liveRunsMark(db: Database): Promise<string> {
  const { rows } = await sql<{ mark: string | null }>`
    select string_agg(r.id || ':' || r.last_seq, ',' order by r.id) as mark from run r where ${liveCondition()}`.execute(
    db,
  );
  return rows[0]?.mark ?? '';
}

/** Open and just ended runs, newest first. */
export async function listLiveRuns(db: Database): Promise<RunSummary[]> {
  return summaries(db, await loadRunRows(db, liveCondition(), LIVE_LIMIT));
}
