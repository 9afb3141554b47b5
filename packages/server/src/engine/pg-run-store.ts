/**
 * Runs in PostgreSQL. Every write locks the run's row first and compares the fence, so a worker that was thought dead can
 * do no harm (I-2); what people appended meanwhile is folded in before anything new is written; journal, caches, audit,
 * notices and wake-ups go in one transaction. Lock order: run, then instance_claim, then the rest.
 */
import { createHash } from 'node:crypto';
import { applyEvent, foldRun } from '@sitelift/domain/run/apply-event.ts';
import type { RunEvent, RunEventBody } from '@sitelift/domain/run/events.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import { stepRecord, type RunState } from '@sitelift/domain/run/run-state.ts';
import { checkCommit, checkStopped } from '@sitelift/domain/run/start-facts.ts';
import canonicalize from 'canonicalize';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { saveNotice } from '../db/outbox-store.ts';
import {
  FencedError,
  type NoticeToSend,
  type RunHandle,
  type RunStore,
  type StartGuard,
  type StartResult,
} from './run-store.ts';
import { loadStartFacts, loadStopped } from './load-start-facts.ts';
import { saveDuration, saveRunCache, saveStepCache } from './state-cache.ts';

/** Events that give somebody something to do. */
export type HandedEvent = RunEvent & { readonly kind: 'step-handed-out' | 'gate-opened' };

/** What else happens in the transaction that appends; the feature that owns upgrades provides it. */
export interface RunHooks {
  /** The run has ended: holds, the instance's recorded version, the audit event, notices. */
  readonly settle: (tx: Transaction, run: RunHandle) => Promise<void>;
  /** A person is needed: whoever is on call hears of it, in this transaction. */
  readonly asked?: (tx: Transaction, run: RunHandle) => Promise<void>;
  /** A question was followed by what going back would lose: who was asked hears of the numbers. */
  readonly measured?: (tx: Transaction, run: RunHandle) => Promise<void>;
  /** The bail-out minute passed beyond the point of no return: a person is paged. */
  readonly bailOutPassed?: (tx: Transaction, run: RunHandle) => Promise<void>;
  /** Somebody has something to do since this event: a step by hand, a gate. They hear of it in this transaction. */
  readonly handed?: (tx: Transaction, run: RunHandle, event: HandedEvent) => Promise<void>;
  /** Last in the transaction that appends a worker's events, before its commit: tests stop a worker there. */
  readonly appended?: (tx: Transaction, run: RunHandle, bodies: readonly RunEventBody[]) => Promise<void>;
  /** Wake the run at an instant (or now), in this transaction. */
  readonly wake: (tx: Transaction, runId: string, at: Date | null) => Promise<void>;
}

interface JournalRow {
  readonly seq: number;
  readonly at: Date;
  readonly fence: number;
  readonly body: RunEventBody;
  readonly hash: string;
}

export function toEvent(row: JournalRow): RunEvent {
  return { ...row.body, seq: row.seq, at: row.at.getTime(), fence: row.fence };
}

/** Journal rows chain per run: SHA-256 over the previous hash and the canonical JSON of the event. */
export function journalHash(previous: string, event: RunEvent): string {
  return createHash('sha256')
    .update(previous)
    .update(canonicalize(event) ?? '')
    .digest('hex');
}

export async function loadJournal(
  db: Database | Transaction,
  runId: string,
  afterSeq: number,
): Promise<readonly JournalRow[]> {
  const { rows } = await sql<JournalRow>`
    select seq, at, fence, body, hash from run_event where run_id = ${runId} and seq > ${afterSeq} order by seq`.execute(
    db,
  );
  return rows;
}

/** Locks the run's row under our fence and folds in what was appended since; throws when fenced. */
async function lockRun(tx: Transaction, run: RunHandle): Promise<RunHandle> {
  const { rows } = await sql<{ last_seq: number }>`
    select last_seq from run where id = ${run.runId} and fence = ${run.fence} for update`.execute(tx);
  const [row] = rows;
  if (row === undefined) throw new FencedError(run.runId);
  if (row.last_seq === run.state.lastSeq) return run;
  const missed = await loadJournal(tx, run.runId, run.state.lastSeq);
  const state = missed.map(toEvent).reduce((before, event) => applyEvent(run.plan, before, event), run.state);
  return { ...run, state, lastHash: missed.at(-1)?.hash ?? run.lastHash };
}

async function insertBackup(
  tx: Transaction,
  run: RunHandle,
  event: RunEvent & { kind: 'step-ended' },
): Promise<void> {
  if (event.backup === null) return;
  const { backupId, grade, begunAt, bytes } = event.backup;
  await sql`
    insert into backup (id, instance_id, run_id, upgrade_id, grade, begun_at, finished_at, bytes, output)
    values (${backupId}, ${run.plan.instance.id}, ${run.runId}, ${run.upgradeId}, ${grade}, ${new Date(begunAt)},
            ${new Date(event.at)}, ${bytes}, ${JSON.stringify(event.output)}::jsonb)
    on conflict (id) do update set grade = excluded.grade, output = excluded.output`.execute(tx);
}

