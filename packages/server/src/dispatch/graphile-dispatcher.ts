/**
 * Wake-ups on graphile-worker. What was measured and decided is in ADR 0002; what bites is here:
 * - A job of a killed process stays locked for four hours. So a job is finished the moment it is received, milliseconds
 *   after it was taken, and the run's own lease decides who works on it. A job lost in those milliseconds is found by the
 *   sweep over the rows.
 * - `add_job` calls `pg_notify`, and transactions that notify commit one after another over the whole server. So a wake-up
 *   is written when a run is planned, commanded or goes to sleep: never per step.
 * - Its worker gives up after a while without a database; it is started again for as long as we run.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Logger, run, runMigrations, type Runner } from 'graphile-worker';
import { sql } from 'kysely';
import { Pool, type ClientConfig } from 'pg';
import type { Database } from '../db/database.ts';
import type { Dispatcher } from './dispatcher.ts';
import { every, type Loop } from './every.ts';
import { oneAtATime } from './one-at-a-time.ts';

const TASK = 'wake-run';
/** A delayed wake-up is seen this late at worst, milliseconds; one for now is told by LISTEN at once. */
const POLL_MS = 2_000;
/** Handing a wake-up over takes no time, so one taker is enough; one more connection listens. */
const CONNECTIONS = 3;
const RESTART_PAUSE_MS = 1_000;

export interface GraphileOptions {
  readonly db: Database;
  readonly connection: ClientConfig;
  readonly onError: (error: unknown, doing: string) => void;
  readonly pollMs?: number;
}

function quietLogger(onError: GraphileOptions['onError']): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') onError(new Error(message), 'the queue of wake-ups');
  });
}

function runIdOf(payload: unknown): string | null {
  const runId = typeof payload === 'object' && payload !== null && 'run' in payload ? payload.run : null;
  return typeof runId === 'string' ? runId : null;
}

/** Makes the library's tables where they are missing (a schema of its own, `graphile_worker`) and opens the port. */
export async function openGraphileDispatcher(options: GraphileOptions): Promise<Dispatcher> {
  const { db, onError } = options;
  const pool = new Pool({ ...options.connection, max: CONNECTIONS });
  // Lost idle connections are replaced; without listeners they would end the process, and the library warns.
  pool.on('error', (error) => onError(error, 'an idle connection of the dispatcher'));
  pool.on('connect', (client) => client.on('error', () => {}));
  const logger = quietLogger(onError);
  const loops: Loop[] = [];
  const stopping = new AbortController();
  let runner: Runner | null = null;
  let listening: Promise<void> = Promise.resolve();

  try {
    await runMigrations({ pgPool: pool, logger });
  } catch (error) {
    await pool.end();
    throw error;
  }

  const start = (handler: (runId: string) => void): Promise<Runner> =>
    run({
      pgPool: pool,
      logger,
      noHandleSignals: true,
      concurrency: 1,
      pollInterval: options.pollMs ?? POLL_MS,
      parsedCronItems: [],
      taskList: {
        [TASK]: (payload) => {
          const runId = runIdOf(payload);
          if (runId !== null) handler(runId);
        },
      },
    });

  const keepListening = async (handler: (runId: string) => void): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        runner ??= await start(handler);
        await runner.promise;
      } catch (error) {
        onError(error, 'listening for wake-ups');
      }
      runner = null;
      await pause(RESTART_PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };

  return {
    wake: async (tx, runId, at) => {
      // The decision clock may be moved in tests; the queue has only the database's own.
      const runAt =
        at === null ? sql`clock_timestamp()` : sql`clock_timestamp() + (${at}::timestamptz - app_now())`;
      await sql`
        select graphile_worker.add_job(${TASK}, json_build_object('run', ${runId}::text), run_at => ${runAt},
                                       max_attempts => 1, job_key => ${runId}, job_key_mode => 'replace')`.execute(
        tx,
      );
    },
    onWake: async (handler) => {
      runner = await start(handler);
      listening = keepListening(handler);
    },
    cron: (name, everyMs, work) => {
      const loop = every(
        everyMs,
        () => oneAtATime(db, name, work),
        (error) => onError(error, name),
      );
      loops.push(loop);
      return loop;
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(loops.map((loop) => loop.stop()));
      await runner?.stop().catch(() => {});
      await listening;
      await pool.end();
    },
  };
}
