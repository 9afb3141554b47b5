/**
 * A small but real site: an application on a real PostgreSQL behind a real HAProxy, in a directory of its own. Nothing of it
 * belongs to Sitelift's process, so a test may kill that as often as it likes. `remove` ends all of it.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestCluster } from '@sitelift/server/drivers/postgres/test-cluster.ts';
import { isListening } from '../../../demo/app/application.ts';
import { pathsUnder, type DemoPaths } from '../../../demo/paths.ts';
import { startService, stopAll, stopService } from '../../../demo/services.ts';
import { freePort } from '../../../demo/world-state.ts';
import { fleetFiles, type FleetFile } from './fleet.ts';
import { TEST_HOST, writeProxy, type SmallProxy } from './proxy.ts';
import { serviceOf, startSpec } from './start-spec.ts';

export const SLUG = 'north-live';

const SCHEMA_1 = `
  create table schema_version (version text primary key);
  insert into schema_version values ('1.0.0');
  create table notes (id serial primary key, text text not null);
  create table pages (id int primary key, body text not null);`;
const PAGES = `
  insert into pages select i, (select string_agg(md5(random()::text || i || j), '') from generate_series(1, 32) j)
    from generate_series(1, $1::int) i`;
/** Below the ports that the system gives to outgoing connections. */
const [FIRST_PORT, PORTS] = [16_000, 16_000];
const LISTEN_LIMIT_MS = 20_000;

/** What a user gets, through the proxy. */
export interface Served {
  readonly status: number;
  /** Our maintenance page. */
  readonly closed: boolean;
  /** The backend that HAProxy sent the request to. */
  readonly backend: string | null;
  readonly body: string;
}

/** One line of the vendor's own log of what its scripts really did. */
export interface Effect {
  readonly action: string;
  readonly attempt: number;
  readonly idempotent: boolean;
  readonly resumed: boolean;
}

export interface SmallSite {
  readonly paths: DemoPaths;
  readonly cluster: TestCluster;
  readonly database: string;
  readonly proxy: SmallProxy;
  readonly files: readonly FleetFile[];
  /** The same files in a directory, for `sitelift apply -f`. */
  readonly fleetDir: string;
  /** A request of a user; rejects when nobody answers. */
  ask(path: string): Promise<Served>;
  /** Version and notes as a user sees them, or a word when he does not: what must be the same afterwards. */
  seen(): Promise<
    { readonly version: string; readonly backend: string; readonly notes: readonly string[] } | string
  >;
  effects(): Promise<readonly Effect[]>;
  /**
   * Holds a lock on a table until released: whatever reads or alters it waits in the middle. `waiting` resolves when a
   * session that runs such a statement does.
   */
  hold(table?: 'notes' | 'pages'): Promise<{
    waiting(statement: RegExp): Promise<void>;
    release(): Promise<void>;
  }>;
  /** Puts this version's code into a slot: another than the one that should start cannot be started. */
  putCode(slot: string, version: string): Promise<void>;
  remove(): Promise<void>;
}

export interface SiteOptions {
  readonly notes?: readonly string[];
  /** Rows of 1 KiB that no dump can compress much. */
  readonly pages?: number;
  /** In place of the cluster's own: where pg_dump and pg_restore lie. */
  readonly binDir?: string;
  /** True: the playbook that ships, with its pauses before a repeat. */
  readonly patient?: boolean;
}

async function takePorts<const Name extends string>(names: readonly Name[]): Promise<Record<Name, number>> {
  const taken = new Set<number>();
  const ports: [Name, number][] = [];
  for (const name of names) {
    const port = await freePort(FIRST_PORT + Math.floor(Math.random() * PORTS), taken);
    taken.add(port);
    ports.push([name, port]);
  }
  return Object.fromEntries(ports) as Record<Name, number>; // as: fromEntries forgets what it was given
}

function asUser(frontend: string, path: string): Promise<Served> {
  const { port } = new URL(frontend);
  return new Promise((resolve, reject) => {
    const request = get(
      new URL(path, frontend),
      { agent: false, headers: { host: `${TEST_HOST}:${port}` }, timeout: 10_000 },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.once('error', reject);
        response.once('end', () => {
          const { 'x-sitelift-maintenance': marker, 'x-sitelift-backend': backend } = response.headers;
          const status = response.statusCode ?? 0;
          resolve({
            status,
            closed: status === 503 && marker !== undefined,
            backend: typeof backend === 'string' ? backend : null,
            body,
          });
        });
      },
    );
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', reject);
  });
}