/** Appends to the journal and to everything that is derived from it. The row must be locked. */
export async function appendEvents(
  tx: Transaction,
  locked: RunHandle,
  bodies: readonly RunEventBody[],
  fence: number,
  hooks: RunHooks,
): Promise<RunHandle> {
  if (bodies.length === 0) return locked;
  const now = await appNow(tx);
  let state: RunState = locked.state;
  let lastHash = locked.lastHash;
  const handed: HandedEvent[] = [];
  for (const body of bodies) {
    const event: RunEvent = { ...body, seq: state.lastSeq + 1, at: now, fence };
    lastHash = journalHash(lastHash, event);
    await sql`
      insert into run_event (run_id, seq, at, fence, body, hash)
      values (${locked.runId}, ${event.seq}, ${new Date(now)}, ${fence}, ${JSON.stringify(body)}::jsonb, ${lastHash})`.execute(
      tx,
    );
    state = applyEvent(locked.plan, state, event);
    if (event.kind === 'step-handed-out' || event.kind === 'gate-opened') handed.push(event);
    if (event.kind === 'gate-decided' && event.decision === 'passed')
      await saveDuration(tx, locked.runId, locked.plan, event.step, stepRecord(state, 'main', event.step));
    if (event.kind === 'step-ended') {
      await insertBackup(tx, locked, event);
      const record = state.steps.main[event.step];
      if (event.lane === 'main' && record?.state === 'succeeded') {
        await saveDuration(tx, locked.runId, locked.plan, event.step, record);
      }
    }
  }
  const run = { ...locked, state, lastHash };
  await saveRunCache(tx, run.runId, state);
  await saveStepCache(tx, run.runId, locked.state, state);
  for (const event of handed)
    if (stepRecord(state, 'lane' in event ? event.lane : 'main', event.step).state === 'waiting')
      await hooks.handed?.(tx, run, event);
  if (state.ended !== null && locked.state.ended === null) await hooks.settle(tx, run);
  if (state.asked !== null && state.asked !== locked.state.asked) await hooks.asked?.(tx, run);
  if (state.loss !== null && state.loss !== locked.state.loss && state.asked !== null)
    await hooks.measured?.(tx, run);
  if (state.bailOutPaged && !locked.state.bailOutPaged) await hooks.bailOutPassed?.(tx, run);
  return run;
}

async function sendNotices(tx: Transaction, run: RunHandle, notices: readonly NoticeToSend[]): Promise<void> {
  for (const notice of notices) {
    await saveNotice(tx, { ...notice, customerId: run.plan.customer.id, runId: run.runId });
  }
}

/** Rule 21. Null when the instance is ours now (or was already); else the upgrade that has it. */
async function takeInstance(tx: Transaction, run: RunHandle): Promise<string | null> {
  const instanceId = run.plan.instance.id;
  // Two workers that take the same instance at once wait for each other here instead of failing on the unique index.
  await sql`select pg_advisory_xact_lock(hashtextextended(${instanceId}, 21))`.execute(tx);
  const { rows } = await sql<{ upgrade_id: string }>`
    select upgrade_id from instance_claim where instance_id = ${instanceId} and released_at is null`.execute(
    tx,
  );
  const holder = rows[0]?.upgrade_id;
  if (holder !== undefined) return holder === run.upgradeId ? null : holder;
  await sql`
    insert into instance_claim (upgrade_id, instance_id) values (${run.upgradeId}, ${instanceId})
    on conflict (upgrade_id, instance_id) do update set taken_at = app_now(), released_at = null`.execute(tx);
  return null;
}

/** A taken instance is looked at again this often; its release wakes nobody. */
const BUSY_RETRY_MS = 15_000;

async function appNow(tx: Transaction): Promise<number> {
  const { rows } = await sql<{ now: Date }>`select app_now() as now`.execute(tx);
  const [row] = rows;
  if (row === undefined) throw new Error('app_now() gave no row');
  return row.now.getTime();
}

class StartRefused extends Error {
  readonly result: (run: RunHandle) => StartResult;
  constructor(result: (run: RunHandle) => StartResult) {
    super('the start was refused');
    this.result = result;
  }
}

