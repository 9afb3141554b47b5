/**
 * The real server with its real console on a database of its own; only the sites behind it are fakes, at the edge. Steps
 * wait where a test wants to look, and print what a test wants to read.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeServer, type ComposedServer } from '@sitelift/server/compose.ts';
import { readConfig } from '@sitelift/server/config/config.ts';
import { createTestDatabase, type TestDatabase } from '@sitelift/server/db/test-database.ts';
import type { LogSink } from '@sitelift/server/drivers/driver.ts';
import { FakeSites } from '@sitelift/server/fake-sites.ts';
import { startHttpServer, type HttpServer } from '@sitelift/server/http/http-server.ts';
import { createFirstAccount } from '@sitelift/server/people/first-account.ts';
import { buildWebIfStale } from '../../../scripts/build-web.ts';
import { REPOSITORY } from '../demo-process.ts';

const FLEET = `
products:
  - product: shop
    name: Shop
    playbook: overnight-channel
    settings: { slots: [blue, green] }
    bindings: { app: { driver: fake }, proxy: { driver: fake }, database: { driver: fake } }
releases:
  - { product: shop, version: 1.0.0, kind: minor, artefact: { npm: shop, version: 1.0.0 } }
  - { product: shop, version: 2.0.0, kind: minor, artefact: { npm: shop, version: 2.0.0 }, smokeTest: passed, channels: [release] }
freezes:
  - { freeze: stocktaking, scope: { instance: south-live }, from: 2026-01-01T00:00:00Z, reason: They count the shelves, owner: primary@south.test }
policy: { P3: any-time, P28: { value: [uat], role: live } }
`;

function customer(slug: string, name: string, roles: readonly string[]): string {
  const instances = roles.map(
    (role) =>
      `  - { instance: ${slug}-${role}, role: ${role}, product: shop, url: "http://${slug}-${role}.test/", zone: Europe/Amsterdam, target: release }`,
  );
  return `customer: ${slug}\nname: ${name}\ninstances:\n${instances.join('\n')}\n`;
}

const CUSTOMERS = [
  ['north', 'North Books', ['uat', 'live']],
  ['south', 'South Shoes', ['live']],
] as const;

/** One step of one site, stopped where a test can look at it. */
export interface Gate {
  /** Resolves to the log of the step as soon as it is there. */
  readonly reached: Promise<LogSink>;
  readonly open: () => void;
}

export interface ConsoleBed {
  readonly origin: string;
  readonly email: string;
  readonly oneTimePassword: string;
  readonly server: ComposedServer;
  /** The next time that this site comes to this action, it waits there until the gate is opened. */
  gateAt(site: string, action: string): Gate;
  /** Nothing answers at this address meanwhile. */
  whileAway(look: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** Links, cookies and the check of the origin carry the port, so it is known before. */
function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address() as AddressInfo; // as: it listens on TCP
    probe.close(() => resolve(port));
  });
  return promise;
}

function gated(sites: FakeSites): ConsoleBed['gateAt'] {
  const gates = new Map<string, { reached: (log: LogSink) => void; opened: Promise<void> }>();
  sites.before = async (site, action, { log }) => {
    const gate = gates.get(`${site} ${action}`);
    if (gate === undefined) return undefined;
    gate.reached(log);
    await gate.opened;
    gates.delete(`${site} ${action}`);
    return undefined;
  };
  return (site, action) => {
    const reached = Promise.withResolvers<LogSink>();
    const opened = Promise.withResolvers<void>();
    gates.set(`${site} ${action}`, { reached: reached.resolve, opened: opened.promise });
    return { reached: reached.promise, open: () => opened.resolve() };
  };
}

async function applyFleet(
  server: ComposedServer,
  deps: Awaited<ReturnType<ComposedServer['http']>>,
): Promise<void> {
  const files = [
    { path: 'vendor.yaml', text: FLEET },
    ...CUSTOMERS.map(([slug, name, roles]) => ({ path: `${slug}.yaml`, text: customer(slug, name, roles) })),
  ];
  const applied = await deps.applyFleet(files, { dryRun: false, prune: false, actor: 'a test' });
  if ('fileErrors' in applied) throw new Error(JSON.stringify(applied.fileErrors, null, 1));
  await server.probeOnce();
}

export async function openConsoleBed(): Promise<ConsoleBed> {
  const notBuilt = await buildWebIfStale(() => {});
  if (notBuilt !== null) throw new Error(notBuilt);
  const test: TestDatabase = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'sitelift-console-'));
  const read = readConfig({ SITELIFT_DATA_DIR: dataDir });
  if ('problems' in read) throw new Error(read.problems.join('; '));
  const { host = '', user = '', database = '' } = test.connection;
  const databaseUrl = `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`;
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const sites = new FakeSites();
  for (const [slug, , roles] of CUSTOMERS) for (const role of roles) sites.add(`${slug}-${role}`, '1.0.0');
  // Passes come when a test asks for them.
  const passes = { planEverySeconds: 3_600, probeEverySeconds: 3_600 };
  const server = await composeServer(
    { ...read.config, ...passes, databaseUrl, publicUrl: origin, upgradesAtOnce: 4, runsAtOnce: 4 },
    { actions: { findAction: sites.findAction, bind: sites.bind } },
  );
  const account = await createFirstAccount(server.db);
  if (account === null) throw new Error('a new database has an account already');
  const deps = await server.http({
    publicUrl: origin,
    version: '0.0.0',
    demo: false,
    mail: 'not-configured',
    webDir: join(REPOSITORY, 'packages/web/dist'),
  });
  const serveHttp = (): Promise<HttpServer> => startHttpServer(deps, { host: '127.0.0.1', port });
  let http = await serveHttp();
  await applyFleet(server, deps);
  return {
    origin,
    ...account,
    server,
    gateAt: gated(sites),
    whileAway: async (look) => {
      await http.stop();
      await look();
      http = await serveHttp();
    },
    stop: async () => {
      await http.stop();
      await server.stop({ graceMs: 0 });
      await test.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
