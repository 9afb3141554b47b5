/**
 * `npm start` in a new data directory: a vendor's whole house on this machine, and its night played now. Everything is
 * real: the applications, their databases, the proxy, the mails; Sitelift itself runs in this process exactly as `serve`
 * does, and is spoken to through its API only. Killed at any moment and started again, it goes on where it was.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient, type Client } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import { tone } from '@sitelift/cli/terminal.ts';
import type { Config } from '@sitelift/server/config/config.ts';
import { serve } from '@sitelift/server/serve.ts';
import { buildWebIfStale } from '../scripts/build-web.ts';
import { startLoad, type Load } from './load.ts';
import { startMailbox } from './mailbox.ts';
import { watchNight } from './night.ts';
import { judgeNight, showSummary, type NightSummary } from './summary.ts';
import { lineScreen, terminalScreen, type Screen } from './terminal/screen.ts';
import { startWorld, stopWorld, type DemoWorld } from './world.ts';

/** Marks a data directory as the demo's: `npm start` plays the night there and nowhere else. */
const MARKER = 'demo.json';

export async function isDemoDirectory(dataDir: string): Promise<boolean> {
  if (existsSync(join(dataDir, MARKER))) return true;
  const there = await readdir(dataDir).catch(() => []);
  return there.length === 0;
}

export const START_HELP = `npm start [-- --once] [-- --json] [-- --demo]

Without DATABASE_URL, in a new data directory or one that the demo made, plays the demo: eight sites of four customers, and
their night now. Anywhere else it serves the fleet that is there, as \`sitelift serve\` does.

  --once   end after the night: exit code 0 only if every site serves what it should
  --json   print one JSON line last, and progress on standard error
  --demo   the demo, or an error if this data directory is somebody else's

The console is at http://127.0.0.1:7410 (SITELIFT_PORT), the sites at http://<site>.localhost:8080; a port that another
program holds is replaced by the next free one, and the addresses are printed. The data directory is ./data
(SITELIFT_DATA_DIR). Ctrl-C stops everything, the sites as well; kill -9 leaves the sites serving.`;

interface Options {
  readonly once: boolean;
  readonly json: boolean;
}

export function readStartOptions(
  argv: readonly string[],
): (Options & { help: boolean; demo: boolean }) | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        demo: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    return `${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''} (npm start -- --help)`;
  }
}

/** Looks often: this night is played now, and two minutes are long for somebody who watches. */
const PLAN_EVERY_SECONDS = 2;
const PROBE_EVERY_SECONDS = 15;

function demoConfig(config: Config, mailUrl: string): Config {
  return {
    ...config,
    smtpUrl: mailUrl,
    mailFrom: 'sitelift@demo.example.test',
    staffEmail: config.staffEmail ?? 'night-crew@demo.example.test',
    planEverySeconds: Math.min(config.planEverySeconds, PLAN_EVERY_SECONDS),
    probeEverySeconds: Math.min(config.probeEverySeconds, PROBE_EVERY_SECONDS),
    logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel,
  };
}

async function readDirectory(directory: string): Promise<{ path: string; text: string }[]> {
  const names = (await readdir(directory, { recursive: true }))
    .filter((name) => name.endsWith('.yaml'))
    .sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return { path: relative(process.cwd(), path), text: await readFile(path, 'utf8') };
    }),
  );
}

/** Secrets first: the fleet names them. Both are harmless to repeat. */
async function bringFleetIn(client: Client, world: DemoWorld): Promise<void> {
  const { secrets } = await client.call(routes.listSecrets);
  for (const [name, value] of Object.entries(world.secrets)) {
    if (!secrets.some((known) => known.name === name))
      await client.call(routes.setSecret, { params: { name }, body: { value } });
  }
  const files = await readDirectory(world.fleetDir);
  await client.call(routes.applyFleet, { body: { files } });
}

function addresses(url: string, world: DemoWorld, mailDirectory: string): readonly string[] {
  return [
    `  console   ${tone('bold', url)}`,
    ...world.sites.map(({ slug, url: site }) => `  ${slug.padEnd(12)}${site}`),
    `  mails     ${relative(process.cwd(), mailDirectory) || mailDirectory}`,
  ];
}

/** Plays the demo and resolves to the exit code. */
export async function startDemo(options: Options, config: Config): Promise<number> {
  const dataDir = resolve(config.dataDir);
  await mkdir(dataDir, { recursive: true });
  if (!existsSync(join(dataDir, MARKER)))
    await writeFile(join(dataDir, MARKER), `${JSON.stringify({ demo: true })}\n`);
  const stopped = new AbortController();
  const screen: Screen =
    process.stdout.isTTY && !options.json
      ? terminalScreen(process.stdout)
      : lineScreen((line) => void (options.json ? process.stderr : process.stdout).write(`${line}\n`));
  const say = (line: string): void => screen.say(line);

  const onSignal = (): void => {
    // A second one: at once. The sites keep serving, as after kill -9.
    if (stopped.signal.aborted) process.exit(130);
    stopped.abort(new Error('stopped'));
    say('Stopping: Sitelift first, then the sites.');
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

  let load: Load | null = null;
  const closing: (() => Promise<unknown>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse())
      await close().catch((error: unknown) => say(String(error)));
  };
  try {
    const notBuilt = await buildWebIfStale(say);
    if (notBuilt !== null) say(notBuilt);
    closing.push(() => stopWorld(dataDir));
    const world = await startWorld(dataDir, say);
    stopped.signal.throwIfAborted();
    const mailbox = await startMailbox(world.paths.root);
    closing.push(() => mailbox.stop());
    let account = '';
    const onServe = (line: string): void => {
      // Said once, at the first start; by the end of the night it has scrolled away.
      if (line.startsWith('First account')) account = line;
      say(line);
    };
    const settings = demoConfig(config, mailbox.url);
    const server = await serve(settings, { http: true, worker: true, demo: true, say: onServe });
    closing.push(() => server.stop());
    const client = createClient({ baseUrl: server.url, token: server.localToken });
    load = await startLoad(world);
    closing.push(async () => load?.stop());
    await bringFleetIn(client, world);
    await server.probeOnce();
    await client.call(routes.planNow);
    const night = await watchNight(client, screen, 'Tonight', stopped.signal);
    screen.close();
    const requests = await load.finish();
    const summary = await judgeNight(client, world, night, requests);
    for (const line of showSummary(summary)) say(line);
    if (options.once) {
      await closeAll();
      finish(options, summary);
      return summary.problems.length === 0 ? 0 : 1;
    }
    finish(options, summary);
    for (const line of [
      '',
      'Everything goes on running; Ctrl-C stops it.',
      ...addresses(server.url, world, mailbox.directory),
      account,
    ])
      say(line);
    await new Promise<void>((done) => stopped.signal.addEventListener('abort', () => done(), { once: true }));
    await closeAll();
    return 0;
  } catch (error) {
    await closeAll();
    if (stopped.signal.aborted) return 130;
    say(tone('fail', `The demo stops: ${error instanceof Error ? error.message : String(error)}`));
    return 1;
  } finally {
    process.removeListener('SIGINT', onSignal);
    process.removeListener('SIGTERM', onSignal);
  }
}

function finish(options: Options, summary: NightSummary): void {
  if (!options.json) return;
  const { upgraded, rolledBack, held, upToDate, downtimeSeconds, stepSeconds, failedRequests, problems } =
    summary;
  process.stdout.write(
    `${JSON.stringify({ upgraded, rolledBack, held, upToDate, downtimeSeconds, stepSeconds, failedRequests, problems })}\n`,
  );
}