async function checkGuards(tx: Transaction, run: RunHandle, guard: StartGuard): Promise<void> {
  if (guard.takesInstance) {
    const holder = await takeInstance(tx, run);
    if (holder !== null) {
      const reason = `upgrade ${holder} is open on this instance`;
      const held = { code: 'instance-busy', reason, until: (await appNow(tx)) + BUSY_RETRY_MS } as const;
      throw new StartRefused((current) => ({ started: false, run: current, held }));
    }
  }
  if (guard.forward) {
    const held = checkStopped(await loadStopped(tx));
    if (held !== null) throw new StartRefused((current) => ({ started: false, run: current, held }));
  }
  if (guard.commits) {
    const { now, facts } = await loadStartFacts(tx, run.plan);
    const held = checkCommit(run.plan, facts, now);
    if (held !== null) throw new StartRefused((current) => ({ started: false, run: current, held }));
  }
  if (guard.opens) {
    const { rows } = await sql<{ allowed: boolean }>`
      select opening_allowed(${run.runId}, ${guard.lane}, ${guard.step}) as allowed`.execute(tx);
    if (rows[0]?.allowed !== true) {
      throw new StartRefused((current) => ({
        started: false,
        run: current,
        refused: `opening by ${guard.lane}/${guard.step}`,
      }));
    }
  }
}

export function createPgRunStore(db: Database, hooks: RunHooks): RunStore {
  const inTransaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    db.transaction().execute(work);

  return {
    claim: async (runId, worker, leaseMs) => {
      const claimed = await inTransaction(async (tx) => {
        const { rows } = await sql<{ upgrade_id: string; plan: RunPlan; fence: number }>`
          update run set fence = nextval('run_fence'), leased_by = ${worker},
                 leased_until = app_now() + ${leaseMs} * interval '1 ms', wake_at = app_now() + ${leaseMs} * interval '1 ms'
           where id = ${runId} and ended_at is null and (leased_until is null or leased_until <= app_now())
          returning upgrade_id, plan, fence`.execute(tx);
        const [row] = rows;
        if (row === undefined) return null;
        const journal = await loadJournal(tx, runId, 0);
        const state = foldRun(row.plan, journal.map(toEvent));
        return {
          runId,
          upgradeId: row.upgrade_id,
          plan: row.plan,
          fence: row.fence,
          state,
          lastHash: journal.at(-1)?.hash ?? '',
        };
      });
      if (claimed !== null) return claimed;
      const { rows } = await sql`select 1 from run where id = ${runId} and ended_at is null`.execute(db);
      return rows.length > 0 ? 'busy' : 'over';
    },

    extend: async (run, leaseMs) => {
      const { rows } = await sql<{ interrupt: boolean }>`
        update run r set leased_until = app_now() + ${leaseMs} * interval '1 ms', wake_at = app_now() + ${leaseMs} * interval '1 ms'
         where id = ${run.runId} and fence = ${run.fence}
        returning exists (select from run_event e where e.run_id = r.id and e.seq > ${run.state.lastSeq}
                           and e.body ->> 'kind' in ('cancel-requested', 'roll-back-requested')) as interrupt`.execute(
        db,
      );
      return rows[0] ?? null;
    },

    release: async (run, wakeAt) => {
      return inTransaction(async (tx) => {
        const at = wakeAt === null ? null : new Date(wakeAt);
        const { rows } = await sql`
          update run set leased_by = null, leased_until = null, wake_at = ${at}
           where id = ${run.runId} and fence = ${run.fence} and last_seq = ${run.state.lastSeq} returning id`.execute(
          tx,
        );
        if (rows.length > 0 && at !== null) await hooks.wake(tx, run.runId, at);
        return rows.length > 0;
      });
    },

    park: async (runId, worker, forMs) => {
      await sql`
        update run set leased_by = null, leased_until = null, wake_at = app_now() + ${forMs} * interval '1 ms'
         where id = ${runId} and ended_at is null
           and (leased_by = ${worker} or leased_until is null or leased_until <= app_now())`.execute(db);
    },

    append: (run, bodies, notices = []) =>
      inTransaction(async (tx) => {
        const appended = await appendEvents(tx, await lockRun(tx, run), bodies, run.fence, hooks);
        await sendNotices(tx, appended, notices);
        await hooks.appended?.(tx, appended, bodies);
        return appended;
      }),

    appendDecision: (run, body) =>
      inTransaction(async (tx) => {
        const locked = await lockRun(tx, run);
        if (locked.state.lastSeq !== run.state.lastSeq) return locked;
        return appendEvents(tx, locked, [body], run.fence, hooks);
      }),

    start: async (run, body, guard) => {
      try {
        return await inTransaction(async (tx) => {
          const locked = await lockRun(tx, run);
          // A person spoke between the decision and here: decide again with their word in it.
          if (locked.state.lastSeq !== run.state.lastSeq) return { started: false, run: locked, again: true };
          await checkGuards(tx, locked, guard);
          return { started: true, run: await appendEvents(tx, locked, [body], run.fence, hooks) };
        });
      } catch (error) {
        if (!(error instanceof StartRefused)) throw error;
        return error.result(run);
      }
    },

    facts: (run) => inTransaction((tx) => loadStartFacts(tx, run.plan)),

    due: async (limit) => {
      const { rows } = await sql<{ id: string }>`
        select id from run where ended_at is null and wake_at <= app_now() order by wake_at limit ${limit}`.execute(
        db,
      );
      return rows.map((row) => row.id);
    },

    journal: async (runId) => (await loadJournal(db, runId, 0)).map(toEvent),
  };
}
