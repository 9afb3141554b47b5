/** People change the fleet: a look first, then the change, and the next decision is what the look said. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { createClient, ProblemResponse, type Client } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { requestUpgrade } from '../upgrades/request-upgrade.ts';
import { startSampleServer, type SampleServer } from './sample-server.ts';

let test: TestDatabase;
let sample: SampleServer;
let client: Client;
beforeEach(async () => {
  test = await createTestDatabase();
  const backup = { maxAgeMs: 3_600_000, grade: 'restored', acceptedLossMs: 0 } as const;
  // Drivers are the edge: every action is bound to one that nobody calls here.
  const request = { db: test.db, bind: () => ({ driver: 'fake', config: {} }), wake: async () => {} };
  sample = await startSampleServer(test.db, {
    startUpgrade: (input) => requestUpgrade(request, { ...input, trigger: 'requested', backup }),
  });
  await addPlaybook();
  const { authorization = '' } = await sample.people.tokenOf('admin', ['read', 'operate', 'promote']);
  client = createClient({ baseUrl: sample.server.address, token: authorization.slice('Bearer '.length) });
});
afterEach(async () => {
  await sample.server.stop();
  await test.drop();
});

async function addPlaybook(): Promise<void> {
  const source =
    'playbook: sample\ntitle: Sample\nsteps:\n  - { id: look, title: Look, uses: check/http, expect: 10s }\n';
  const digest = createHash('sha256').update(source).digest('hex');
  await sql`
    insert into playbook (digest, name, title, source, path) values (${digest}, 'sample', 'Sample', ${source}, 'sample.yaml')`.execute(
    test.db,
  );
  await sql`insert into playbook_current (name, digest) values ('sample', ${digest})`.execute(test.db);
}

/** The code and reasons of what a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<{ code: string | null; reasons: readonly string[] }> {
  const error: unknown = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProblemResponse)) throw new Error(`not refused: ${String(error)}`);
  return { code: error.code, reasons: error.problem.reasons ?? [] };
}

const uat = { instance: 'north-uat' };
const fresh = { product: 'sample', version: '2.0' };
const body = { reason: 'they asked' };

const clearHold = (): Promise<unknown> =>
  client.call(routes.clearHold, { params: { hold: sample.fleet.holdId }, body });

const decisionOf = (instance: string) => client.call(routes.why, { params: { instance } });

describe('a pin', () => {
  it('is looked at, set, found by the planner, and ended', async () => {
    await clearHold();
    const look = await client.call(routes.setPin, {
      params: uat,
      body: { ...body, version: '1.0', dryRun: true },
    });
    expect(look.moves.map((move) => [move.instance, move.to])).toEqual([['north-uat', '1.0']]);
    expect((await decisionOf('north-uat')).toVersion).toBe('2.0');
    const set = await client.call(routes.setPin, { params: uat, body: { ...body, version: '1.0' } });
    expect(set.moves).toEqual(look.moves);
    expect((await decisionOf('north-uat')).toVersion).toBe('1.0');
    const { pin } = await client.call(routes.getInstance, { params: uat });
    expect(pin).toMatchObject({ version: '1.0', owner: 'admin@vendor.example', managedBy: 'hand' });
    await client.call(routes.endPin, { params: uat, body });
    expect((await decisionOf('north-uat')).toVersion).toBe('2.0');
    expect((await refusal(client.call(routes.endPin, { params: uat, body }))).code).toBe('change-refused');
  });

  it.each([
    ['a version that the product does not have', { version: '9.9' }, '/version'],
    ['a channel that is not there', { version: '1.0', untilChannel: 'nightly' }, '/untilChannel'],
    ['an end that has passed', { version: '1.0', untilAt: '2020-01-01T00:00:00Z' }, '/untilAt'],
    [
      'two ends',
      { version: '1.0', untilAt: '2099-01-01T00:00:00Z', untilChannel: 'stable' },
      '/untilChannel',
    ],
  ])('to %s is refused at its field', async (_, pin, pointer) => {
    const call = client.call(routes.setPin, { params: uat, body: { ...body, ...pin } });
    await expect(call).rejects.toMatchObject({ problem: { errors: [{ pointer }] } });
  });
});

describe('a release', () => {
  it('enters a channel when the rules allow it, and says why when they do not', async () => {
    const early = client.call(routes.promote, {
      params: fresh,
      body: { ...body, channel: 'stable', dryRun: true },
    });
    const { code, reasons } = await refusal(early);
    expect([code, reasons]).toEqual(['promotion-refused', [expect.stringContaining('are missing')]]);
    await client.call(routes.promote, { params: fresh, body: { ...body, channel: 'beta', dryRun: true } });
    await client.call(routes.promote, { params: fresh, body: { ...body, channel: 'beta' } });
    const { releases } = await client.call(routes.listReleases);
    const channels = releases
      .find((release) => release.version === '2.0')
      ?.channels.map(({ channel }) => channel);
    expect(channels?.toSorted()).toEqual(['beta', 'release']);
  });

  it('that is risky is placed by the second person who promotes it, and its preview says so', async () => {
    await sql`update release set risky = true where version = '2.0'`.execute(test.db);
    const wanted = (dryRun: boolean) => ({ params: fresh, body: { ...body, channel: 'beta', dryRun } });
    const first = await refusal(client.call(routes.promote, wanted(false)));
    expect(first).toEqual({
      code: 'promotion-refused',
      reasons: [expect.stringMatching(/^risky: admin@vendor\.example .* a second release manager must/)],
    });
    // The same person in a browser is still one person.
    const path = '/api/v1/releases/sample/2.0/promote';
    const cookie = await sample.people.cookieOf('admin');
    expect((await sample.send('POST', path, cookie, wanted(false).body)).status).toBe(409);
    const second = await sample.people.cookieOf('release-manager');
    expect((await sample.send('POST', path, second, wanted(true).body)).status).toBe(200);
    expect((await sample.send('POST', path, second, wanted(false).body)).status).toBe(200);
    const { releases } = await client.call(routes.listReleases);
    const beta = releases[0]?.channels.find(({ channel }) => channel === 'beta');
    expect(beta?.placedBy).toBe('admin@vendor.example via token a token and release-manager@vendor.example');
  });

  it('that is withdrawn moves nobody any more, as its preview said', async () => {
    await clearHold();
    const look = await client.call(routes.withdraw, { params: fresh, body: { ...body, dryRun: true } });
    await client.call(routes.withdraw, { params: fresh, body });
    const after = await decisionOf('north-uat');
    expect(look.moves.find((move) => move.instance === 'north-uat')).toMatchObject({
      to: after.toVersion,
      verdict: after.verdict,
    });
    expect((await refusal(client.call(routes.withdraw, { params: fresh, body }))).code).toBe(
      'change-refused',
    );
  });
});

describe('an upgrade that a person asks for', () => {
  const ask = (more: object = {}): Promise<{ upgrade: string; run: string }> =>
    client.call(routes.requestUpgrade, { body: { instance: 'north-uat', ...body, ...more } });

  it('is refused with every reason while the instance is held', async () => {
    const { code, reasons } = await refusal(ask({ anyTime: true }));
    expect([code, reasons]).toEqual(['upgrade-refused', [expect.stringContaining('they are testing')]]);
  });

  it('starts at any time, in the person’s name, and then no second one does', async () => {
    await clearHold();
    const { run } = await ask({ anyTime: true });
    const view = await client.call(routes.getRun, { params: { run } });
    expect(view).toMatchObject({
      trigger: 'requested',
      requestedBy: 'admin@vendor.example via token a token',
      toVersion: '2.0',
      state: 'planned',
    });
    expect((await refusal(ask({ anyTime: true }))).code).toBe('upgrade-refused');
  });

  it('without a window is refused unless it may run at any time', async () => {
    await clearHold();
    expect((await refusal(ask())).reasons.join()).toMatch(/window/);
  });

  it('to where it is, or to what does not exist, is refused', async () => {
    await clearHold();
    expect((await refusal(ask({ anyTime: true, version: '1.0' }))).code).toBe('upgrade-refused');
    expect((await refusal(ask({ anyTime: true, version: '9.9' }))).code).toBe('upgrade-refused');
  });

  it('while everything is stopped is told who stopped it', async () => {
    await clearHold();
    await client.call(routes.stop, { body: { reason: 'smoke' } });
    const call = ask({ anyTime: true });
    await expect(call).rejects.toMatchObject({
      status: 503,
      code: 'stopped',
      problem: { detail: 'stopped by admin@vendor.example via token a token: smoke' },
    });
    expect((await client.call(routes.plan)).stopped?.reason).toBe('smoke');
    await client.call(routes.releaseStop, { body: { reason: 'gone' } });
    await ask({ anyTime: true });
  });
});
