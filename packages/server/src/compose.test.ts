import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { composeServer, type ComposedServer } from './compose.ts';
import { readConfig, type Config } from './config/config.ts';
import { createTestDatabase, type TestDatabase } from './db/test-database.ts';
import type { Outcome } from './drivers/driver.ts';
import { FakeSites } from './fake-sites.ts';
import type { HttpDeps } from './http/http-deps.ts';

let test: TestDatabase;
let dataDir: string;
let sites: FakeSites;
let servers: ComposedServer[];
let problems: string[];

function config(more: Partial<Config> = {}): Config {
  const read = readConfig({ SITELIFT_DATA_DIR: dataDir, SITELIFT_STAFF_EMAIL: 'night@vendor.test' });
  if ('problems' in read) throw new Error(read.problems.join('; '));
  const { host = '', user = '', database = '' } = test.connection;
  const databaseUrl = `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`;
  // Passes come when a test asks for them; leases are short.
  const settings = {
    databaseUrl,
    planEverySeconds: 3_600,
    probeEverySeconds: 3_600,
    leaseSeconds: 2,
    heartbeatSeconds: 1,
  };
  return { ...read.config, ...settings, upgradesAtOnce: 4, runsAtOnce: 1, ...more };
}

async function compose(more: Partial<Config> = {}): Promise<ComposedServer> {
  const server = await composeServer(config(more), {
    actions: { findAction: sites.findAction, bind: sites.bind },
    log: { info: () => {}, error: (_facts, text) => problems.push(text) },
  });
  servers.push(server);
  return server;
}

function httpOf(server: ComposedServer): Promise<HttpDeps> {
  return server.http({
    publicUrl: 'http://x',
    version: '0',
    demo: false,
    mail: 'not-configured',
    webDir: '/nowhere',
  });
}

const VENDOR_FILE = `
products:
  - product: shop
    name: Shop
    playbook: overnight-channel
    settings: { slots: [blue, green] }
    bindings: { app: { driver: fake }, proxy: { driver: fake }, database: { driver: fake } }
releases:
  - { product: shop, version: 1.0.0, kind: minor, artefact: { npm: shop, version: 1.0.0 } }
  - { product: shop, version: 2.0.0, kind: minor, artefact: { npm: shop, version: 2.0.0 }, smokeTest: passed, channels: [release] }
policy: { P3: any-time, P28: { value: [uat], role: live } }
`;

function customerFile(slug: string, roles: readonly string[]): string {
  const instances = roles.map(
    (
      role,
    ) => `  - { instance: ${slug}-${role}, role: ${role}, product: shop, url: "http://${slug}-${role}.test/",
      zone: Europe/Amsterdam, target: release }`,
  );
  return `customer: ${slug}
name: ${slug}
contacts: [{ name: Ada, email: ada@${slug}.test, roles: [primary] }]
instances:
${instances.join('\n')}
`;
}

async function apply(
  server: ComposedServer,
  customers: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const files = [
    { path: 'vendor.yaml', text: VENDOR_FILE },
    ...Object.entries(customers).map(([slug, roles]) => ({
      path: `${slug}.yaml`,
      text: customerFile(slug, roles),
    })),
  ];
  for (const [slug, roles] of Object.entries(customers))
    for (const role of roles) sites.add(`${slug}-${role}`, '1.0.0');
  const { applyFleet } = await httpOf(server);
  const applied = await applyFleet(files, { dryRun: false, prune: false, actor: 'ops' });
  if ('fileErrors' in applied) throw new Error(JSON.stringify(applied.fileErrors, null, 1));
}

async function runStates(): Promise<Record<string, string>> {
  const { rows } = await sql<{ slug: string; state: string }>`
    select i.slug, r.state from run r join instance i on i.id = r.instance_id order by i.slug`.execute(
    test.db,
  );
  return Object.fromEntries(rows.map(({ slug, state }) => [slug, state]));
}

function effectsOf(slug: string): readonly string[] {
  return sites.effects
    .filter((effect) => effect.startsWith(`${slug} `))
    .map((effect) => effect.split(' ')[1] ?? '');
}

const FORWARD = [
  'app/stage', 'proxy/close', 'database/backup', 'app/stop', 'database/migrate', 'app/start', 'proxy/switch', 'proxy/open',
]; // prettier-ignore

