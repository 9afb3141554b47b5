/**
 * Dispatches: `start`, `serve` and `worker` run a server in this process, everything else is the command line, which speaks
 * to a server over HTTP. Each part is loaded only when it is asked for.
 */
import { defectLines } from './tell-defect.ts';

const NODE_MAJOR = 24;
/** Read here too: a defect may come before there is a configuration, or of reading it. */
const logLevel = process.env['SITELIFT_LOG_LEVEL'];

function fail(lines: readonly string[], exitCode: number): number {
  for (const line of lines) process.stderr.write(`sitelift: ${line}\n`);
  return exitCode;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function serveParts(parts: { readonly http: boolean; readonly worker: boolean }): Promise<number> {
  const { readConfig } = await import('@sitelift/server/config/config.ts');
  const read = readConfig();
  if ('problems' in read) return fail(read.problems, 2);
  const { serveUntilStopped } = await import('@sitelift/server/serve.ts');
  await serveUntilStopped(read.config, { ...parts, say });
  return 0;
}

async function start(argv: readonly string[]): Promise<number> {
  const { isDemoDirectory, readStartOptions, START_HELP, startDemo } = await import('../demo/start-demo.ts');
  const options = readStartOptions(argv);
  if (typeof options === 'string') return fail([options], 2);
  if (options.help) {
    say(START_HELP);
    return 0;
  }
  const { readConfig } = await import('@sitelift/server/config/config.ts');
  const read = readConfig();
  if ('problems' in read) return fail(read.problems, 2);
  const { config } = read;
  if (config.databaseUrl === null && (await isDemoDirectory(config.dataDir)))
    return startDemo(options, config);
  if (options.demo || options.once || options.json) {
    const why = config.databaseUrl === null ? `${config.dataDir} holds another fleet` : 'DATABASE_URL is set';
    return fail([`the demo is not played here: ${why}; SITELIFT_DATA_DIR names another directory`], 2);
  }
  return serveParts({ http: true, worker: true });
}

const SERVE_HELP = `sitelift serve    the server: API, console, and a worker in the same process
sitelift worker   one more worker on the same database (DATABASE_URL)

Configuration comes from the environment: docs/configuration.md.`;

async function main(argv: readonly string[]): Promise<number> {
  const [command, ...rest] = argv;
  if (command === 'start') return start(rest);
  if (command === 'serve' || command === 'worker') {
    if (rest.includes('--help') || rest.includes('-h')) {
      say(SERVE_HELP);
      return 0;
    }
    if (rest.length > 0) return fail([`${command} takes no arguments, not ${rest.join(' ')}`], 2);
    return serveParts({ http: command === 'serve', worker: true });
  }
  const { runCli } = await import('@sitelift/cli/main.ts');
  return runCli(argv);
}

if (Number(process.versions.node.split('.')[0]) !== NODE_MAJOR) {
  process.exitCode = fail(
    [
      `needs Node ${NODE_MAJOR}, and this is ${process.versions.node}; npm ci installs one: bin/sitelift uses it`,
    ],
    2,
  );
} else {
  // One that nobody waits for is a defect too; nothing can be trusted afterwards.
  process.once('uncaughtException', (error) => process.exit(fail(defectLines(error, logLevel), 1)));
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    const isOurs = error instanceof Error && error.name === 'StartProblem';
    process.exitCode = fail(isOurs ? [error.message] : defectLines(error, logLevel), 1);
  }
}
