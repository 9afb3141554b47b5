/**
 * One run with everything that its screen shows: steps with forecasts, the plan's hashes, the backup, the notices, and what
 * this caller may tell the run now. The last comes from `decideCommand` over the journal's fold, the same function that
 * takes the command, so that a button can never promise what the command refuses.
 */
import { SCOPES_OF_ROLE, STAFF_ROLES } from '@sitelift/contract/views.ts';
import type { RunStepView, RunView, Scope } from '@sitelift/contract/views.ts';
import { foldRun } from '@sitelift/domain/run/apply-event.ts';
import { decideCommand, RUN_VERBS, type RunVerb } from '@sitelift/domain/run/command-verdict.ts';
import { forecastStepMs, type StepHistory } from '@sitelift/domain/run/forecast.ts';
import type { BackupGrade, RunPlan } from '@sitelift/domain/run/plan.ts';
import type { RunState } from '@sitelift/domain/run/run-state.ts';
import { signalsOf } from '@sitelift/domain/run/signal-verdict.ts';
import { sql } from 'kysely';
import type { Database, Transaction } from '../../db/database.ts';
import { loadJournal, toEvent } from '../../engine/pg-run-store.ts';
import { gateView } from './gate-view.ts';
import { bailOutView, lossView } from './loss-views.ts';
import { loadOutlook, loadRunRows, runSummary, type StepRow } from './runs-views.ts';

type FullStepRow = StepRow & {
  readonly kind: RunStepView['kind'];
  readonly action: string | null;
  readonly driver: string | null;
  readonly needs: readonly string[];
  readonly state_detail: string | null;
  readonly attempt: number;
  readonly ended_at: Date | null;
  readonly marked: boolean;
  readonly closes: boolean;
  readonly opens: boolean;
  readonly switches: boolean;
  readonly manual: boolean;
  readonly waits_until: Date | null;
};

interface UpgradeRow {
  readonly plan: RunPlan;
  readonly content_hash: string;
  readonly schedule_hash: string;
}

/** Told to a run that asks what it may do: formalities that a person fills in are not what stands in the way. */
const FILLED_IN = {
  step: null,
  actor: '',
  reason: '…',
  evidence: '…',
  as: 'applied',
  observed: { version: null, healthy: true, writeOk: true, problem: null },
  backup: { backupId: '', grade: 'restored', begunAt: 0, bytes: 0 },
} as const;

/** The first role that has a scope, for people who lack it. */
export function roleWith(scope: Scope): string {
  return STAFF_ROLES.find((role) => SCOPES_OF_ROLE[role].includes(scope)) ?? 'admin';
}

function actionFor(
  plan: RunPlan,
  state: RunState,
  name: RunVerb,
  scopes: readonly Scope[],
): RunView['actions'][number] {
  if (!scopes.includes('operate'))
    return { name, allowed: false, does: null, reasons: [`this needs the role ${roleWith('operate')}`] };
  const verdict = decideCommand(plan, state, { verb: name, ...FILLED_IN });
  return verdict.allowed
    ? { name, allowed: true, does: verdict.does, reasons: [] }
    : { name, allowed: false, does: null, reasons: [...verdict.reasons] };
}

function stepView(row: FullStepRow, history: StepHistory): Omit<RunStepView, 'gate'> {
  return {
    lane: row.lane,
    id: row.step_id,
    title: row.title,
    kind: row.kind,
    action: row.action,
    driver: row.driver,
    needs: [...row.needs],
    state: row.state,
    detail: row.state_detail,
    attempt: row.attempt,
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    expectMs: row.expect_ms,
    forecastMs: forecastStepMs({ id: row.step_id, expectMs: row.expect_ms }, history),
    pointOfNoReturn: row.marked,
    closes: row.closes,
    opens: row.opens,
    switches: row.switches,
    manual: row.manual,
    waitsUntil: row.waits_until?.toISOString() ?? null,
  };
}