beforeEach(async () => {
  test = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'sitelift-compose-'));
  sites = new FakeSites();
  [servers, problems] = [[], []];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop({ graceMs: 0 })));
  await test.drop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('a night, from files to sites', () => {
  it('moves uat, then live, each effect once; a second pass starts nothing', async () => {
    const server = await compose();
    await apply(server, { north: ['uat', 'live'] });
    await server.probeOnce();
    expect(await server.night.planNow()).toHaveLength(1);
    await server.work();
    await expect.poll(runStates).toEqual({ 'north-uat': 'succeeded' });
    expect(sites.site('north-live').schema).toBe('1.0.0');
    await server.night.planNow();
    await expect.poll(runStates).toEqual({ 'north-live': 'succeeded', 'north-uat': 'succeeded' });
    expect(await server.night.planNow()).toEqual([]);
    for (const slug of ['north-uat', 'north-live']) {
      expect(effectsOf(slug)).toEqual(FORWARD);
      expect(sites.site(slug)).toMatchObject({ open: true, slot: 'green', schema: '2.0.0' });
    }
    const { rows } = await sql<{ seen: string; open: boolean; slot: string }>`
      select observed_version as seen, observed_open as open, observed_slot as slot from instance`.execute(
      test.db,
    );
    expect(rows).toEqual([1, 2].map(() => ({ seen: '2.0.0', open: true, slot: 'green' })));
    const notices = await sql<{ event: string; subject: string }>`
      select event, subject from notice order by created_at, id`.execute(test.db);
    expect(notices.rows.map(({ event }) => event)).toEqual([
      'upgrade-starting', 'upgrade-done', 'upgrade-starting', 'upgrade-done',
    ]); // prettier-ignore
    expect(problems).toEqual([]);
  });

  it('a write that the new version refuses brings back the old one, and holds that release', async () => {
    const server = await compose();
    await apply(server, { north: ['live'] });
    await server.probeOnce();
    sites.before = async (_slug, action, { target, input }): Promise<Outcome | undefined> => {
      if (action !== 'app/probe' || input['expect'] !== 'to') return undefined;
      const observed = {
        version: target.to.version,
        healthy: true,
        writeOk: false,
        problem: 'POST answered 403',
      };
      return { kind: 'failed', reason: 'POST answered 403', observed };
    };
    await server.work();
    await server.night.planNow();
    await expect.poll(runStates).toEqual({ 'north-live': 'recovered' });
    expect(sites.site('north-live')).toMatchObject({ open: true, slot: 'blue', schema: '1.0.0' });
    expect(await server.night.planNow()).toEqual([]);
    const { rows } = await sql<{ recipient: string; event: string }>`
      select recipient, event from notice where event in ('upgrade-rolled-back', 'upgrade-not-successful')
       order by event`.execute(test.db);
    expect(rows).toEqual([
      { recipient: 'night@vendor.test', event: 'upgrade-not-successful' },
      { recipient: 'ada@north.test', event: 'upgrade-rolled-back' },
    ]);
  });

  it('two workers share the runs', async () => {
    const [first, second] = [await compose(), await compose()];
    await apply(first, { north: ['live'], east: ['live'], south: ['live'] });
    await first.probeOnce();
    // Both must be inside at once, and each takes one run at a time: no worker can do it alone.
    const inside = new Set<string>();
    const both = Promise.withResolvers<undefined>();
    sites.before = async (slug, action) => {
      if (action !== 'app/stage') return undefined;
      inside.add(slug);
      if (inside.size === 2) both.resolve(undefined);
      return both.promise;
    };
    await Promise.all([first.work(), second.work()]);
    await first.night.planNow();
    await expect.poll(runStates).toEqual({
      'east-live': 'succeeded',
      'north-live': 'succeeded',
      'south-live': 'succeeded',
    });
    const { rows } = await sql<{ worker: string }>`
      select distinct body ->> 'worker' as worker from run_event where body ->> 'kind' = 'step-started'`.execute(
      test.db,
    );
    expect(rows).toHaveLength(2);
    for (const slug of ['east-live', 'north-live', 'south-live']) expect(effectsOf(slug)).toEqual(FORWARD);
  });

  it('told to stop, it leaves between two steps, and the next one goes on from there', async () => {
    const first = await compose();
    await apply(first, { north: ['live'] });
    await first.probeOnce();
    const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()];
    sites.before = async (_slug, action) => {
      if (action !== 'database/migrate') return undefined;
      reached.resolve();
      return goOn.promise;
    };
    await first.work();
    await first.night.planNow();
    await reached.promise;
    const stopped = first.stop();
    goOn.resolve(undefined);
    await stopped;
    servers.pop();
    expect(effectsOf('north-live').at(-1)).toBe('database/migrate');
    await (await compose()).work();
    await expect.poll(runStates).toEqual({ 'north-live': 'succeeded' });
    expect(effectsOf('north-live')).toEqual(FORWARD);
  });

  it('goes on by itself after the database has cut every connection', async () => {
    const server = await compose();
    await apply(server, { north: ['live'] });
    await server.probeOnce();
    await server.work();
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()`.execute(test.db);
    await expect
      .poll(() =>
        server.night.planNow().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    await expect.poll(runStates).toEqual({ 'north-live': 'succeeded' });
  });
});

describe('what is wrong with the surroundings', () => {
  it.each([
    ['a database that is down', 'postgresql://u:topsecret@127.0.0.1:1/x', 'nothing listens there'],
    [
      'a name that nobody knows',
      'postgresql://u:topsecret@no-such-host.invalid/x',
      'PostgreSQL at no-such-host.invalid',
    ],
  ])('%s is one sentence without the password', async (_name, databaseUrl, sentence) => {
    const refused = compose({ databaseUrl });
    await expect(refused).rejects.toThrow(sentence);
    await expect(refused).rejects.not.toThrow('topsecret');
    await expect(refused).rejects.toMatchObject({ name: 'StartProblem' });
  });

  it('a database that does not exist is told', async () => {
    const { databaseUrl } = config();
    const refused = compose({ databaseUrl: databaseUrl?.replace(test.name, 'no_such_database') ?? '' });
    await expect(refused).rejects.toThrow('there is no such database; create it');
  });
});
