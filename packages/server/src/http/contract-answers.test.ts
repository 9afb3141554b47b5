/** What the server really answers, against what the contract says: every field known, none too many. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { API_PREFIX, createClient, type Client } from '@sitelift/contract/client.ts';
import { ROUTES, routes } from '@sitelift/contract/routes.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { newId } from '../db/new-id.ts';
import { createPgRunStore } from '../engine/pg-run-store.ts';
import { sampleDeps, startSampleServer, type SampleServer } from './sample-server.ts';

let test: TestDatabase;
let sample: SampleServer;
let client: Client;
beforeAll(async () => {
  test = await createTestDatabase();
  sample = await startSampleServer(test.db);
  const { authorization = '' } = await sample.people.tokenOf('admin', [
    'read',
    'operate',
    'promote',
    'admin',
  ]);
  client = createClient({ baseUrl: sample.server.address, token: authorization.slice('Bearer '.length) });
  await fillIn();
});
afterAll(async () => {
  await sample.server.stop();
  await test.drop();
});

/** A run with history, a log, a backup and a notice, a pin, and a secret: so that every view has something to show. */
async function fillIn(): Promise<void> {
  const { db } = test;
  const { runId, liveId } = sample.fleet;
  const store = createPgRunStore(db, sampleDeps(db, []).runHooks);
  const run = await store.claim(runId, 'w1', 60_000);
  if (run === 'busy' || run === 'over') throw new Error(run);
  await store.append(run, [
    { kind: 'run-started' },
    { kind: 'step-started', lane: 'main', step: 'stage', attempt: 1, worker: 'w1' },
  ]);
  await sql`
    insert into step_log (run_id, lane, step_id, attempt, line, stream, text)
    values (${runId}, 'main', 'stage', 1, 1, 'out', 'hello'), (${runId}, 'main', 'stage', 1, 2, 'err', 'oh')`.execute(
    db,
  );
  await sql`
    insert into backup (id, instance_id, run_id, upgrade_id, grade, begun_at, finished_at, bytes, output)
    select ${newId('bkp')}, instance_id, id, upgrade_id, 'written', app_now(), app_now(), 5000000000, '{}' from run`.execute(
    db,
  );
  await sql`
    insert into notice (id, key, event, run_id, recipient, subject, body)
    values (${newId('ntc')}, 'k', 'upgrade-starting', ${runId}, 'ada@north.example', 'Tonight', 'Hello')`.execute(
    db,
  );
  await sql`
    insert into pin (id, instance_id, version, owner, reason, managed_by)
    values (${newId('pin')}, ${liveId}, '2.0', 'ops@vendor.example', 'they asked', 'hand')`.execute(db);
  await client.call(routes.setSecret, {
    params: { name: 'db-password' },
    body: { value: 'correct horse battery' },
  });
}

const READABLE = ROUTES.filter((route) => route.method === 'GET' && !route.stream);

describe('every answer is what its schema says and nothing more', () => {
  it.each(READABLE.map((route) => [route.name, route] as const))('%s', async (_, route) => {
    const values: Record<string, string> = { run: sample.fleet.runId, instance: 'north-live' };
    const path = `${API_PREFIX}${route.path.replaceAll(/:([a-z]+)/g, (_all, name: string) => values[name] ?? name)}`;
    const answer = await sample.send('GET', path, await sample.people.cookieOf('admin'));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const json: unknown = await answer.json();
    expect(route.response.parse(json)).toEqual(json);
  });
});

