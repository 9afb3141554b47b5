/**
 * Many short runs on two workers, of which one is killed with `kill -9` and the other frozen (SIGSTOP) for longer than its
 * lease and then let go on, in the belief that its runs are still its own.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { LEASE_SECONDS, startInstallation, until } from './installation.ts';
import { auditBreaches } from './play-case.ts';
import { breachesOf, effectsOf, readLines } from './read-effects.ts';

const PAUSE_SECONDS = 0.05;
const STEPS = ['once', 'twice'];
/** Runs are asked for by this many callers at once. */
const CALLERS = 8;
const FROZEN_MS = LEASE_SECONDS * 1_000 * 2;
const LIMIT_MS = 300_000;

export interface TwoWorkersResult {
  readonly runs: number;
  readonly effects: number;
  /** Runs that changed hands. */
  readonly takenOver: number;
  /** Runs that the frozen worker held when it was frozen. */
  readonly heldByFrozen: number;
  readonly wholeMs: number;
  readonly breaches: readonly string[];
}

export async function playTwoWorkers(binDir: string, runs: number): Promise<TwoWorkersResult> {
  const slugs = Array.from({ length: runs }, (_, nth) => `short-${nth}`);
  const bed = await startInstallation({
    binDir,
    slugs,
    playbook: 'short',
    failpoints: [],
    pauseSeconds: PAUSE_SECONDS,
    runsAtOnce: 6,
  });
  const beganAt = performance.now();
  try {
    const queue = slugs.values();
    const ask = async (): Promise<void> => {
      for (const slug of queue) await until(`${slug} is started`, () => bed.startRun(slug));
    };
    const asking = Promise.all(Array.from({ length: CALLERS }, ask));
    const ended = async (): Promise<number> => {
      const { rows } = await bed.rows.query<{ ended: number }>(
        'select count(*)::int as ended from run where ended_at is not null',
      );
      return rows[0]?.ended ?? 0;
    };
    const heldBy = async (pid: number): Promise<number> => {
      const { rows } = await bed.rows.query<{ held: number }>(
        `select count(*)::int as held from run where leased_by like $1 and leased_until > app_now()`,
        [`%/${pid}/%`],
      );
      return rows[0]?.held ?? 0;
    };
    const [first, second] = bed.workers;
    if (first === undefined || second === undefined) throw new Error('there are no two workers');
    await until('some runs have ended', async () =>
      (await ended()) >= runs / 10 && (await heldBy(first.child?.pid ?? 0)) > 0 ? true : null,
    );
    await first.kill();
    const frozen = second.child;
    if (frozen === null) throw new Error('the second worker does not run');
    const heldByFrozen = await until('the second worker works', async () => {
      const held = await heldBy(frozen.pid ?? 0);
      return held > 0 ? held : null;
    });
    frozen.kill('SIGSTOP');
    await pause(FROZEN_MS);
    frozen.kill('SIGCONT');
    await asking;
    await until('every run has ended', async () => ((await ended()) === runs ? true : null), LIMIT_MS);
    const wholeMs = Math.round(performance.now() - beganAt);

    const breaches: string[] = [];
    let effects = 0;
    for (const slug of slugs) {
      const lines = await readLines(bed.dir, slug);
      breaches.push(...breachesOf(lines).map((breach) => `${slug}: ${breach}`));
      for (const step of STEPS) {
        const count = effectsOf(lines, step);
        effects += count;
        if (count !== 1) breaches.push(`${slug}: ${step} took effect ${count} times`);
      }
    }
    const { rows: states } = await bed.rows.query<{ state: string; count: number }>(
      `select state, count(*)::int from run where state <> 'succeeded' group by state`,
    );
    breaches.push(
      ...states.map(({ state, count }) => `${count} runs are ${state}`),
      ...(await auditBreaches(bed)),
    );
    const { rows: moved } = await bed.rows.query<{ moved: number }>(
      `select count(*)::int as moved from (select run_id from run_event where body ->> 'kind' = 'step-started'
        group by run_id having count(distinct body ->> 'worker') > 1) r`,
    );
    return { runs, effects, takenOver: moved[0]?.moved ?? 0, heldByFrozen, wholeMs, breaches };
  } finally {
    await bed.remove();
  }
}
