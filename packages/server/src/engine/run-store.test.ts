import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { foldRun } from '@sitelift/domain/run/apply-event.ts';
import { runStateName } from '@sitelift/domain/run/run-state.ts';
import type { RunEventBody, SiteObservation } from '@sitelift/domain/run/events.ts';
import { samplePlan } from '@sitelift/domain/run/sample-plan.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { newId } from '../db/new-id.ts';
import { saveUpgrade } from '../upgrades/upgrade-store.ts';
import { commandRun } from './command-run.ts';
import { createPgRunStore, type RunHooks } from './pg-run-store.ts';
import { FencedError, type RunHandle, type RunStore } from './run-store.ts';
import { askStaff, settleRun } from './settle-run.ts';

const LEASE_MS = 2_000;

let test: TestDatabase;
let store: RunStore;
let hooks: RunHooks;
let runId: string;

async function addRun(): Promise<string> {
  const plan = samplePlan();
  const customer = newId('cust');
  const instance = newId('inst');
  const product = newId('prod');
  const release = newId('rel');
  const { db } = test;
  await sql`insert into customer (id, slug, name) values (${customer}, ${customer}, 'North')`.execute(db);
  await sql`insert into product (id, slug, name, playbook) values (${product}, ${product}, 'P', 'sample')`.execute(
    db,
  );
  await sql`insert into release (id, product_id, version, kind, artefact) values (${release}, ${product}, '2.0', 'major', '{}')`.execute(
    db,
  );
  await sql`
    insert into instance (id, slug, customer_id, product_id, role, url, zone, target, observed_version)
    values (${instance}, ${instance}, ${customer}, ${product}, 'live', 'http://x/', 'Europe/Amsterdam', '{"kind":"channel","channel":"release"}', '1.0')`.execute(
    db,
  );
  const saved = await db.transaction().execute((tx) =>
    saveUpgrade(tx, {
      plan: {
        ...plan,
        customer: { ...plan.customer, id: customer },
        instance: { ...plan.instance, id: instance },
        to: { ...plan.to, releaseId: release },
      },
      trigger: 'nightly',
      actor: 'planner',
      reason: '',
      reasons: [],
    }),
  );
  return saved.runId;
}

beforeEach(async () => {
  test = await createTestDatabase();
  hooks = {
    settle: (tx, run) => settleRun(tx, run, { staffEmail: null, publicUrl: 'http://localhost' }),
    wake: async () => {},
  };
  store = createPgRunStore(test.db, hooks);
  runId = await addRun();
});
afterEach(() => test.drop());

async function claim(worker = 'w1', id = runId): Promise<RunHandle> {
  const handle = await store.claim(id, worker, LEASE_MS);
  if (handle === 'busy' || handle === 'over') throw new Error(handle);
  return handle;
}

function started(
  step: string,
  lane: 'main' | 'undo' | 'recover' = 'main',
  attempt = 1,
): RunEventBody & { kind: 'step-started' } {
  return { kind: 'step-started', lane, step, attempt, worker: 'w1' };
}

function ended(
  step: string,
  lane: 'main' | 'undo' | 'recover' = 'main',
  observed: SiteObservation | null = null,
): RunEventBody {
  const outcome = 'done';
  return {
    kind: 'step-ended',
    lane,
    step,
    attempt: 1,
    outcome,
    reason: null,
    notApplied: false,
    retryAt: null,
    output: {},
    observed,
    backup: null,
  };
}

const NO_GUARD = {
  lane: 'main',
  step: 'stage',
  takesInstance: false,
  forward: false,
  commits: false,
  opens: false,
} as const;

