import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { newId } from '../db/new-id.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import type { Outcome } from '../drivers/driver.ts';
import type { AttemptScope } from '../engine/action-runner.ts';
import { observeInstancesOnce } from './observe-instances-loop.ts';

const EVERY_MS = 60_000;

let test: TestDatabase;
let customer: string;
let product: string;
/** What the fakes at the edge answer; the order of the calls is kept. */
let proxy: (scope: AttemptScope) => Outcome;
let app: (scope: AttemptScope) => Outcome | Promise<Outcome>;
let called: string[];
let inputs: unknown[];
let problems: string[];

beforeEach(async () => {
  test = await createTestDatabase();
  [customer, product, called, inputs, problems] = [newId('cust'), newId('prod'), [], [], []];
  await sql`insert into customer (id, slug, name) values (${customer}, 'north', 'North')`.execute(test.db);
  await sql`insert into product (id, slug, name, playbook) values (${product}, 'p', 'P', 'x')`.execute(
    test.db,
  );
  proxy = () => ({ kind: 'done', output: { open: true, slot: 'green' } });
  app = () => ({ kind: 'done', observed: { version: '1.0', healthy: true, writeOk: null, problem: null } });
});
afterEach(() => test.drop());

async function addInstance(slug: string, settings: object = { slots: ['blue', 'green'] }): Promise<string> {
  const id = newId('inst');
  await sql`
    insert into instance (id, slug, customer_id, product_id, role, url, zone, settings, bindings, target)
    values (${id}, ${slug}, ${customer}, ${product}, 'live', 'http://x/', 'Europe/Amsterdam',
            ${JSON.stringify(settings)}::jsonb, '{"app":{"driver":"fake"},"proxy":{"driver":"fake"}}', '{}')`.execute(
    test.db,
  );
  return id;
}

function look(atOnce = 4): Promise<number> {
  return observeInstancesOnce(
    {
      db: test.db,
      runner: {
        observe: async () => ({ state: 'cannot-tell', reason: 'not asked' }),
        apply: async (action, scope) => {
          called.push(`${action.action} ${scope.target.slots?.live ?? '-'}`);
          inputs.push(action.input);
          return action.action === 'proxy/probe' ? proxy(scope) : app(scope);
        },
      },
      bind: (bindings, action) =>
        action.split('/')[0] !== undefined && (action.split('/')[0] ?? '') in bindings
          ? { driver: 'fake', config: {} }
          : { problem: `nothing is bound for ${action}` },
      openSecret: async () => '',
      nowMs: () => 0,
      signal: new AbortController().signal,
    },
    { everyMs: EVERY_MS, atOnce },
    (error, slug) => problems.push(`${slug}: ${String(error)}`),
  );
}

async function row(id: string) {
  const { rows } = await sql<{
    observed_version: string | null;
    observed_healthy: boolean | null;
    observed_problem: string | null;
    observed_slot: string | null;
    observed_open: boolean | null;
    seen: boolean;
  }>`select observed_version, observed_healthy, observed_problem, observed_slot, observed_open, observed_at is not null as seen
       from instance where id = ${id}`.execute(test.db);
  return rows[0];
}

