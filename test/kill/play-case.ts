/**
 * Plays one case: a run reaches its boundary, the victim is killed with `kill -9`, everything is left to itself, and then
 * everybody is asked: the site's log, the mailbox, the rows, the audit, and the table of processes.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { routes } from '@sitelift/contract/routes.ts';
import { until, type Installation } from './installation.ts';
import { FROM, TO } from './kill-fleet.ts';
import type { KillCase } from './kill-cases.ts';
import { breachesOf, effectsOf, readLines, servedBy } from './read-effects.ts';

/** What a killed worker started must be gone after this (F-1), milliseconds. */
const ORPHANS_GONE_MS = 1_000;
const SETTLE_LIMIT_MS = 120_000;

export interface CaseResult {
  readonly state: string;
  /** From the death of a worker to the first row of another one, where it held the run; milliseconds. */
  readonly takenOverMs: number | null;
  /** Until PostgreSQL answered again, milliseconds. */
  readonly databaseBackMs: number | null;
  readonly wholeMs: number;
  /** Empty when everything held. */
  readonly breaches: readonly string[];
}

interface RunRow {
  readonly state: string;
  readonly state_detail: string | null;
  readonly ended: boolean;
  readonly fence: number;
  readonly leased_by: string | null;
  readonly asked: boolean;
}

async function rowOf({ rows }: Installation, run: string): Promise<RunRow> {
  const found = await rows.query<RunRow>(
    `select state, state_detail, ended_at is not null as ended, fence::int, leased_by,
            state = 'needs-a-person' or (state like 'waiting%' and waiting_code is not null) as asked from run where id = $1`,
    [run],
  );
  const [row] = found.rows;
  if (row === undefined) throw new Error(`there is no run ${run}`);
  return row;
}

/** Scripts of a run that an older fence started and that are alive. */
async function orphansOf(run: string, fence: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [environ, stat] = await Promise.all(
      ['environ', 'stat'].map((name) => readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '')),
    );
    const variables = environ?.split('\0') ?? [];
    const its = Number(variables.find((each) => each.startsWith('SITELIFT_FENCE='))?.slice(15) ?? Infinity);
    const dead = /\) [ZX] /.test(stat ?? '');
    if (variables.includes(`SITELIFT_RUN=${run}`) && its <= fence && !dead)
      found.push(`${pid} ${stat?.split(' ')[1]}`);
  }
  return found;
}

/** `deaths`: of each worker before this case. */
async function afterWorkerDied(bed: Installation, run: string, fence: number, deaths: readonly number[]) {
  const worker = await until('the worker is dead', () =>
    Promise.resolve(bed.workers.find((each, index) => each.deaths > (deaths[index] ?? 0)) ?? null),
  );
  const { diedAt } = worker;
  const breaches: string[] = [];
  const orphans = async (): Promise<void> => {
    await pause(Math.max(0, ORPHANS_GONE_MS - (performance.now() - diedAt)));
    const left = await orphansOf(run, fence);
    if (left.length > 0) breaches.push(`alive 1 s after their worker: ${left.join(', ')}`);
  };
  const takenOver = async (): Promise<number | null> =>
    until('somebody takes the run over', async () => {
      const row = await rowOf(bed, run);
      if (row.fence > fence) return performance.now() - diedAt;
      return row.ended ? Number.NaN : null;
    });
  const [takenOverMs] = await Promise.all([takenOver(), orphans()]);
  return {
    breaches,
    takenOverMs: takenOverMs === null || Number.isNaN(takenOverMs) ? null : Math.round(takenOverMs),
  };
}

/** A claimed notice comes back after its claim has run out: that much time passes, once everything else is quiet. */
async function mailsOut({ rows }: Installation, run: string): Promise<void> {
  await until('every notice is sent', async () => {
    const { rows: left } = await rows.query<{ ms: number }>(
      `select extract(epoch from max(next_at) - app_now())::float8 * 1000 as ms from notice where run_id = $1 and state = 'queued' having count(*) > 0`,
      [run],
    );
    const [first] = left;
    if (first === undefined) return true;
    // Less than a minute is waited for; what is longer is skipped: the claims of a sender that is dead.
    if (first.ms > 60_000)
      await rows.query(
        `insert into clock_offset (skip) values ($1 * interval '1 ms')
         on conflict (only_row) do update set skip = clock_offset.skip + excluded.skip`,
        [first.ms],
      );
    return null;
  });
}