describe('lease and fence', () => {
  it('only one of many workers claims a run, and the fence grows with every claim, of any run', async () => {
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((worker) => store.claim(runId, worker, LEASE_MS)),
    );
    expect(answers.filter((answer) => answer === 'busy')).toHaveLength(3);
    const first = answers.find((answer) => typeof answer === 'object')?.fence ?? Infinity;
    const other = (await claim('e', await addRun())).fence;
    await test.skipTime(LEASE_MS + 1);
    const again = (await claim('e')).fence;
    expect([other > first, again > other]).toEqual([true, true]);
  });

  it('a worker that was taken over from writes nothing: not an event, not a heartbeat, not a release', async () => {
    const old = await claim('w1');
    await test.skipTime(LEASE_MS + 1);
    await claim('w2');
    await expect(store.append(old, [{ kind: 'run-started' }])).rejects.toThrow(FencedError);
    await expect(store.start(old, started('stage'), NO_GUARD)).rejects.toThrow(FencedError);
    expect(await store.extend(old, LEASE_MS)).toBeNull();
    expect(await store.release(old, null)).toBe(false);
    expect(await store.journal(runId)).toEqual([]);
  });

  it('a parked run gives its lease back and is due when its time has passed, unless somebody else holds it', async () => {
    await claim('w1');
    await store.park(runId, 'w2', 60_000);
    expect(await store.claim(runId, 'w3', LEASE_MS)).toBe('busy');
    await store.park(runId, 'w1', 60_000);
    expect(await store.due(10)).toEqual([]);
    await test.skipTime(60_001);
    expect(await store.due(10)).toEqual([runId]);
    await claim('w2');
  });

  it('a run whose lease ran out is due again by itself', async () => {
    await claim();
    expect(await store.due(10)).toEqual([]);
    await test.skipTime(LEASE_MS + 1);
    expect(await store.due(10)).toEqual([runId]);
  });

  it('a release is refused when a person spoke meanwhile, and the next append has seen the word', async () => {
    const run = await store.append(await claim(), [{ kind: 'run-started' }]);
    const command = {
      verb: 'pause',
      step: null,
      actor: 'ops',
      reason: 'lunch',
      evidence: null,
      as: null,
    } as const;
    expect(await commandRun({ db: test.db, hooks }, runId, command)).toMatchObject({ ok: true });
    expect(await store.release(run, null)).toBe(false);
    expect((await store.append(run, [])).state.paused?.by).toBe('ops');
    expect(await store.start(run, started('stage'), NO_GUARD)).toMatchObject({ started: false, again: true });
  });

  it('a start on the way forward asks whether everything is stopped, however long ago it was decided', async () => {
    const run = await store.append(await claim(), [{ kind: 'run-started' }]);
    await sql`insert into stop_the_world (at, by, reason) values (app_now(), 'ops', 'storm')`.execute(
      test.db,
    );
    const forward = { ...NO_GUARD, forward: true };
    expect(await store.start(run, started('stage'), forward)).toMatchObject({ held: { code: 'stopped' } });
    expect(await store.start(run, started('stage'), NO_GUARD)).toMatchObject({ started: true });
  });

  it('a decision that has not heard a person is not written', async () => {
    const run = await store.append(await claim(), [{ kind: 'run-started' }]);
    const command = {
      verb: 'cancel',
      step: null,
      actor: 'ops',
      reason: 'no',
      evidence: null,
      as: null,
    } as const;
    await commandRun({ db: test.db, hooks }, runId, command);
    const end: RunEventBody = { kind: 'run-ended', state: 'succeeded', siteOpen: true, reason: null };
    const heard = await store.appendDecision(run, end);
    expect([heard.state.wanted?.what, heard.state.ended]).toEqual(['cancel', null]);
    expect((await store.appendDecision(heard, end)).state.ended?.state).toBe('succeeded');
  });

  it('a heartbeat tells of a wish to cancel', async () => {
    const run = await store.append(await claim(), [{ kind: 'run-started' }]);
    expect(await store.extend(run, LEASE_MS)).toEqual({ interrupt: false });
    const command = {
      verb: 'cancel',
      step: null,
      actor: 'ops',
      reason: 'no',
      evidence: null,
      as: null,
    } as const;
    await commandRun({ db: test.db, hooks }, runId, command);
    expect(await store.extend(run, LEASE_MS)).toEqual({ interrupt: true });
  });
});