/** A signal that a run knows, as its journal has it. */
export function signalView(state: RunState, name: string): RunView['signals'][number] {
  const received = state.signals[name];
  return {
    name,
    receivedAt: received === undefined ? null : new Date(received.at).toISOString(),
    by: received?.by ?? null,
  };
}

async function loadBackup(tx: Transaction, runId: string): Promise<RunView['backup']> {
  const { rows } = await sql<{
    id: string;
    grade: BackupGrade;
    begun_at: Date;
    finished_at: Date;
    bytes: number;
  }>`
    select id, grade, begun_at, finished_at, bytes from backup where run_id = ${runId}
     order by finished_at desc limit 1`.execute(tx);
  const [row] = rows;
  if (row === undefined) return null;
  const { id, grade, bytes } = row;
  return {
    id,
    grade,
    begunAt: row.begun_at.toISOString(),
    finishedAt: row.finished_at.toISOString(),
    bytes,
  };
}

async function loadNotices(tx: Transaction, runId: string): Promise<RunView['notices']> {
  const { rows } = await sql<{
    event: string;
    recipient: string;
    subject: string;
    state: string;
    sent_at: Date | null;
    last_error: string | null;
  }>`
    select event, recipient, subject, state, sent_at, last_error from notice where run_id = ${runId} order by id`.execute(
    tx,
  );
  return rows.map(({ event, recipient, subject, state, sent_at, last_error }) => ({
    event,
    recipient,
    subject,
    state,
    sentAt: sent_at?.toISOString() ?? null,
    error: last_error,
  }));
}

/** The state of a run folded from its journal, with its plan. Null for an unknown id. */
export async function loadRunState(
  db: Database | Transaction,
  runId: string,
): Promise<{ readonly plan: RunPlan; readonly state: RunState } | null> {
  const { rows } = await sql<{ plan: RunPlan }>`select plan from run where id = ${runId}`.execute(db);
  const [row] = rows;
  if (row === undefined) return null;
  const journal = await loadJournal(db, runId, 0);
  return { plan: row.plan, state: foldRun(row.plan, journal.map(toEvent)) };
}

/** Null for an unknown id. One snapshot of the database, so that steps and state cannot disagree. */
export async function getRun(db: Database, runId: string, scopes: readonly Scope[]): Promise<RunView | null> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (tx) => {
      const [row] = await loadRunRows(tx, sql`r.id = ${runId}`, 1);
      const folded = await loadRunState(tx, runId);
      if (row === undefined || folded === null) return null;
      const { rows: upgrades } = await sql<UpgradeRow>`
        select content_hash, schedule_hash from upgrade where id = ${row.upgrade_id}`.execute(tx);
      const { rows: steps } = await sql<FullStepRow>`
        select * from run_step where run_id = ${runId} order by lane, position`.execute(tx);
      const outlook = await loadOutlook(tx, [row.product]);
      const history = outlook.history.get(row.product) ?? new Map();
      const { plan, state } = folded;
      const { window } = plan;
      return {
        ...runSummary(row, steps, outlook),
        playbook: plan.playbook,
        recover:
          plan.recover === null
            ? null
            : { name: plan.recover.playbook.name, digest: plan.recover.playbook.digest },
        contentHash: upgrades[0]?.content_hash ?? '',
        scheduleHash: upgrades[0]?.schedule_hash ?? '',
        window:
          window === null
            ? null
            : {
                opensAt: new Date(window.opensAt).toISOString(),
                closesAt: new Date(window.closesAt).toISOString(),
                cutOffAt: new Date(window.cutOffAt).toISOString(),
              },
        steps: steps.map((step) => ({
          ...stepView(step, history),
          gate: gateView(plan, state, step.lane, step.step_id),
        })),
        backup: await loadBackup(tx, runId),
        loss: lossView(state, scopes.includes('operate')),
        bailOutAt: bailOutView(plan, state, history),
        signals: signalsOf(plan).map((name) => signalView(state, name)),
        notices: await loadNotices(tx, runId),
        actions: RUN_VERBS.map((verb) => actionFor(plan, state, verb, scopes)),
      };
    });
}
