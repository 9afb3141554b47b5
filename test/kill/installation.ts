/**
 * A Sitelift of real processes that may be killed: `sitelift serve` without work of its own, workers, a PostgreSQL and a mail
 * server, looked after as by a service manager: what dies is started again. Everything is on short leases.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient, type Client as Api } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import { LOCAL_TOKEN_FILE } from '@sitelift/server/people/local-token.ts';
import { Pool } from 'pg';
import { startCluster, type Cluster } from './cluster.ts';
import { fleetOf, layOutSite, type KillPlaybook } from './kill-fleet.ts';
import { startMailbox, type Mailbox } from './mailbox.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const START_LIMIT_MS = 120_000;
const LOOK_EVERY_MS = 20;
export const LEASE_SECONDS = 2;

/** A process that is started again when it dies, until it is to stop. */
export class Kept {
  readonly name: string;
  private readonly spawnIt: () => Promise<ChildProcess>;
  private stopping = false;
  private life: Promise<void> = Promise.resolve();
  private first: Promise<void> = Promise.resolve();
  child: ChildProcess | null = null;
  /** When it died last, monotonic. */
  diedAt = 0;
  deaths = 0;

  constructor(name: string, spawnIt: () => Promise<ChildProcess>) {
    this.name = name;
    this.spawnIt = spawnIt;
  }

  async start(): Promise<void> {
    const started = Promise.withResolvers<void>();
    this.first = started.promise;
    this.life = this.live(started.resolve);
    await this.first;
  }

  private async live(started: () => void): Promise<void> {
    while (!this.stopping) {
      const child = await this.spawnIt();
      this.child = child;
      started();
      await once(child, 'exit');
      this.diedAt = performance.now();
      this.deaths += 1;
      // One that cannot start at all is not tried a hundred times a second.
      if (!this.stopping) await pause(100);
    }
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.kill();
    await this.life;
  }
}

export interface Installation {
  readonly dir: string;
  readonly dataDir: string;
  readonly cluster: Cluster;
  readonly server: Kept;
  readonly workers: readonly Kept[];
  readonly mailbox: Mailbox;
  /** Our own look at the rows; errors while the database is away. */
  readonly rows: Pool;
  api(): Promise<Api>;
  /** Starts the upgrade of a site; its run. Asked again it answers the same: one key per site. */
  startRun(slug: string): Promise<string>;
  /** What the processes said, for a person who reads why a test failed. */
  output(): Promise<string>;
  remove(): Promise<void>;
}

export interface InstallationOptions {
  readonly binDir: string;
  readonly slugs: readonly string[];
  readonly playbook: KillPlaybook;
  readonly failpoints: readonly string[];
  readonly pauseSeconds: number;
  readonly runsAtOnce?: number;
  /** `site/step` whose first attempt acts for more than a second. */
  readonly slow?: readonly string[];
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo; // as: a TCP server's address is never a path
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Asks again until it is so. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null>,
  limitMs = START_LIMIT_MS,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  let last: unknown = 'it is not so';
  for (;;) {
    try {
      const found = await look();
      if (found !== null) return found;
      last = 'it is not so';
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`, { cause: last });
    await pause(LOOK_EVERY_MS);
  }
}

export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const { slugs, playbook } = options;
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-kill-'));
  const dataDir = join(dir, 'data');
  await mkdir(dataDir);
  for (const slug of slugs) await layOutSite(dir, slug);
  const cluster = await startCluster(options.binDir);
  const mailbox = await startMailbox();
  const rows = new Pool({ ...cluster.connection, max: 2 });
  rows.on('error', () => {});
  rows.on('connect', (client) => client.on('error', () => {}));

  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
    DATABASE_URL: cluster.url,
    SITELIFT_DATA_DIR: dataDir,
    SITELIFT_PORT: String(await freePort()),
    SITELIFT_LEASE_SECONDS: String(LEASE_SECONDS),
    SITELIFT_HEARTBEAT_SECONDS: '1',
    SITELIFT_PLAN_EVERY_SECONDS: '3600',
    SITELIFT_PROBE_EVERY_SECONDS: '3600',
    SITELIFT_STAFF_EMAIL: 'night@vendor.test',
    SITELIFT_LOG_LEVEL: 'error',
    SITELIFT_RUNS_AT_ONCE: '0',
  };
  const working = {
    ...environment,
    SITELIFT_RUNS_AT_ONCE: String(options.runsAtOnce ?? 8),
    SITELIFT_SMTP_URL: mailbox.url,
    SITELIFT_MAIL_FROM: 'night@vendor.test',
    SITELIFT_FAILPOINT: options.failpoints.join(','),
  };
  const logFile = join(dir, 'output.log');
  const kept = (name: string, command: string, env: Record<string, string>): Kept =>
    new Kept(name, async () => {
      const log = await open(logFile, 'a');
      try {
        const argv = [join(REPOSITORY, 'bin/main.ts'), command];
        return spawn(process.execPath, argv, { cwd: REPOSITORY, env, stdio: ['ignore', log.fd, log.fd] });
      } finally {
        await log.close();
      }
    });
  const server = kept('server', 'serve', environment);
  const workers = ['first', 'second'].map((name) => kept(name, 'worker', working));

  const readToken = async (): Promise<{ url: string; token: string }> =>
    JSON.parse(await readFile(join(dataDir, LOCAL_TOKEN_FILE), 'utf8')) as { url: string; token: string }; // as: the server's own file
  const api = async (): Promise<Api> => {
    const { url, token } = await readToken();
    return createClient({ baseUrl: url, token });
  };
  const remove = async (): Promise<void> => {
    await Promise.all([server, ...workers].map((each) => each.stop()));
    await rows.end();
    await cluster.remove();
    await mailbox.close();
    await rm(dir, { recursive: true, force: true });
  };

  const installation: Installation = {
    dir,
    dataDir,
    cluster,
    server,
    workers,
    mailbox,
    rows,
    api,
    startRun: async (slug) => {
      const { run } = await (
        await api()
      ).call(routes.requestUpgrade, {
        body: { instance: slug, reason: 'to be killed', anyTime: true },
        idempotencyKey: `kill-${slug}`,
      });
      return run;
    },
    output: () => readFile(logFile, 'utf8').catch(() => ''),
    remove,
  };
  try {
    await server.start();
    await until('the server is up', async () => (await (await api()).call(routes.health, {})) && true);
    await (
      await api()
    ).call(routes.applyFleet, {
      body: { files: [...fleetOf(slugs, playbook, dir, options.pauseSeconds, options.slow ?? [])] },
    });
    await Promise.all(workers.map((worker) => worker.start()));
    await until(
      'every site was looked at',
      async () => {
        const { rows: blind } = await rows.query<{ slug: string; problem: string | null }>(
          'select slug, observed_problem as problem from instance where observed_version is null',
        );
        const [first] = blind;
        if (first?.problem != null) throw new Error(`${first.slug}: ${first.problem}`);
        return blind.length === 0 ? true : null;
      },
      30_000,
    );
    return installation;
  } catch (error) {
    const said = await installation.output();
    await remove();
    throw new Error(`the installation did not start: ${said}`, { cause: error });
  }
}
