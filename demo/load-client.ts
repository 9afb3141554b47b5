/**
 * The customers' users, a process of its own: asks every site every 100 ms through the proxy and counts what comes back. It
 * knows nothing of Sitelift. An answer is one of
 *
 * - `ok`: the site itself answered (200);
 * - `maintenance`: 503 with our marker header, kept as stretches with the first and last time that it was seen;
 * - `failed`: anything else: another 503, a 500, a refused or reset connection, a time-out. Not one may happen;
 * - a reset on a connection that was kept open since an earlier request says nothing about the site (every browser sends it
 *   again), so it is sent again on a fresh connection and counted apart.
 *
 *   node demo/load-client.ts --origin http://127.0.0.1:8080 --sites north-live,north-uat --out report.json [--every 100] [--minutes 60]
 *
 * The report is written every second and once more, complete, on SIGTERM or SIGINT.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { parseArgs } from 'node:util';

/** Times are epoch milliseconds. */
export interface MaintenanceStretch {
  /** When the first request that met the page was sent. */
  readonly firstAt: number;
  /** When the last request that met the page was answered. */
  readonly lastAt: number;
  readonly requests: number;
}

export interface FailedRequest {
  readonly at: number;
  readonly why: string;
}

export interface SiteReport {
  readonly total: number;
  readonly ok: number;
  readonly maintenance: number;
  readonly failed: number;
  /** Resets of reused connections, sent again on a fresh one; not part of `total` a second time. */
  readonly retried: number;
  readonly stretches: readonly MaintenanceStretch[];
  /** The first failures, for whoever looks for their cause. */
  readonly failures: readonly FailedRequest[];
}

export interface RequestReport {
  readonly startedAt: number;
  readonly endedAt: number;
  /** By the slug of the instance. */
  readonly sites: Readonly<Record<string, SiteReport>>;
}

const MARKER = 'x-sitelift-maintenance';
/** In turn: the page that a user opens, and the application's own word that it is well. */
const PATHS = ['/', '/health'] as const;
/** A request that takes longer has failed: no user waits longer for a page. */
const REQUEST_LIMIT_MS = 10_000;
const WRITE_EVERY_MS = 1000;
const FAILURES_KEPT = 50;

type Verdict =
  | { readonly kind: 'ok' | 'maintenance' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'stale-connection' };

/** Mutable: one per site, written by its own requests only. */
class SiteCount {
  total = 0;
  ok = 0;
  maintenance = 0;
  failed = 0;
  retried = 0;
  stretches: { firstAt: number; lastAt: number; requests: number }[] = [];
  failures: FailedRequest[] = [];
  /** False once something else than the page was seen: the next page begins a new stretch. */
  private inStretch = false;

  add(verdict: Verdict, sentAt: number, answeredAt: number): void {
    this.total += 1;
    if (verdict.kind === 'maintenance') {
      this.maintenance += 1;
      const open = this.inStretch ? this.stretches.at(-1) : undefined;
      if (open === undefined) this.stretches.push({ firstAt: sentAt, lastAt: answeredAt, requests: 1 });
      else {
        open.firstAt = Math.min(open.firstAt, sentAt);
        open.lastAt = Math.max(open.lastAt, answeredAt);
        open.requests += 1;
      }
      this.inStretch = true;
      return;
    }
    this.inStretch = false;
    if (verdict.kind === 'ok') this.ok += 1;
    else {
      this.failed += 1;
      const why = verdict.kind === 'failed' ? verdict.why : 'reset';
      if (this.failures.length < FAILURES_KEPT) this.failures.push({ at: sentAt, why });
    }
  }

  report(): SiteReport {
    const { total, ok, maintenance, failed, retried, stretches, failures } = this;
    return { total, ok, maintenance, failed, retried, stretches, failures };
  }
}

function judge(response: IncomingMessage, path: string): Verdict {
  const status = response.statusCode ?? 0;
  if (status === 503 && response.headers[MARKER] !== undefined) return { kind: 'maintenance' };
  if (status === 200) return { kind: 'ok' };
  return { kind: 'failed', why: `GET ${path} answered ${status}` };
}

function ask(origin: URL, host: string, path: string, agent: Agent | false): Promise<Verdict> {
  return new Promise((done) => {
    const sent = request(
      {
        hostname: origin.hostname,
        port: origin.port,
        path,
        agent,
        headers: { host, 'x-forwarded-proto': 'http' },
        signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
      },
      (response) => {
        response.on('error', (error) =>
          done({ kind: 'failed', why: `GET ${path} broke off: ${error.message}` }),
        );
        response.on('end', () => done(judge(response, path)));
        response.resume();
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => {
      const reset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      if (sent.reusedSocket && reset) done({ kind: 'stale-connection' });
      else done({ kind: 'failed', why: `GET ${path}: ${error.code ?? error.message}` });
    });
    sent.end();
  });
}

export interface LoadOptions {
  readonly origin: URL;
  readonly sites: readonly string[];
  readonly everyMs: number;
}

/** Starts asking; `stop` waits for the requests in flight and gives the complete report. */
export function startAsking(options: LoadOptions): {
  report(): RequestReport;
  stop(): Promise<RequestReport>;
} {
  const { origin, sites, everyMs } = options;
  const startedAt = Date.now();
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const counts = new Map(sites.map((site) => [site, new SiteCount()]));
  const inFlight = new Set<Promise<void>>();
  let round = 0;

  const askOnce = async (site: string, count: SiteCount, path: string): Promise<void> => {
    const host = `${site}.localhost${origin.port === '' ? '' : `:${origin.port}`}`;
    const sentAt = Date.now();
    let verdict = await ask(origin, host, path, agent);
    if (verdict.kind === 'stale-connection') {
      count.retried += 1;
      verdict = await ask(origin, host, path, false);
    }
    count.add(verdict, sentAt, Date.now());
  };

  const report = (): RequestReport => ({
    startedAt,
    endedAt: Date.now(),
    sites: Object.fromEntries([...counts].map(([site, count]) => [site, count.report()])),
  });

  const timer = setInterval(() => {
    const path = PATHS[round % PATHS.length] ?? PATHS[0];
    round += 1;
    for (const [site, count] of counts) {
      const asked = askOnce(site, count, path).finally(() => inFlight.delete(asked));
      inFlight.add(asked);
    }
  }, everyMs);

  return {
    report,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(inFlight);
      agent.destroy();
      return report();
    },
  };
}

/** In one piece, and synchronously: this may be the last thing that the process does. */
function writeReport(file: string, report: RequestReport): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(report, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

function main(): void {
  const { values } = parseArgs({
    options: {
      origin: { type: 'string' },
      sites: { type: 'string' },
      out: { type: 'string' },
      every: { type: 'string', default: '100' },
      minutes: { type: 'string', default: '60' },
    },
  });
  const { origin, sites, out, every } = values;
  if (origin === undefined || sites === undefined || out === undefined)
    throw new Error(
      'usage: node demo/load-client.ts --origin <url> --sites <slug,slug> --out <file> [--every <ms>] [--minutes <n>]',
    );
  const asking = startAsking({ origin: new URL(origin), sites: sites.split(','), everyMs: Number(every) });
  const writer = setInterval(() => writeReport(out, asking.report()), WRITE_EVERY_MS);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    clearInterval(writer);
    void asking.stop().then((report) => {
      writeReport(out, report);
      process.exit(0);
    });
  };
  // Nobody asks for ever: also when whoever started this is gone.
  setTimeout(stop, Number(values.minutes) * 60_000).unref();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

if (import.meta.main) main();
