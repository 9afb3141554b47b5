/** Waits over the real API and the real engine: signals from outside, and another environment's upgrade. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { customerFile, openBed, vendorFile, type Bed } from './compose-bed.ts';
import { createPgRunStore } from './engine/pg-run-store.ts';
import { signalRun } from './engine/signal-run.ts';

let bed: Bed;
let operator: Record<string, string>;

beforeEach(async () => {
  bed = await openBed();
  operator = await bed.people.cookieOf('operator');
});
afterEach(() => bed.stop());

const PLAYBOOK = (first: string) => `playbook: waiting
title: Waiting
steps:
  - ${first}
  - { id: stage, uses: app/stage, undo: app/unstage }
`;

async function applied(first: string): Promise<void> {
  await bed.apply(
    {
      'vendor.yaml': vendorFile('waiting'),
      'waiting.yaml': PLAYBOOK(first),
      'north.yaml': customerFile('north', ['live', 'uat']),
    },
    ['north-live', 'north-uat'],
  );
}

const SIGNAL = '{ id: nod, wait: { until: { signal: tested } }, timeout: 2d, onTimeout: abort }';

function signal(run: string, name = 'tested'): Promise<Response> {
  return bed.send('POST', `/api/v1/runs/${run}/signals/${name}`, operator, {});
}

describe('a signal', () => {
  it('wakes the run that waits for it; a repeat gets the same answer and changes nothing', async () => {
    await applied(SIGNAL);
    const run = await bed.start('north-live', operator);
    await bed.server.work();
    await expect.poll(() => bed.stepOf(run, 'nod')).toBe('waiting#0');
    expect(await bed.stateOf(run)).toBe('waiting');
    const first = await signal(run);
    expect(first.status).toBe(200);
    const known = await first.json();
    await expect.poll(() => bed.stateOf(run)).toBe('succeeded');
    expect(await (await signal(run)).json()).toEqual(known);
    const view = (await (await bed.send('GET', `/api/v1/runs/${run}`, operator)).json()) as {
      signals: unknown;
    };
    expect(view.signals).toEqual([known]);
    const { rows } = await sql`select 1 from event where verb = 'run-signal'`.execute(bed.test.db);
    expect(rows).toHaveLength(1);
  });

  it('that comes before anybody waits is kept', async () => {
    await applied(SIGNAL);
    const run = await bed.start('north-live', operator);
    expect((await signal(run)).status).toBe(200);
    await bed.server.work();
    await expect.poll(() => bed.stateOf(run)).toBe('succeeded');
  });

  it('that comes between the last look and the sleep is not lost: the run may not be parked', async () => {
    await applied(SIGNAL);
    const runId = await bed.start('north-live', operator);
    const hooks = { settle: async () => {}, wake: async () => {} };
    const store = createPgRunStore(bed.test.db, hooks);
    const claimed = await store.claim(runId, 'w1', 60_000);
    if (typeof claimed === 'string') throw new Error(claimed);
    const waiting = await store.append(claimed, [
      { kind: 'run-started' },
      { kind: 'step-waiting', lane: 'main', step: 'nod', until: null },
    ]);
    // The worker has looked and found no signal; now it comes, and only then does the worker go to sleep.
    await signalRun({ db: bed.test.db, hooks }, runId, { name: 'tested', actor: 'ci', reason: '' });
    expect(await store.release(waiting, null)).toBe(false);
    expect((await store.append(waiting, [])).state.signals['tested']?.by).toBe('ci');
  });

  it('with a name that the run does not know is refused, and so is one to a run that does not exist', async () => {
    await applied(SIGNAL);
    const run = await bed.start('north-live', operator);
    const slip = await signal(run, 'testde');
    expect([slip.status, await slip.json()]).toMatchObject([409, { reasons: ['no step of this run waits for it; it knows tested'] }]); // prettier-ignore
    expect((await signal('run_00000000000000000000000000')).status).toBe(404);
    expect((await signal('inst_00000000000000000000000000')).status).toBe(422);
  });

  it('that never comes times out by the clock of decisions, and the run ends aborted and held', async () => {
    await applied(SIGNAL);
    const run = await bed.start('north-live', operator);
    await bed.server.work();
    await expect.poll(() => bed.stepOf(run, 'nod')).toBe('waiting#0');
    const { rows } = await sql<{ hours: number }>`
      select extract(epoch from waits_until - app_now()) / 3600 as hours from run_step where run_id = ${run} and step_id = 'nod'`.execute(
      bed.test.db,
    );
    expect(Number(rows[0]?.hours)).toBeCloseTo(48, 0);
    await bed.test.skipTime(48 * 3_600_000);
    await expect.poll(() => bed.stateOf(run)).toBe('aborted');
    const holds = await sql`select 1 from hold h join run r on r.upgrade_id = h.upgrade_id where h.kind = 'upgrade-failed' and h.cleared_at is null and r.id = ${run}`.execute(bed.test.db); // prettier-ignore
    expect(holds.rows).toHaveLength(1);
  });
});

describe("another environment's upgrade", () => {
  const UPGRADE = '{ id: uat-first, wait: { until: { upgrade: [test, uat] } } }';

  it('is waited for until it has ended well, and its end lets the other go on', async () => {
    await applied(UPGRADE.replace('[test, uat]', 'uat'));
    const live = await bed.start('north-live', operator);
    await bed.server.work();
    await expect.poll(() => bed.stepOf(live, 'uat-first')).toBe('waiting#0');
    // A playbook that waits for uat cannot run on uat itself; it gets one that does not wait.
    await bed.apply(
      {
        'vendor.yaml': vendorFile('waiting'),
        'waiting.yaml': PLAYBOOK('{ id: look, uses: app/probe, with: { slot: live } }'),
        'north.yaml': customerFile('north', ['live', 'uat']),
      },
      [],
    );
    const uat = await bed.start('north-uat', operator);
    await expect.poll(() => bed.stateOf(uat)).toBe('succeeded');
    await expect.poll(() => bed.stateOf(live)).toBe('succeeded');
  });

  it('is refused at once when the customer has no such environment', async () => {
    await applied(UPGRADE.replace('[test, uat]', '[test, staging]'));
    await expect(bed.start('north-live', operator)).rejects.toThrow(
      'step uat-first waits for the upgrade of test or staging, and the customer has none',
    );
  });
});