async function listens(port: number): Promise<void> {
  const deadline = performance.now() + LISTEN_LIMIT_MS;
  while (!(await isListening(port))) {
    if (performance.now() > deadline) throw new Error(`nothing listens on ${port}`);
    await pause(10);
  }
}

async function hold(cluster: TestCluster, database: string, table: string) {
  const client = await cluster.connect(database);
  await client.query(`begin; lock table ${table} in access exclusive mode`);
  return {
    waiting: async (statement: RegExp) => {
      const deadline = performance.now() + LISTEN_LIMIT_MS;
      for (;;) {
        const rows = await cluster.query<{ query: string }>(
          'postgres',
          `select query from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'`,
          [database],
        );
        if (rows.some(({ query }) => statement.test(query))) return;
        if (performance.now() > deadline) throw new Error(`nothing waits for ${table} with ${statement}`);
        await pause(20);
      }
    },
    release: () => client.end(),
  };
}

export async function startSmallSite(cluster: TestCluster, options: SiteOptions = {}): Promise<SmallSite> {
  const { notes = ['first', 'second'], pages = 0, binDir = cluster.binDir, patient = false } = options;
  const paths = pathsUnder(await mkdtemp(join(tmpdir(), 'sitelift-site-')));
  const { proxy: proxyPort, ...slots } = await takePorts(['proxy', 'blue', 'green']);
  const name = `north_${slots.blue}`;
  const database = { host: cluster.host, port: cluster.port, user: cluster.user, name };
  const proxy = await writeProxy(paths, proxyPort, slots);
  await cluster.query('postgres', `create database ${name}`);
  await cluster.query(name, SCHEMA_1);
  await cluster.query(name, 'insert into notes (text) select unnest($1::text[])', [notes]);
  if (pages > 0) await cluster.query(name, PAGES, [pages]);
  const putCode = (slot: string, version: string): Promise<void> =>
    writeFile(join(paths.sites, SLUG, slot), version);
  await mkdir(join(paths.sites, SLUG), { recursive: true });
  await putCode('blue', '1.0.0');
  await mkdir(paths.logs, { recursive: true });
  await proxy.start();
  const live = { instance: SLUG, slot: 'blue', version: '1.0.0', port: slots.blue, database };
  await startService(paths, startSpec(live));
  await listens(slots.blue);
  const files = fleetFiles({
    slug: SLUG,
    url: `http://${TEST_HOST}:${proxyPort}/`,
    root: paths.root,
    settings: { ports: slots, database },
    binDir,
    proxyDir: proxy.dir,
    frontend: proxy.frontend,
    playbook: patient ? 'overnight-channel' : 'overnight-channel-impatient',
  });
  await mkdir(paths.fleet);
  await Promise.all(files.map(({ path, text }) => writeFile(join(paths.fleet, path), text)));
  const ask = (path: string): Promise<Served> => asUser(proxy.frontend, path);
  return {
    paths,
    cluster,
    database: name,
    proxy,
    files,
    fleetDir: paths.fleet,
    ask,
    seen: async () => {
      try {
        const [version, texts] = [await ask('/version'), await ask('/notes')];
        if (version.closed || texts.closed) return 'closed';
        if (version.status !== 200 || texts.status !== 200)
          return `${version.status} ${texts.status} ${texts.body}`;
        const parsed = JSON.parse(version.body) as { version: string }; // as: our own application's
        return {
          version: parsed.version,
          backend: version.backend ?? '',
          notes: JSON.parse(texts.body) as string[], // as: our own application's
        };
      } catch (error) {
        return `nobody answers: ${error instanceof Error ? error.message : String(error)}`;
      }
    },
    effects: async () => {
      const text = await readFile(paths.effects, 'utf8').catch(() => '');
      const lines = text.split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as Effect); // as: `recordEffect` writes them
    },
    putCode,
    hold: (table = 'notes') => hold(cluster, name, table),
    remove: async () => {
      await stopAll(paths, [serviceOf(SLUG, 'blue'), serviceOf(SLUG, 'green')]);
      await stopService(paths, 'proxy');
      await rm(paths.root, { recursive: true, force: true });
    },
  };
}