export async function mailBreaches({ rows, mailbox }: Installation, run: string): Promise<readonly string[]> {
  const { rows: notices } = await rows.query<{ id: string; state: string; event: string }>(
    'select id, state, event from notice where run_id = $1',
    [run],
  );
  return notices.flatMap(({ id, state, event }) => {
    const copies = mailbox.mails.filter(({ messageId }) => messageId.includes(id)).length;
    // Nobody is woken because something was killed and everything goes on.
    if (event === 'run-put-aside') return ['the staff was told of a defect'];
    return state === 'sent' && copies >= 1 ? [] : [`notice ${id} is ${state}, ${copies} mails`];
  });
}

export async function auditBreaches(bed: Installation): Promise<readonly string[]> {
  const verdict = await until('the audit is verified', async () =>
    (await bed.api()).call(routes.verifyEvents, {}),
  );
  return verdict.intact ? [] : [`the audit chain is broken: ${verdict.problem}`];
}

/** What the end of a run says must be what its site shows. */
export function endBreaches(state: string, served: string | null): readonly string[] {
  const wanted = { succeeded: TO, 'rolled-back': FROM, recovered: FROM }[state];
  return wanted === undefined || wanted === served
    ? []
    : [`${state}, and the site serves ${served ?? 'nobody'}`];
}

export async function playCase(bed: Installation, each: KillCase): Promise<CaseResult> {
  const beganAt = performance.now();
  const marker = join(bed.dataDir, 'failpoints', each.marker);
  const deathsBefore = bed.workers.map(({ deaths }) => deaths);
  const run = await until('the run is started', () => bed.startRun(each.slug));
  const breaches: string[] = [];
  let takenOverMs: number | null = null;
  let databaseBackMs: number | null = null;

  await until('the boundary is reached', async () => {
    if (existsSync(`${marker}.hit`)) return true;
    const row = await rowOf(bed, run);
    // A mail may go out when its run has long ended.
    if (row.ended && each.boundary !== 'B10' && each.boundary !== 'B11')
      throw new Error(`the run is over: ${row.state}`);
    return null;
  });
  switch (each.victim) {
    case 'worker': {
      const { fence, leased_by } = await rowOf(bed, run);
      const { pid } = JSON.parse(await readFile(`${marker}.hit`, 'utf8')) as { pid: number }; // as: the failpoint's own words
      // Who sends a mail need not be who holds the run: the other one goes on with it, and so do its scripts.
      if (!(leased_by ?? '').includes(`/${pid}/`)) break;
      const seen = await afterWorkerDied(bed, run, fence, deathsBefore);
      breaches.push(...seen.breaches);
      takenOverMs = seen.takenOverMs;
      break;
    }
    case 'server':
      // A request is under way when it dies (F-2); whoever asks again with the same key gets the same answer.
      void bed.startRun(each.slug).catch(() => {});
      await bed.server.kill();
      await writeFile(`${marker}.go`, '');
      if ((await until('the server answers again', () => bed.startRun(each.slug))) !== run)
        breaches.push('the same request was answered differently');
      break;
    case 'postgres':
      await bed.cluster.kill();
      await writeFile(`${marker}.go`, '');
      databaseBackMs = await bed.cluster.start();
      break;
    default:
      each.victim satisfies never;
  }

  const end = await until(
    'the run has ended or asks a person',
    async () => {
      const row = await rowOf(bed, run);
      return row.ended || row.asked ? row : null;
    },
    SETTLE_LIMIT_MS,
  );
  await mailsOut(bed, run);
  const lines = await readLines(bed.dir, each.slug);
  breaches.push(...breachesOf(lines), ...endBreaches(end.state, servedBy(lines)));
  if (!end.ended && (end.state_detail ?? '') === '') breaches.push('it waits and asks nothing');
  for (const step of ['once', 'migrate']) {
    const count = effectsOf(lines, step);
    if (count > 1 || (end.state === 'succeeded' && count !== 1))
      breaches.push(`${step} took effect ${count} times`);
  }
  breaches.push(...(await mailBreaches(bed, run)), ...(await auditBreaches(bed)));
  const { state } = end;
  return { state, takenOverMs, databaseBackMs, wholeMs: Math.round(performance.now() - beganAt), breaches };
}