describe('journal and cache', () => {
  it('the cached columns equal the fold of the journal', async () => {
    let run = await store.append(await claim(), [{ kind: 'run-started' }]);
    run = await store.append(run, [started('stage'), ended('stage'), started('close'), ended('close')]);
    const folded = foldRun(run.plan, await store.journal(runId));
    expect(folded).toEqual(run.state);
    const { rows } = await sql<
      Record<string, unknown>
    >`select state, last_seq, point_crossed, site_open from run where id = ${runId}`.execute(test.db);
    expect(rows[0]).toEqual({
      state: runStateName(folded),
      last_seq: 5,
      point_crossed: false,
      site_open: false,
    });
    const steps = await sql<{
      step_id: string;
      state: string;
    }>`select step_id, state from run_step where run_id = ${runId} and lane = 'main' order by position`.execute(
      test.db,
    );
    expect(steps.rows.slice(0, 3).map((step) => step.state)).toEqual(['succeeded', 'succeeded', 'pending']);
  });

  it('the journal cannot be rewritten', async () => {
    await store.append(await claim(), [{ kind: 'run-started' }]);
    await expect(sql`update run_event set at = now()`.execute(test.db)).rejects.toThrow('append-only');
    await expect(sql`delete from run_event`.execute(test.db)).rejects.toThrow('append-only');
  });
});

describe('one open upgrade per instance (semantics 21)', () => {
  it('a second upgrade of the same instance is held, not failed, until the first has ended', async () => {
    const first = await store.append(await claim(), [{ kind: 'run-started' }]);
    const guard = { ...NO_GUARD, takesInstance: true };
    expect(await store.start(first, started('stage'), guard)).toMatchObject({ started: true });
    const { rows } = await sql<{ plan: RunHandle['plan'] }>`select plan from run where id = ${runId}`.execute(
      test.db,
    );
    const [row] = rows;
    if (row === undefined) throw new Error('no run');
    const second = await test.db
      .transaction()
      .execute((tx) =>
        saveUpgrade(tx, { plan: row.plan, trigger: 'requested', actor: 'x', reason: '', reasons: [] }),
      );
    const other = await store.append(await claim('w2', second.runId), [{ kind: 'run-started' }]);
    expect(await store.start(other, started('stage'), guard)).toMatchObject({
      started: false,
      held: { code: 'instance-busy' },
    });
    await store.append(await store.append(first, []), [
      ended('stage'),
      { kind: 'run-ended', state: 'cancelled', siteOpen: true, reason: 'x' },
    ]);
    expect(await store.start(other, started('stage'), guard)).toMatchObject({ started: true });
  });

  it('the index refuses a second claim even past our own code', async () => {
    const run = await store.append(await claim(), [{ kind: 'run-started' }]);
    await store.start(run, started('stage'), { ...NO_GUARD, takesInstance: true });
    const other = newId('upg');
    await sql`insert into upgrade select ${other}, customer_id, instance_id, from_version, to_release_id, to_version, trigger, requested_by, reason, reasons, content_hash, schedule_hash, created_at, null from upgrade limit 1`.execute(
      test.db,
    );
    await expect(
      sql`insert into instance_claim (upgrade_id, instance_id) values (${other}, ${run.plan.instance.id})`.execute(
        test.db,
      ),
    ).rejects.toThrow('one_open_upgrade_per_instance');
  });
});

