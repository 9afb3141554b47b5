import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import type { Dispatcher } from './dispatcher.ts';
import { openGraphileDispatcher } from './graphile-dispatcher.ts';

let test: TestDatabase;
const open: Dispatcher[] = [];
const problems: string[] = [];

async function dispatcher(): Promise<Dispatcher> {
  const opened = await openGraphileDispatcher({
    db: test.db,
    connection: test.connection,
    onError: (error, doing) => problems.push(`${doing}: ${String(error)}`),
    pollMs: 50,
  });
  open.push(opened);
  return opened;
}

async function listener(): Promise<string[]> {
  const woken: string[] = [];
  await (await dispatcher()).onWake((runId) => woken.push(runId));
  return woken;
}

function wake(from: Dispatcher, runId: string, at: Date | null = null): Promise<void> {
  return test.db.transaction().execute((tx) => from.wake(tx, runId, at));
}

async function decisionTime(plusMs: number): Promise<Date> {
  const { rows } = await sql<{ at: Date }>`select app_now() + ${plusMs} * interval '1 ms' as at`.execute(
    test.db,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('no row');
  return row.at;
}

beforeEach(async () => {
  problems.length = 0;
  test = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.stop()));
  await test.drop();
});

describe('wake-ups', () => {
  it('reach a listener in another process once the transaction has committed, and never when it did not', async () => {
    const woken = await listener();
    const sender = await dispatcher();
    await wake(sender, 'run_a');
    await expect.poll(() => woken).toEqual(['run_a']);
    const undone = test.db.transaction().execute(async (tx) => {
      await sender.wake(tx, 'run_b', null);
      throw new Error('rolled back');
    });
    await expect(undone).rejects.toThrow('rolled back');
    await wake(sender, 'run_c');
    await expect.poll(() => woken).toEqual(['run_a', 'run_c']);
  });

  it('are one per run: a later instant replaces an earlier one', async () => {
    const sender = await dispatcher();
    await wake(sender, 'run_a', await decisionTime(3_600_000));
    await wake(sender, 'run_a', await decisionTime(7_200_000));
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from graphile_worker.jobs`.execute(
      test.db,
    );
    expect(rows).toEqual([{ n: 1 }]);
    await wake(sender, 'run_a');
    const woken = await listener();
    await expect.poll(() => woken).toEqual(['run_a']);
  });

  it('for later come at their instant of the decision clock, even where that clock was moved', async () => {
    await test.skipTime(86_400_000);
    const woken = await listener();
    const sender = await dispatcher();
    await wake(sender, 'run_later', await decisionTime(3_600_000));
    await wake(sender, 'run_soon', await decisionTime(100));
    await expect.poll(() => woken).toEqual(['run_soon']);
  });

  it('leave no job locked, so a killed listener holds nothing back', async () => {
    const woken = await listener();
    await wake(await dispatcher(), 'run_a');
    await expect.poll(() => woken).toEqual(['run_a']);
    await expect
      .poll(async () => (await sql`select 1 from graphile_worker.jobs`.execute(test.db)).rows.length)
      .toBe(0);
  });

  it('come again after the database has cut every connection', async () => {
    const woken = await listener();
    const sender = await dispatcher();
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()`.execute(test.db);
    await expect
      .poll(
        () =>
          wake(sender, 'run_a').then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    await expect.poll(() => woken, { timeout: 20_000 }).toContain('run_a');
  });
});

describe('cron', () => {
  it('runs its work in one process at a time, and the next one takes over when the first stops', async () => {
    const [first, second] = [await dispatcher(), await dispatcher()];
    let inside = 0;
    let most = 0;
    const passes = { first: 0, second: 0 };
    const work = (who: 'first' | 'second') => async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sql`select pg_sleep(0.02)`.execute(test.db);
      inside -= 1;
      passes[who] += 1;
    };
    first.cron('plan', 1, work('first'));
    second.cron('plan', 1, work('second'));
    await expect.poll(() => passes.first + passes.second).toBeGreaterThan(5);
    await first.stop();
    open.splice(open.indexOf(first), 1);
    const before = passes.second;
    await expect.poll(() => passes.second).toBeGreaterThan(before + 2);
    expect(most).toBe(1);
  });

  it('goes on after a pass that failed', async () => {
    let passes = 0;
    (await dispatcher()).cron('plan', 1, async () => {
      passes += 1;
      throw new Error('no');
    });
    await expect.poll(() => passes).toBeGreaterThan(2);
    expect(problems).toContain('plan: Error: no');
  });
});
