/** C13 over the API: a selection is looked at, then started, and what does not start says why. Room for two, one is taken. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { createClient, type Client } from '@sitelift/contract/client.ts';
import type { BodyOf } from '@sitelift/contract/route.ts';
import { routes, type Routes } from '@sitelift/contract/routes.ts';
import type { SelectedUpgradeView } from '@sitelift/contract/upgrade-selection.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { startSampleCrowd } from './sample-crowd.ts';
import type { SampleServer } from './sample-server.ts';

let test: TestDatabase;
let sample: SampleServer;
let client: Client;
beforeEach(async () => {
  test = await createTestDatabase();
  await start();
});
afterEach(async () => {
  await sample.server.stop();
  await test.drop();
});

async function start(): Promise<void> {
  sample = await startSampleCrowd(test.db);
  const { authorization = '' } = await sample.people.tokenOf('admin', ['read', 'operate']);
  client = createClient({ baseUrl: sample.server.address, token: authorization.slice('Bearer '.length) });
}

type Body = BodyOf<Routes['requestUpgrades']>;

async function ask(select: Body['select'], more: Partial<Body> = {}): Promise<SelectedUpgradeView[]> {
  const body = { select, reason: 'they asked', ...more };
  return (await client.call(routes.requestUpgrades, { body })).items;
}

function told(items: readonly SelectedUpgradeView[]): readonly string[] {
  return items.map(({ instance, verdict, started, reasons }) => {
    const why = verdict === 'start' ? '' : ` ${reasons[0]?.code ?? 'sentence'}`;
    return `${instance} ${verdict}${started === null ? '' : ' started'}${why}`;
  });
}

async function upgrades(): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from upgrade`.execute(test.db);
  return rows[0]?.n ?? -1;
}

describe('a selection', () => {
  it('is looked at first, and what starts is what the look said', async () => {
    const select = { labels: ['big'] };
    const look = await ask(select, { dryRun: true });
    expect(told(look)).toEqual([
      'east-uat start',
      'south-uat wait capacity-full',
      'east-live wait stage-pending',
      'south-live wait stage-pending',
    ]);
    expect(await upgrades()).toBe(1);
    const done = await ask(select);
    expect(told(done)).toEqual(['east-uat start started', ...told(look).slice(1)]);
    expect(await upgrades()).toBe(2);
    const run = await client.call(routes.getRun, { params: { run: done[0]?.started ?? '' } });
    expect(run).toMatchObject({ instance: 'east-uat', trigger: 'requested', state: 'planned', toVersion: '2.0' });
  }); // prettier-ignore

  it('asked for again starts nothing twice', async () => {
    await ask({ customers: ['east'] });
    expect(told(await ask({ customers: ['east'] }))).toEqual([
      'east-uat wait booked-upgrade',
      'east-live wait stage-pending',
    ]);
    expect(await upgrades()).toBe(2);
  });

  it('of one instance is held to the same rules as the request of one', async () => {
    const { items } = await client.call(routes.requestUpgrades, {
      body: { select: { instances: ['north-live'] }, reason: 'x', dryRun: true },
    });
    const { reasons } = await client
      .call(routes.requestUpgrade, { body: { instance: 'north-live', reason: 'x' } })
      .then(
        () => ({ reasons: [] }),
        (error: { problem: { reasons: string[] } }) => error.problem,
      );
    expect(items[0]?.reasons.map(({ detail }) => detail)).toEqual(reasons);
    expect(reasons).toHaveLength(2);
  });

  it('that the instance itself refuses under its lock is told, and costs no room', async () => {
    await sql`update instance set settings = '{"slots":["blue","green"]}' where slug = 'east-uat'`.execute(test.db);
    const items = await ask({ instances: ['east-uat'] });
    expect(items).toMatchObject([
      { verdict: 'refuse', started: null, reasons: [{ code: null, detail: expect.stringContaining('slot') as string }] },
    ]);
  }); // prettier-ignore

  it('starts nothing while everything is stopped, and a look says so', async () => {
    await client.call(routes.stop, { body: { reason: 'smoke' } });
    await expect(ask({ all: true })).rejects.toMatchObject({ status: 503, code: 'stopped' });
    expect(told(await ask({ roles: ['uat'] }, { dryRun: true }))).toEqual(
      ['east', 'north', 'south'].map((slug) => `${slug}-uat hold stopped`),
    );
  });

  it.each<[string, object, string]>([
    ['names nothing', {}, '/select'],
    ['names an empty kind', { labels: [] }, '/select/labels'],
    ['names a kind that there is not', { hosts: ['x'] }, '/select/hosts'],
    ['names a role that there is not', { roles: ['production'] }, '/select/roles/0'],
    ['misspells one of two customers', { customers: ['south', 'esat'] }, '/select/customers/1'],
    ['fits nobody', { labels: ['big'], customers: ['north'] }, '/select'],
    ['says that it is not all', { all: false }, '/select/all'],
  ])('that %s is refused at its place', async (_, select, pointer) => {
    const call = ask(select);
    await expect(call).rejects.toMatchObject({
      status: 422,
      problem: {
        errors: expect.arrayContaining([{ pointer, detail: expect.any(String) as string }]) as object[],
      },
    });
    expect(await upgrades()).toBe(1);
  });

  it('with another kind’s id is refused as such', async () => {
    const call = ask({ instances: ['cust_00000000000000000000000000'] });
    await expect(call).rejects.toMatchObject({ code: 'wrong-id-kind' });
  });
});