describe('the guard on opening, in the database (semantics 10)', () => {
  const SEEN: SiteObservation = { version: '2.0', healthy: true, writeOk: true, problem: null };
  const open = { ...NO_GUARD, step: 'open', opens: true };

  async function upTo(last: string, observed: SiteObservation | null): Promise<RunHandle> {
    let run = await store.append(await claim(), [{ kind: 'run-started' }]);
    for (const step of run.plan.steps) {
      run = await store.append(run, [
        started(step.id),
        ended(step.id, 'main', step.id === 'probe' ? observed : null),
      ]);
      if (step.id === last) break;
    }
    return run;
  }

  it('lets a site open when everything before it ended well and the new version was seen to write', async () => {
    expect(await store.start(await upTo('switch', SEEN), started('open'), open)).toMatchObject({
      started: true,
    });
  });

  it.each([
    ['a step before it has not ended', 'probe', SEEN],
    ['the write check failed', 'switch', { ...SEEN, writeOk: false }],
    ['another version answers', 'switch', { ...SEEN, version: '1.0' }],
    ['nothing was observed', 'switch', null],
  ] as const)('refuses when %s', async (_name, last, observed) => {
    expect(await store.start(await upTo(last, observed), started('open'), open)).toMatchObject({
      started: false,
      refused: 'opening by main/open',
    });
  });

  it('refuses when the site was changed after it was seen', async () => {
    const run = await upTo('switch', SEEN);
    const changed = await store.append(run, [started('start', 'main', 2), ended('start')]);
    expect(await store.start(changed, started('open'), open)).toMatchObject({ started: false });
  });

  it('on the way back before the point of no return: opens on the old version only', async () => {
    const run = await upTo('stop', null);
    const back = await store.append(run, [
      { kind: 'undo-began', reason: 'x', ending: 'rolled-back' },
      started('stop', 'undo'),
      ended('stop', 'undo'),
    ]);
    const undo = { ...open, lane: 'undo', step: 'close' } as const;
    expect(await store.start(back, started('close', 'undo'), undo)).toMatchObject({ started: false });
    const seen = await store.append(back, [
      { kind: 'site-observed', lane: 'undo', observed: { ...SEEN, version: '1.0', writeOk: null } },
    ]);
    expect(await store.start(seen, started('close', 'undo'), undo)).toMatchObject({ started: true });
  });

  it('never opens by undo once the point of no return was crossed', async () => {
    const run = await upTo('migrate', null);
    const seen = await store.append(run, [
      { kind: 'site-observed', lane: 'undo', observed: { ...SEEN, version: '1.0' } },
    ]);
    expect(
      await store.start(seen, started('close', 'undo'), { ...open, lane: 'undo', step: 'close' }),
    ).toMatchObject({ started: false });
  });
});

describe('the end of a run', () => {
  it('a roll-back holds the instance for that release and frees it', async () => {
    const run = await store.append(await claim(), [{ kind: 'run-started' }]);
    await store.start(run, started('stage'), { ...NO_GUARD, takesInstance: true });
    await store.append(run, [
      ended('stage'),
      { kind: 'run-ended', state: 'recovered', siteOpen: true, reason: 'write check failed' },
    ]);
    const holds = await sql<{
      kind: string;
      release_id: string;
    }>`select kind, release_id from hold where cleared_at is null`.execute(test.db);
    expect(holds.rows).toEqual([{ kind: 'rolled-back', release_id: run.plan.to.releaseId }]);
    const claims = await sql`select 1 from instance_claim where released_at is null`.execute(test.db);
    expect(claims.rows).toEqual([]);
    expect(await store.claim(runId, 'w2', LEASE_MS)).toBe('over');
  });
});

describe('a run that needs a person', () => {
  it('tells the staff once per question, and whether the page is up', async () => {
    const onCall = { staffEmail: 'night@vendor.test', publicUrl: 'http://localhost' };
    store = createPgRunStore(test.db, { ...hooks, asked: (tx, run) => askStaff(tx, run, onCall) });
    const asked = (code: string): RunEventBody => ({
      kind: 'asked-person',
      code,
      question: `${code}?`,
      step: null,
    });
    let run = await store.append(await claim(), [{ kind: 'run-started' }, asked('first')]);
    run = await store.append(run, []);
    await store.append(run, [asked('second')]);
    const { rows } = await sql<{ recipient: string; body: string }>`
      select recipient, body from notice order by created_at, id`.execute(test.db);
    expect(rows.map(({ body }) => body.split('\n').slice(0, 2))).toEqual([
      ['first?', 'The site is open.'],
      ['second?', 'The site is open.'],
    ]);
    expect(rows[0]?.recipient).toBe('night@vendor.test');
  });
});
