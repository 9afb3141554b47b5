/** The real Sitelift in this process, with short leases: server, worker, API, and the command line against it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runCli } from '@sitelift/cli/main.ts';
import { createClient, type Client } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import type { RunView } from '@sitelift/contract/views.ts';
import { readConfig, type Config } from '@sitelift/server/config/config.ts';
import { serve } from '@sitelift/server/serve.ts';
import type { TestDatabase } from '@sitelift/server/db/test-database.ts';
import { SLUG, type SmallSite } from './site.ts';

const UNTIL_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 50;

export interface Told {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Sitelift {
  readonly client: Client;
  readonly dataDir: string;
  /** One command line, as a person would type it. */
  cli(...args: readonly string[]): Promise<Told>;
  /** Applies the site's fleet, looks at it, waits, when `before` is given, for that, and starts the upgrade. Its run. */
  startUpgrade(site: SmallSite, before?: () => Promise<void>): Promise<string>;
  run(id: string): Promise<RunView>;
  /** The run as soon as it is so; tells how far it came when that takes too long. */
  until(id: string, what: string, isSo: (run: RunView) => boolean, limitMs?: number): Promise<RunView>;
  /** The run when it has ended, or waits for a person. */
  settled(id: string, limitMs?: number): Promise<RunView>;
  /** Every reason that a step of the run ever gave. */
  reasons(id: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Environment of a Sitelift on this database; `undefined`: it brings its own. */
export function siteliftEnv(dataDir: string, databaseUrl?: string): Record<string, string> {
  return {
    SITELIFT_DATA_DIR: dataDir,
    SITELIFT_PORT: '0',
    SITELIFT_LEASE_SECONDS: '2',
    SITELIFT_HEARTBEAT_SECONDS: '1',
    // Passes come when a test asks for them.
    SITELIFT_PLAN_EVERY_SECONDS: '3600',
    SITELIFT_PROBE_EVERY_SECONDS: '3600',
    SITELIFT_STAFF_EMAIL: 'night@vendor.test',
    SITELIFT_LOG_LEVEL: 'silent',
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
  };
}

export function urlOfTestDatabase({ connection }: TestDatabase): string {
  const { host = '', user = '', database = '' } = connection;
  return `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`;
}

/** Finished, or a person was asked. */
export function isSettled(run: RunView): boolean {
  return run.endedAt !== null || run.state === 'needs-a-person' || run.state === 'waiting';
}

export function stepOf(run: RunView, id: string) {
  return run.steps.find((step) => step.id === id);
}

export function describeRun(run: RunView): string {
  const steps = run.steps
    .filter(({ state }) => state !== 'pending')
    .map(({ lane, id, state, attempt, detail }) => `${lane}/${id}#${attempt} ${state} ${detail ?? ''}`);
  return `${run.state}: ${run.detail ?? ''}\n${steps.join('\n')}`;
}

function configOf(env: Record<string, string>): Config {
  const read = readConfig(env);
  if ('problems' in read) throw new Error(read.problems.join('; '));
  return read.config;
}

export async function startSitelift(databaseUrl?: string, dataDir?: string): Promise<Sitelift> {
  const dir = dataDir ?? (await mkdtemp(join(tmpdir(), 'sitelift-e2e-')));
  const served = await serve(configOf(siteliftEnv(dir, databaseUrl)), { http: true, worker: true });
  const client = createClient({ baseUrl: served.url, token: served.localToken });
  const run = (id: string): Promise<RunView> => client.call(routes.getRun, { params: { run: id } });

  const until: Sitelift['until'] = async (id, what, isSo, limitMs = UNTIL_LIMIT_MS) => {
    const deadline = performance.now() + limitMs;
    let last = 'nothing was seen of it';
    for (;;) {
      // The database behind it may be away for a while.
      const seen = await run(id).catch((error: unknown) => String(error));
      if (typeof seen !== 'string' && isSo(seen)) return seen;
      last = typeof seen === 'string' ? seen : describeRun(seen);
      if (performance.now() > deadline) throw new Error(`not ${what} after ${limitMs} ms: ${last}`);
      await pause(LOOK_EVERY_MS);
    }
  };

  return {
    client,
    dataDir: dir,
    cli: async (...args) => {
      const [out, err]: [string[], string[]] = [[], []];
      const terminal = {
        out: (text: string) => void out.push(text),
        err: (text: string) => void err.push(text),
        isTty: false,
        columns: 200,
      };
      const env = { SITELIFT_URL: served.url, SITELIFT_TOKEN: served.localToken };
      const code = await runCli(args, terminal, env);
      return { code, out: out.join('\n'), err: err.join('\n') };
    },
    startUpgrade: async (site, before = () => Promise.resolve()) => {
      await client.call(routes.applyFleet, { body: { files: [...site.files] } });
      await served.probeOnce();
      await before();
      const { run: id } = await client.call(routes.requestUpgrade, {
        body: { instance: SLUG, reason: 'a test' },
      });
      return id;
    },
    run,
    until,
    settled: (id, limitMs) => until(id, 'settled', isSettled, limitMs),
    reasons: async (id) => {
      const { events } = await client.call(routes.runJournal, { params: { run: id }, query: {} });
      return events.flatMap(({ body }) => (typeof body['reason'] === 'string' ? [body['reason']] : []));
    },
    stop: async () => {
      await served.stop();
      if (dataDir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}
