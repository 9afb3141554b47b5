/**
 * The two queue libraries that could carry wake-ups, behind what the benchmark asks of both. pg-boss is no dependency of this
 * project: it is measured when BENCH_PG_BOSS_DIR names a directory with it in its node_modules.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Logger, run, runMigrations } from 'graphile-worker';
import { Pool, type ClientConfig, type PoolClient } from 'pg';

export const CONTENDERS = ['graphile-worker', 'pg-boss'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

export interface Contender {
  /** Writes a wake-up in the caller's transaction. */
  enqueue(client: PoolClient, id: string): Promise<void>;
  /** Writes many wake-ups for tomorrow. */
  fill(count: number): Promise<void>;
  /** Calls back for every wake-up; one whose promise stays open is one in hand. */
  listen(handler: (id: string) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

const quiet = new Logger(() => () => {});
const FILL_BATCH = 5_000;
const DAY_SECONDS = 86_400;

async function openGraphile(connection: ClientConfig): Promise<Contender> {
  const pool = new Pool({ ...connection, max: 4 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  await runMigrations({ pgPool: pool, logger: quiet });
  const stops: (() => Promise<void>)[] = [];
  return {
    enqueue: async (client, id) => {
      await client.query(
        `select graphile_worker.add_job('wake', json_build_object('id', $1::text), max_attempts => 1, job_key => $1, job_key_mode => 'replace')`,
        [id],
      );
    },
    fill: async (count) => {
      for (let from = 0; from < count; from += FILL_BATCH) {
        await pool.query(
          `select count(*) from graphile_worker.add_jobs(array(
             select row('wake', json_build_object('id', n), null, now() + interval '1 day', 1, 'later-' || n, 0, null)::graphile_worker.job_spec
               from generate_series($1::int, $2::int) n))`,
          [from, Math.min(count, from + FILL_BATCH) - 1],
        );
      }
    },
    listen: async (handler) => {
      const runner = await run({
        pgPool: pool,
        logger: quiet,
        noHandleSignals: true,
        concurrency: 1,
        pollInterval: 2_000,
        parsedCronItems: [],
        taskList: { wake: (payload: unknown) => handler(String((payload as { id: unknown }).id)) }, // as: written above
      });
      stops.push(() => runner.stop());
    },
    stop: async () => {
      await Promise.all(stops.map((stop) => stop()));
      await pool.end();
    },
  };
}

/** What is used of pg-boss 12; its own types are not installed here. */
interface PgBoss {
  on(event: 'error', listener: () => void): void;
  start(): Promise<unknown>;
  stop(options: object): Promise<void>;
  createQueue(name: string, options: object): Promise<void>;
  send(name: string, data: object, options: object): Promise<unknown>;
  insert(name: string, jobs: readonly object[]): Promise<unknown>;
  work(
    name: string,
    options: object,
    handler: (jobs: { data: { id: string } }[]) => Promise<void>,
  ): Promise<unknown>;
}
interface PgBossModule {
  readonly PgBoss: new (options: object) => PgBoss;
}

/** Null when it is not there. */
export function findPgBoss(): string | null {
  const { BENCH_PG_BOSS_DIR: directory } = process.env;
  if (directory === undefined) return null;
  try {
    return createRequire(join(directory, 'package.json')).resolve('pg-boss');
  } catch {
    return null;
  }
}

async function openPgBoss(connection: ClientConfig): Promise<Contender> {
  const path = findPgBoss();
  if (path === null) throw new Error('BENCH_PG_BOSS_DIR names no directory with pg-boss');
  const { PgBoss } = (await import(pathToFileURL(path).href)) as PgBossModule; // as: not a dependency
  const boss = new PgBoss({
    ...connection,
    max: 4,
    useListenNotify: true,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
  });
  boss.on('error', () => {});
  await boss.start();
  await boss
    .createQueue('wake', {
      policy: 'standard',
      notify: true,
      heartbeatSeconds: 10,
      retryLimit: 5,
      retryDelay: 0,
    })
    .catch(() => {});
  return {
    enqueue: async (client, id) => {
      const db = { executeSql: (text: string, values: unknown[]) => client.query(text, values) };
      await boss.send('wake', { id }, { db });
    },
    fill: async (count) => {
      for (let from = 0; from < count; from += FILL_BATCH) {
        const size = Math.min(FILL_BATCH, count - from);
        await boss.insert(
          'wake',
          Array.from({ length: size }, (_, index) => ({
            data: { id: `later-${from + index}` },
            startAfter: DAY_SECONDS,
          })),
        );
      }
    },
    listen: async (handler) => {
      await boss.work(
        'wake',
        { pollingIntervalSeconds: 2, notifyPollingIntervalSeconds: 2, batchSize: 1 },
        async (jobs) => {
          for (const job of jobs) await handler(job.data.id);
        },
      );
    },
    stop: () => boss.stop({ graceful: false, close: true }),
  };
}

export function openContender(name: ContenderName, connection: ClientConfig): Promise<Contender> {
  return name === 'graphile-worker' ? openGraphile(connection) : openPgBoss(connection);
}