describe('a look at an instance', () => {
  it('asks the proxy which slot serves before it looks into that slot, and neither writes nor expects', async () => {
    const id = await addInstance('north-live');
    await look();
    expect(called).toEqual(['proxy/probe blue', 'app/probe green']);
    expect(inputs[1]).toEqual({ slot: 'live', write: false, within: '0s' });
    expect(await row(id)).toEqual({
      observed_version: '1.0',
      observed_healthy: true,
      observed_problem: null,
      observed_slot: 'green',
      observed_open: true,
      seen: true,
    });
  });

  it.each<[string, Partial<{ proxy: Outcome; app: Outcome }>, string]>([
    [
      'a proxy that is down',
      { proxy: { kind: 'failed', reason: 'connection refused' } },
      'connection refused',
    ],
    [
      'a slot that nobody named',
      { proxy: { kind: 'done', output: { open: true, slot: 'red' } } },
      'sends to red',
    ],
    ['a driver that throws', { app: { kind: 'unknown', reason: 'it broke' } }, 'it broke'],
    [
      'an application that is not healthy',
      {
        app: {
          kind: 'failed',
          reason: 'x',
          observed: { version: null, healthy: false, writeOk: null, problem: '503' },
        },
      },
      '503',
    ],
  ])('%s is told, and the version that was seen last is kept', async (_name, change, problem) => {
    const id = await addInstance('north-live');
    await look();
    await test.skipTime(EVERY_MS + 1);
    const { proxy: proxySays, app: appSays } = change;
    if (proxySays !== undefined) proxy = () => proxySays;
    if (appSays !== undefined) app = () => appSays;
    await look();
    expect(await row(id)).toMatchObject({
      observed_version: '1.0',
      observed_healthy: false,
      observed_slot: 'green',
      observed_problem: expect.stringContaining(problem) as string,
    });
  });

  it('of a site with one side and no proxy needs neither', async () => {
    const id = await addInstance('north-live', {});
    await sql`update instance set bindings = '{"app":{"driver":"fake"}}'`.execute(test.db);
    await look();
    expect(called).toEqual(['app/probe -']);
    expect(await row(id)).toMatchObject({
      observed_version: '1.0',
      observed_open: null,
      observed_slot: null,
    });
  });
});

describe('a pass', () => {
  it('looks at what is due only, and not at removed instances', async () => {
    await addInstance('north-live');
    const gone = await addInstance('north-old');
    await sql`update instance set removed_at = app_now() where id = ${gone}`.execute(test.db);
    expect(await look()).toBe(1);
    expect(await look()).toBe(0);
    await test.skipTime(EVERY_MS + 1);
    expect(await look()).toBe(1);
  });

  it('leaves an instance alone while an upgrade has it, even one that took it during the look', async () => {
    const id = await addInstance('north-live');
    const release = newId('rel');
    const upgrade = newId('upg');
    await sql`insert into release (id, product_id, version, kind, artefact) values (${release}, ${product}, '2.0', 'major', '{}')`.execute(
      test.db,
    );
    await sql`
      insert into upgrade (id, customer_id, instance_id, from_version, to_release_id, to_version, trigger, requested_by,
                           content_hash, schedule_hash)
      values (${upgrade}, ${customer}, ${id}, '1.0', ${release}, '2.0', 'nightly', 'x', '', '')`.execute(
      test.db,
    );
    const claim = sql`insert into instance_claim (upgrade_id, instance_id) values (${upgrade}, ${id})`;
    app = async () => {
      await claim.execute(test.db);
      return { kind: 'done', observed: { version: '9', healthy: true, writeOk: null, problem: null } };
    };
    expect(await look()).toBe(1);
    expect(await row(id)).toMatchObject({ observed_version: null, seen: false });
    expect(await look()).toBe(0);
  });

  it('writes a change of version into the audit trail, once', async () => {
    await addInstance('north-live');
    await look();
    await test.skipTime(EVERY_MS + 1);
    await look();
    const { rows } = await sql<{
      after: unknown;
    }>`select after from event where verb = 'version-observed'`.execute(test.db);
    expect(rows).toEqual([{ after: { version: '1.0' } }]);
  });

  it('goes on when one look breaks, never more at once than it may', async () => {
    for (const slug of ['a', 'b', 'c', 'd', 'e']) await addInstance(slug);
    let inside = 0;
    let most = 0;
    app = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sql`select 1`.execute(test.db);
      inside -= 1;
      throw new Error('a defect of ours');
    };
    expect(await look(2)).toBe(5);
    expect(problems).toHaveLength(5);
    expect(most).toBe(2);
  });
});
