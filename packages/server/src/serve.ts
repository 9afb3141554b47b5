/** `sitelift serve` and `sitelift worker`: composes the parts that are asked for, and stops them so that nothing is lost. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { destination, pino } from 'pino';
import { composeServer } from './compose.ts';
import { describeConfig, type Config } from './config/config.ts';
import { startHttpServer, type HttpServer } from './http/http-server.ts';
import { StartProblem } from './open-installation.ts';
import { createFirstAccount } from './people/first-account.ts';
import { writeLocalToken } from './people/local-token.ts';

export interface Parts {
  readonly http: boolean;
  readonly worker: boolean;
  /** A taken port is replaced by the next free one, and the pages say that this is the demo. */
  readonly demo?: boolean;
  /** Lines for the person at the terminal. */
  readonly say?: (line: string) => void;
}

export interface Served {
  /** Where people reach it; empty without the HTTP part. */
  readonly url: string;
  /** Token of this machine, for the command line; empty without the HTTP part. */
  readonly localToken: string;
  /** Looks at every instance now. */
  probeOnce(): Promise<void>;
  /** Runs leave between two steps; resolves when everything is down. */
  stop(): Promise<void>;
}

const WEB_DIR = fileURLToPath(new URL('../../web/dist/', import.meta.url));
const PACKAGE_FILE = new URL('../../../package.json', import.meta.url);
/** The demo looks this far for a free port. */
const PORTS_TRIED = 50;
const STDERR = 2;

/** The port if it is free (0: any that is), else why not. */
function tryPort(host: string, port: number): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', resolve);
    probe.listen(port, host, () => {
      const address = probe.address();
      const free = typeof address === 'object' && address !== null ? address.port : port;
      probe.close(() => resolve(free));
    });
  });
}

/** Known before anything is composed, because links and cookies carry it. */
async function choosePort(host: string, port: number, orNext: boolean): Promise<number> {
  const tries = orNext && port !== 0 ? PORTS_TRIED : 1;
  for (let index = 0; index < tries; index += 1) {
    const found = await tryPort(host, port + index);
    if (typeof found === 'number') return found;
    if (found.code !== 'EADDRINUSE')
      throw new StartProblem(`cannot listen on ${host}:${port + index}: ${found.message}`);
  }
  throw new StartProblem(
    `port ${port} of ${host} is taken: set SITELIFT_PORT to a free one, or to 0 for any`,
  );
}

/** As a browser on this machine writes it. */
function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

async function readToken(path: string): Promise<string> {
  const { token } = JSON.parse(await readFile(path, 'utf8')) as { token: string }; // as: written a moment ago
  return token;
}

async function readVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(PACKAGE_FILE, 'utf8')) as { version: string }; // as: our own file
  return version;
}

export async function serve(config: Config, parts: Parts): Promise<Served> {
  const { demo = false, say = () => {} } = parts;
  const log = pino({ level: config.logLevel }, destination(STDERR));
  for (const line of describeConfig(config)) log.info(line);
  const port = parts.http ? await choosePort(config.host, config.port, demo) : config.port;
  const url = config.publicUrl ?? urlOf(config.host, port);
  const server = await composeServer({ ...config, publicUrl: url }, { log });
  // A worker beside a server uses that server's database: it is not ours to stop.
  const keepDatabase = !parts.http;
  let http: HttpServer | null = null;
  let localToken = '';
  const stop = async (): Promise<void> => {
    await http?.stop();
    await server.stop({ keepDatabase });
  };
  try {
    if (parts.http) {
      const account = await createFirstAccount(server.db);
      if (account !== null)
        say(`First account: ${account.email}, one-time password ${account.oneTimePassword}`);
      const mail = config.smtpUrl === null ? 'not-configured' : 'configured';
      if (mail === 'not-configured')
        say('No mail server is configured: notices stay queued (SITELIFT_SMTP_URL).');
      const deps = await server.http({
        publicUrl: url,
        version: await readVersion(),
        demo,
        mail,
        webDir: WEB_DIR,
      });
      http = await startHttpServer(deps, { host: config.host, port });
      localToken = await readToken(
        await writeLocalToken(server.db, server.dataDir, urlOf(config.host, port)),
      );
    }
    if (parts.worker) await server.work();
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: parts.http ? url : '', localToken, probeOnce: server.probeOnce, stop };
}

/** Serves until told to stop; a second signal ends at once (a run that it cuts off goes on from its journal). */
export async function serveUntilStopped(config: Config, parts: Parts): Promise<void> {
  const { say = () => {} } = parts;
  const asked = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (signals > 1) process.exit(130);
    say('Stopping: runs leave after the step they are at. Once more to stop at once.');
    asked.resolve();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const served = await serve(config, parts);
    say(served.url === '' ? 'Sitelift works.' : `Sitelift is at ${served.url}`);
    await asked.promise;
    await served.stop();
  } finally {
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
  }
}
