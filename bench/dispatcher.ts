/**
 * What carries wake-ups: graphile-worker beside pg-boss (docs/adr/0002). Against the embedded PostgreSQL, with fsync. Four
 * questions: how long from a commit to the listener; what 100,000 wake-ups for tomorrow cost an idle system; when another
 * process gets a wake-up whose holder was killed; and what a wake-up costs the transaction that writes it.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Pool, type ClientConfig, type PoolClient } from 'pg';
import { percentile } from '@sitelift/domain/run/forecast.ts';
import { startEmbeddedPostgres } from '@sitelift/server/db/embedded-postgres.ts';
import type { Figure } from './figure.ts';
import { findPgBoss, openContender, type Contender, type ContenderName } from './dispatcher-contenders.ts';

const WAKE_UPS = 200;
const DELAYED = 100_000;
const IDLE_MS = 20_000;
const TAKE_OVER_LIMIT_MS = 25_000;
/** Writers take turns between the ways to write, so that a noisy neighbour meets all of them. */
const SLICE_MS = 800;
const ROUNDS = 4;
const WRITERS = 8;
const LISTENER = fileURLToPath(new URL('./dispatcher-listener.ts', import.meta.url));
/** Clock ticks a second in /proc; 100 on every Linux that matters. */
const TICKS = 100;

interface Message {
  readonly listening?: true;
  readonly got?: string;
  readonly usage?: NodeJS.CpuUsage;
}

function listener(name: ContenderName, connection: ClientConfig, mode: string): ChildProcess {
  return fork(LISTENER, [name, JSON.stringify(connection), mode], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

/** The first message that passes; undefined after the limit. */
function heard<T>(
  child: ChildProcess,
  pick: (message: Message) => T | undefined,
  limitMs = 60_000,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => done(undefined), limitMs);
    const done = (value: T | undefined): void => {
      clearTimeout(timer);
      child.off('message', listen);
      resolve(value);
    };
    const listen = (message: unknown): void => {
      const value = pick(message as Message); // as: our own child
      if (value !== undefined) done(value);
    };
    child.on('message', listen);
  });
}

async function inTransaction(pool: Pool, work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await work(client);
    await client.query('commit');
  } finally {
    client.release();
  }
}

async function latency(
  name: ContenderName,
  connection: ClientConfig,
  pool: Pool,
): Promise<readonly number[]> {
  const contender = await openContender(name, connection);
  const waiting = new Map<string, () => void>();
  await contender.listen(async (id) => waiting.get(id)?.());
  const took: number[] = [];
  for (let index = 0; index < WAKE_UPS; index += 1) {
    const id = `now-${index}`;
    const got = new Promise<void>((resolve) => waiting.set(id, resolve));
    await inTransaction(pool, (client) => contender.enqueue(client, id));
    const committedAt = performance.now();
    await got;
    took.push(performance.now() - committedAt);
    await pause(10);
  }
  await contender.stop();
  return took;
}

/** Processor milliseconds so far of every process of this server that lives, by pid. */
async function serverMs(postmaster: string): Promise<ReadonlyMap<string, number>> {
  const used = new Map<string, number>();
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (pid === postmaster || fields[1] === postmaster)
      used.set(pid, ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS);
  }
  return used;
}

/** Shares of one core, listener and server, while nothing happens. */
async function idle(
  name: ContenderName,
  connection: ClientConfig,
  postmaster: string,
): Promise<{ listener: number; server: number }> {
  const child = listener(name, connection, 'idle');
  await heard(child, (message) => message.listening);
  await pause(2_000);
  const usage = async (): Promise<number> => {
    child.send('usage');
    const used = await heard(child, (message) => message.usage);
    return ((used?.user ?? 0) + (used?.system ?? 0)) / 1_000;
  };
  const [own, server] = [await usage(), await serverMs(postmaster)];
  await pause(IDLE_MS);
  const result = {
    listener: ((await usage()) - own) / IDLE_MS,
    server:
      [...(await serverMs(postmaster))].reduce((sum, [pid, ms]) => sum + ms - (server.get(pid) ?? 0), 0) /
      IDLE_MS,
  };
  child.kill('SIGKILL');
  return result;
}

/** Milliseconds until another process has the wake-up whose holder was killed; undefined: not within the limit. */
async function takeOver(
  name: ContenderName,
  connection: ClientConfig,
  pool: Pool,
): Promise<number | undefined> {
  const holder = listener(name, connection, 'hold');
  await heard(holder, (message) => message.listening);
  const sender = await openContender(name, connection);
  const held = heard(holder, (message) => message.got);
  await inTransaction(pool, (client) => sender.enqueue(client, 'held'));
  await held;
  holder.kill('SIGKILL');
  const killedAt = performance.now();
  const next = listener(name, connection, 'take');
  const got = await heard(next, (message) => message.got, TAKE_OVER_LIMIT_MS);
  const tookMs = performance.now() - killedAt;
  next.kill('SIGKILL');
  await sender.stop();
  return got === undefined ? undefined : tookMs;
}

type Also = (client: PoolClient, id: string) => Promise<unknown>;

