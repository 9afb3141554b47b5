/** Puts the engine together: runs in PostgreSQL, actions of the registry, logs in rows, secrets redacted from them. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findStep } from '@sitelift/domain/run/apply-event.ts';
import { renderNotice } from '@sitelift/domain/run/notice-texts.ts';
import { sql } from 'kysely';
import type { Config } from './config/config.ts';
import type { Clock } from './db/clock.ts';
import { decisionNow } from './db/clock.ts';
import type { Database } from './db/database.ts';
import type { Dispatcher } from './dispatch/dispatcher.ts';
import { hostName, stopProcessGroup } from './drivers/process-group.ts';
import { createActionRunner, targetOf, type ActionRunner, type FindAction } from './engine/action-runner.ts';
import type { EngineDeps } from './engine/advance-run.ts';
import { loadHistory } from './engine/load-start-facts.ts';
import { createPgRunStore, type RunHooks } from './engine/pg-run-store.ts';
import type { RunHandle } from './engine/run-store.ts';
import { askStaff, settleRun, tellOwner, type SettleDeps } from './engine/settle-run.ts';
import { pageBailOut, tellLossOf } from './engine/page-way-back.ts';
import { openStepLog, type LogLine } from './engine/step-log.ts';
import type { Installation } from './open-installation.ts';
import { createRedactor } from './secrets/redactor.ts';
import { openSecret } from './secrets/secret-store.ts';
import { createLineRedactor } from './secrets/stream-redactor.ts';

/** A look from outside at the end of a run may take this long, milliseconds. */
const LOOK_LIMIT_MS = 20_000;

export function composeRunner(
  installation: Installation,
  findAction: FindAction,
  clock: Clock,
): ActionRunner {
  const workDirOf = async (runId: string): Promise<string> => {
    // Looks outside of runs share a directory: they keep nothing.
    const path = join(installation.dataDir, 'runs', runId === '' ? 'looks' : runId);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  };
  return createActionRunner(findAction, workDirOf, clock.monotonicMs);
}

export function composeHooks(dispatcher: Dispatcher, settle: SettleDeps): RunHooks {
  return {
    settle: (tx, run) => settleRun(tx, run, settle),
    asked: (tx, run) => askStaff(tx, run, settle),
    measured: (tx, run) => tellLossOf(tx, run, settle),
    bailOutPassed: (tx, run) => pageBailOut(tx, run, settle),
    handed: (tx, run, event) => tellOwner(tx, run, event, settle),
    wake: (tx, runId, at) => dispatcher.wake(tx, runId, at),
  };
}

/** The site's own time and zone, as its people read it: `Thu 26 Nov 2026, 02:00 (Europe/Amsterdam)`. */
export function formatSiteTime(at: number, zone: string): string {
  const text = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  }).format(at);
  return `${text} (${zone})`;
}

/**
 * Appends lines to an attempt. A worker that took an attempt over goes on after the lines of the one before it.
 */
function logWriter(db: Database, runId: string, lane: string, step: string, attempt: number) {
  let offset: number | null = null;
  return async (lines: readonly LogLine[]): Promise<void> => {
    if (offset === null) {
      const { rows } = await sql<{ last: number }>`
        select coalesce(max(line), 0) as last from step_log
         where run_id = ${runId} and lane = ${lane} and step_id = ${step} and attempt = ${attempt}`.execute(
        db,
      );
      offset = rows[0]?.last ?? 0;
    }
    const base = offset;
    await sql`
      insert into step_log (run_id, lane, step_id, attempt, line, stream, text)
      select ${runId}, ${lane}, ${step}, ${attempt}, l.line, l.stream, l.text
        from unnest(${lines.map(({ line }) => line + base)}::int[], ${lines.map(({ stream }) => stream)}::text[],
                    ${lines.map(({ text }) => text)}::text[]) with ordinality as l (line, stream, text, nth)
       order by l.nth
      on conflict do nothing`.execute(db);
  };
}

export interface EngineParts {
  readonly installation: Installation;
  readonly config: Pick<Config, 'leaseSeconds' | 'heartbeatSeconds'>;
  readonly runner: ActionRunner;
  readonly hooks: RunHooks;
  readonly clock: Clock;
}

function openAttempt({ installation }: EngineParts): EngineDeps['openAttempt'] {
  const { db, rootKey } = installation;
  return (run, lane, step, attempt) => {
    const redactor = createRedactor();
    return {
      log: openStepLog(logWriter(db, run.runId, lane, step, attempt), createLineRedactor(redactor)),
      openSecret: async (name) => {
        // The frozen plan names every secret that its actions may open; nothing else is opened for it.
        if (!JSON.stringify(run.plan).includes(JSON.stringify(name)))
          throw new Error(`secret ${name} is not named in the plan of ${run.runId}`);
        const value = await openSecret(db, rootKey, run.plan.customer.id, name);
        redactor.add(value);
        return value;
      },
      redact: (text) => redactor.redact(text),
    };
  };
}

function lookFromOutside(parts: EngineParts): EngineDeps['lookFromOutside'] {
  return async (run: RunHandle) => {
    const { look } = run.plan;
    if (look === null) return null;
    const { db, rootKey } = parts.installation;
    const now = await decisionNow(db);
    const beganAt = parts.clock.monotonicMs();
    const outcome = await parts.runner.apply(look, {
      runId: run.runId,
      fence: run.fence,
      target: targetOf(run.plan),
      stepId: 'look',
      attempt: 1,
      timeoutMs: LOOK_LIMIT_MS,
      signal: new AbortController().signal,
      log: { line: () => {} },
      backup: null,
      nowMs: () => now + (parts.clock.monotonicMs() - beganAt),
      processStarted: () => Promise.resolve(),
      openSecret: (name) => openSecret(db, rootKey, run.plan.customer.id, name),
    });
    const open = 'output' in outcome ? outcome.output?.['open'] : undefined;
    return typeof open === 'boolean' ? open : null;
  };
}

function noticesOf({ installation }: EngineParts): EngineDeps['noticesOf'] {
  return async (run, lane, stepId) => {
    const step = findStep(run.plan, lane, stepId);
    if (step?.kind !== 'notify') return [];
    const text = renderNotice(step.template, {
      plan: run.plan,
      now: await decisionNow(installation.db),
      history: await loadHistory(installation.db, run.plan.product),
      formatTime: formatSiteTime,
      reason: run.state.endingReason,
    });
    if (text === null) throw new Error(`there is no notice ${step.template}`);
    return step.to.map((recipient) => ({
      key: `${run.runId}/${lane}/${stepId}/${recipient}`,
      recipient,
      event: step.template,
      ...text,
    }));
  };
}

export function composeEngine(parts: EngineParts): EngineDeps {
  const { installation, config, runner, hooks, clock } = parts;
  return {
    store: createPgRunStore(installation.db, hooks),
    runner,
    // Never used twice, so that nobody takes a lease of a process before it for its own.
    worker: `${hostName()}/${process.pid}/${randomBytes(4).toString('hex')}`,
    lease: { leaseMs: config.leaseSeconds * 1_000, heartbeatMs: config.heartbeatSeconds * 1_000 },
    monotonicMs: clock.monotonicMs,
    // A group on another machine ends with its worker; receivers refuse whatever of it lives on (fences).
    stopProcess: async (process) => {
      await stopProcessGroup(process);
    },
    openAttempt: openAttempt(parts),
    noticesOf: noticesOf(parts),
    lookFromOutside: lookFromOutside(parts),
  };
}