describe('a run', () => {
  it('shows where it stands, what it has and what may be done', async () => {
    const run = await client.call(routes.getRun, { params: { run: sample.fleet.runId } });
    expect(run.state).toBe('running');
    expect(run.step).toEqual({ id: 'stage', title: 'stage', lane: 'main' });
    expect([run.stepsDone, run.stepsTotal]).toEqual([0, 9]);
    expect(run.backup?.bytes).toBe(5_000_000_000);
    expect(run.notices).toHaveLength(1);
    expect(run.actions.find((action) => action.name === 'pause')?.allowed).toBe(true);
    expect(run.actions.find((action) => action.name === 'resume')?.reasons).toEqual(['it is not paused']);
  });

  it('forecasts its end from the steps still to come: nine of a second each', async () => {
    const run = await client.call(routes.getRun, { params: { run: sample.fleet.runId } });
    const { now } = await client.call(routes.health);
    const left = Date.parse(run.forecastEndAt ?? '') - Date.parse(now ?? '');
    expect(left).toBeGreaterThan(7_000);
    expect(left).toBeLessThanOrEqual(9_000);
  });

  it('offers a viewer nothing, and says which role could', async () => {
    const answer = await sample.send(
      'GET',
      `${API_PREFIX}/runs/${sample.fleet.runId}`,
      await sample.people.cookieOf('viewer'),
    );
    const run = routes.getRun.response.parse(await answer.json());
    for (const action of run.actions)
      expect(action).toMatchObject({ allowed: false, reasons: ['this needs the role operator'] });
  });

  it('gives its log in pages', async () => {
    const params = { run: sample.fleet.runId };
    const first = await client.call(routes.runLog, { params, query: { limit: 1 } });
    expect([first.lines.map((line) => line.text), first.more]).toEqual([['hello'], true]);
    const rest = await client.call(routes.runLog, { params, query: { after: first.lines[0]?.id ?? 0 } });
    expect([rest.lines.map((line) => line.text), rest.more]).toEqual([['oh'], false]);
  });

  it('is listed by instance and by state, newest first', async () => {
    const { runs } = await client.call(routes.listRuns, { query: { instance: 'north-live', state: 'open' } });
    expect(runs.map((run) => run.id)).toEqual([sample.fleet.runId]);
    expect((await client.call(routes.listRuns, { query: { state: 'ended' } })).runs).toEqual([]);
    expect((await client.call(routes.listRuns, { query: { before: sample.fleet.runId } })).runs).toEqual([]);
  });

  it('a dry run of a command says what it would do and does nothing', async () => {
    const input = {
      params: { run: sample.fleet.runId },
      body: { verb: 'pause', reason: 'look', dryRun: true },
    } as const;
    expect((await client.call(routes.commandRun, input)).does).toMatch(/starts no further step/);
    const run = await client.call(routes.getRun, { params: { run: sample.fleet.runId } });
    expect(run.state).toBe('running');
  });
});

describe('the fleet and its record', () => {
  it('an instance shows its pin, its run and its holds', async () => {
    const { instances } = await client.call(routes.listInstances);
    expect(
      instances.map((each) => [each.slug, each.pin?.version, each.holds.length, each.run?.state]),
    ).toEqual([
      ['north-live', '2.0', 0, 'running'],
      ['north-uat', undefined, 1, undefined],
    ]);
  });

  it('a release shows its channels and how many instances were seen on it', async () => {
    const { releases } = await client.call(routes.listReleases);
    expect(
      releases.map((each) => [each.version, each.channels.map(({ channel }) => channel), each.instances]),
    ).toEqual(
      expect.arrayContaining([
        ['1.0', [], 2],
        ['2.0', ['release'], 0],
      ]),
    );
  });

  it('why and plan say the same of an instance', async () => {
    const { decisions } = await client.call(routes.plan);
    const why = await client.call(routes.why, { params: { instance: 'north-uat' } });
    expect(why.reasons.map((reason) => reason.code)).toContain('held');
    expect(decisions.find((each) => each.instance === 'north-uat')).toEqual(why);
  });

  it('a preview of a withdrawal names who would move, and changes nothing', async () => {
    const params = { product: 'sample', version: '2.0' };
    const preview = await client.call(routes.withdraw, { params, body: { reason: 'bad', dryRun: true } });
    expect(preview.dryRun).toBe(true);
    expect(preview.moves.map((move) => move.instance)).toContain('north-uat');
    const { releases } = await client.call(routes.listReleases);
    expect(releases.every((release) => release.withdrawn === null)).toBe(true);
  });

  it('events are found by an instance’s slug through its upgrades', async () => {
    const { events } = await client.call(routes.listEvents, { query: { object: 'north-live' } });
    expect(events.map((event) => event.verb)).toContain('upgrade-planned');
    expect((await client.call(routes.verifyEvents)).intact).toBe(true);
  });

  it('a secret is listed by name and never by value', async () => {
    const { secrets } = await client.call(routes.listSecrets);
    expect(secrets).toMatchObject([{ scope: 'vendor', name: 'db-password', version: 1 }]);
    expect(JSON.stringify(secrets)).not.toContain('correct horse');
  });
});
