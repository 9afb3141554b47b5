/**
 * For tests: a whole Sitelift on a fresh database with fake sites at the edge, people of every role, and the real API in
 * front of it. One product, `shop`, upgraded by the playbook that the test brings along.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { composeServer, type ComposedServer } from './compose.ts';
import { readConfig } from './config/config.ts';
import { createTestDatabase, type TestDatabase } from './db/test-database.ts';
import { FakeSites } from './fake-sites.ts';
import { startHttpServer, type HttpServer } from './http/http-server.ts';
import { addSamplePeople, type SamplePeople } from './http/sample-server.ts';

const SETTINGS = {
  publicUrl: 'http://127.0.0.1:7410',
  version: '0',
  demo: false,
  mail: 'not-configured',
  webDir: '/nowhere',
} as const;

export interface Bed {
  readonly test: TestDatabase;
  readonly sites: FakeSites;
  readonly server: ComposedServer;
  /** Origin of its API. */
  readonly address: string;
  readonly people: SamplePeople;
  /** What the server told its log as an error. */
  readonly problems: readonly string[];
  /** Applies files; throws with every fault. Sites of the instances named are added on version 1.0.0. */
  apply(files: Readonly<Record<string, string>>, instances: readonly string[]): Promise<void>;
  /** Starts an upgrade of an instance now; the id of its run. No channel has the release, so the night starts none itself. */
  start(instance: string, headers: Record<string, string>): Promise<string>;
  send(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Response>;
  stateOf(runId: string): Promise<string>;
  /** State and attempt of a step, `waiting#1`. */
  stepOf(runId: string, step: string): Promise<string>;
  stop(): Promise<void>;
}

export function vendorFile(playbook: string, families: readonly string[] = ['app', 'proxy', 'database']): string {
  const bindings = families.map((family) => `${family}: { driver: fake }`).join(', ');
  return `
products:
  - product: shop
    name: Shop
    playbook: ${playbook}
    settings: { slots: [blue, green] }
    bindings: { ${bindings} }
releases:
  - { product: shop, version: 1.0.0, kind: minor, artefact: { npm: shop, version: 1.0.0 } }
  - { product: shop, version: 2.0.0, kind: minor, artefact: { npm: shop, version: 2.0.0 }, smokeTest: passed }
policy: { P3: any-time }
`;
} // prettier-ignore

export function customerFile(slug: string, roles: readonly string[]): string {
  const instances = roles.map(
    (role) => `  - { instance: ${slug}-${role}, role: ${role}, product: shop, url: "http://${slug}-${role}.test/",
      zone: Europe/Amsterdam, target: release }`,
  );
  return `customer: ${slug}
name: ${slug}
contacts: [{ name: Ada, email: ada@${slug}.test, roles: [primary] }]
instances:
${instances.join('\n')}
`;
} // prettier-ignore

let keys = 0;

export async function openBed(): Promise<Bed> {
  const test = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'sitelift-bed-'));
  const sites = new FakeSites();
  const problems: string[] = [];
  const read = readConfig({ SITELIFT_DATA_DIR: dataDir, SITELIFT_STAFF_EMAIL: 'night@vendor.test' });
  if ('problems' in read) throw new Error(read.problems.join('; '));
  const { host = '', user = '', database = '' } = test.connection;
  const databaseUrl = `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`;
  // Passes come when a test asks for them; leases are short.
  const passes = { planEverySeconds: 3_600, probeEverySeconds: 3_600, leaseSeconds: 2, heartbeatSeconds: 1 };
  const server = await composeServer(
    { ...read.config, ...passes, databaseUrl, upgradesAtOnce: 4, runsAtOnce: 4 },
    {
      actions: { findAction: sites.findAction, bind: sites.bind },
      log: { info: () => {}, error: (_facts, text) => problems.push(text) },
    },
  );
  const deps = await server.http(SETTINGS);
  const http: HttpServer = await startHttpServer(deps, { host: '127.0.0.1', port: 0 });
  const people = await addSamplePeople(test.db);

  const send: Bed['send'] = (method, path, headers, body) =>
    fetch(`${http.address}${path}`, {
      method,
      headers: {
        ...headers,
        'idempotency-key': `key-${(keys += 1)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  return {
    test,
    sites,
    server,
    address: http.address,
    people,
    problems,
    apply: async (files, instances) => {
      for (const instance of instances) sites.add(instance, '1.0.0');
      const texts = Object.entries(files).map(([path, text]) => ({ path, text }));
      const applied = await deps.applyFleet(texts, { dryRun: false, prune: false, actor: 'ops' });
      if ('fileErrors' in applied) throw new Error(JSON.stringify(applied.fileErrors, null, 1));
      await server.probeOnce();
    },
    start: async (instance, headers) => {
      const answer = await send('POST', '/api/v1/upgrades', headers, {
        instance,
        version: '2.0.0',
        reason: 'now',
        anyTime: true,
      });
      const started = (await answer.json()) as { run?: string }; // as: the route's own schema
      if (started.run === undefined) throw new Error(JSON.stringify(started));
      return started.run;
    },
    send,
    stateOf: async (runId) => {
      const { rows } = await sql<{ state: string }>`select state from run where id = ${runId}`.execute(
        test.db,
      );
      return rows[0]?.state ?? 'unknown';
    },
    stepOf: async (runId, step) => {
      const { rows } = await sql<{ state: string; attempt: number }>`
        select state, attempt from run_step where run_id = ${runId} and lane = 'main' and step_id = ${step}`.execute(
        test.db,
      );
      return `${rows[0]?.state}#${rows[0]?.attempt}`;
    },
    stop: async () => {
      await http.stop();
      await server.stop({ graceMs: 0 });
      await test.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