async function countTransactions(pool: Pool, also: Also): Promise<number> {
  const until = performance.now() + SLICE_MS;
  let done = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, index) => {
      while (performance.now() < until) {
        await inTransaction(pool, async (client) => {
          await client.query('update bench_row set n = n + 1 where id = $1', [index + 1]);
          await also(client, `t-${index}`);
        });
        done += 1;
      }
    }),
  );
  return done;
}

/** Transactions a second of several writers, each changing a row of its own and doing one thing more before the commit. */
async function throughput(
  pool: Pool,
  ways: Readonly<Record<string, Also>>,
): Promise<ReadonlyMap<string, number>> {
  await pool.query('create table if not exists bench_row (id int primary key, n int not null)');
  await pool.query(
    `insert into bench_row select n, 0 from generate_series(1, ${WRITERS}) n on conflict do nothing`,
  );
  const done = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [way, also] of Object.entries(ways))
      done.set(way, (done.get(way) ?? 0) + (await countTransactions(pool, also)));
  }
  return new Map([...done].map(([way, count]) => [way, (count * 1_000) / (ROUNDS * SLICE_MS)]));
}

/** What `add_job` inserts, without its notification: what the notification alone costs. */
async function insertSilently(client: PoolClient, id: string): Promise<void> {
  await client.query(
    `insert into graphile_worker._private_jobs as j (task_id, payload, run_at, max_attempts, key)
     select id, '{}', now(), 1, $1 from graphile_worker._private_tasks where identifier = 'wake'
     on conflict (key) do update set run_at = excluded.run_at, revision = j.revision + 1`,
    [id],
  );
}

async function freshDatabase(connection: ClientConfig, name: string): Promise<ClientConfig> {
  const admin = new Client({ ...connection, database: 'postgres' });
  await admin.connect();
  await admin.query(`drop database if exists ${name} with (force)`);
  await admin.query(`create database ${name}`);
  await admin.end();
  return { ...connection, database: name };
}

async function measure(
  name: ContenderName,
  server: ClientConfig,
  postmaster: string,
): Promise<Map<string, number>> {
  const figures = new Map<string, number>();
  const connection = await freshDatabase(server, `bench_${name.replace('-', '_')}`);
  const pool = new Pool({ ...connection, max: WRITERS });
  pool.on('error', () => {});
  const took = await latency(name, connection, pool);
  figures.set('wake-p50-ms', percentile(took, 0.5) ?? 0);
  figures.set('wake-p95-ms', percentile(took, 0.95) ?? 0);
  const tookOver = await takeOver(name, connection, pool);
  figures.set('take-over-ms', tookOver ?? Infinity);
  const contender = await openContender(name, connection);
  await contender.fill(DELAYED);
  await contender.stop();
  await pool.query('vacuum analyze');
  const cost = await idle(name, connection, postmaster);
  figures.set('idle-listener-core-percent', cost.listener * 100);
  figures.set('idle-server-core-percent', cost.server * 100);
  await pool.end();
  return figures;
}

/** All ways in one database, side by side, so that they compare. */
async function measureWriting(
  names: readonly ContenderName[],
  server: ClientConfig,
): Promise<ReadonlyMap<string, number>> {
  const connection = await freshDatabase(server, 'bench_writing');
  const pool = new Pool({ ...connection, max: WRITERS });
  const contenders: Contender[] = [];
  const ways: Record<string, Also> = { plain: async () => {} };
  for (const name of names) {
    const contender = await openContender(name, connection);
    contenders.push(contender);
    ways[name] = (client, id) => contender.enqueue(client, id);
  }
  ways['graphile-worker-without-notify'] = insertSilently;
  const rates = await throughput(pool, ways);
  for (const contender of contenders) await contender.stop();
  await pool.end();
  return new Map([...rates].map(([way, rate]) => [`${way}-tx-per-s`, rate]));
}

const UNITS: readonly (readonly [suffix: string, unit: string])[] = [
  ['-ms', 'ms'],
  ['-percent', '% of a core'],
  ['-per-s', 'transactions/s'],
];

function figure(metric: string, value: number): Figure {
  const unit = UNITS.find(([suffix]) => metric.endsWith(suffix))?.[1] ?? '';
  if (value !== Infinity) return { metric, value, unit };
  return { metric, value: TAKE_OVER_LIMIT_MS, unit, note: 'a bound: nobody got it within this time' };
}

export async function benchDispatcher(): Promise<readonly Figure[]> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-bench-'));
  const server = await startEmbeddedPostgres(dir);
  const names: readonly ContenderName[] =
    findPgBoss() === null ? ['graphile-worker'] : ['graphile-worker', 'pg-boss'];
  if (names.length === 1)
    console.log('pg-boss is not measured: BENCH_PG_BOSS_DIR names no directory with it.\n');
  try {
    const [postmaster = ''] = (
      await readFile(join(dir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8')
    ).split('\n');
    const figures: Figure[] = [];
    for (const name of names) {
      for (const [metric, value] of await measure(name, server.connection, postmaster))
        figures.push(figure(`${name}-${metric}`, value));
    }
    for (const [metric, value] of await measureWriting(names, server.connection))
      figures.push(figure(metric, value));
    return figures;
  } finally {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  }
}
