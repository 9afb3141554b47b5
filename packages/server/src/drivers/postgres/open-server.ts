/**
 * One attempt's way to a database server: connections, and the tools with what they need to log in. The password goes to
 * the tools in a file of mode 0600 in the run's private directory, which is gone when the attempt ends; never in argv,
 * never in an environment.
 */
import { access, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, escapeLiteral } from 'pg';
import type { ActionContext } from '../driver.ts';
import type { PostgresConfig } from './config.ts';
import { runTool, type ToolEnd } from './run-tool.ts';
import { connectFailure, messageOf, StepFailure } from './step-failure.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Where Debian and Ubuntu keep the tools of each version. */
const DEBIAN_BIN = '/usr/lib/postgresql';

/** What a session of ours is called on the server: whose it is, and how new its worker is. */
export function sessionName(runId: string, fence: number): string {
  return `sitelift ${runId} fence ${fence}`;
}

export function fenceOfSession(name: string): number | null {
  const fence = /^sitelift \S+ fence (\d+)$/.exec(name)?.[1];
  return fence === undefined ? null : Number(fence);
}

export type PostgresContext<Input = unknown> = ActionContext<PostgresConfig, Input>;

export interface Server {
  /** A connection to this database, closed at the end or earlier by the caller. `tidying` may still be had after the signal. */
  connect(database: string, purpose?: 'work' | 'tidying'): Promise<Client>;
  /** A connection string with the password, for a script's environment. */
  url(database: string): string;
  /** Runs pg_dump or pg_restore against this database and says whether it ended well. */
  tool(name: 'pg_dump' | 'pg_restore', major: number, database: string, args: readonly string[], signal?: AbortSignal): Promise<ToolEnd>; // prettier-ignore
}

function escapePassEntry(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll(':', '\\:');
}

/** The tool of the server's own version or the next newer one: an older pg_dump refuses a newer server. */
async function findTool(config: PostgresConfig, name: string, major: number): Promise<string> {
  if (config.binDir !== undefined) return join(config.binDir, name);
  const versions = (await readdir(DEBIAN_BIN).catch(() => []))
    .map(Number)
    .filter((version) => version >= major);
  for (const version of versions.sort((a, b) => a - b)) {
    const path = join(DEBIAN_BIN, String(version), 'bin', name);
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return name;
}

async function openSecret(context: PostgresContext, name: string): Promise<string> {
  try {
    return await context.secret(name);
  } catch (error) {
    throw new StepFailure(`secret ${name} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

/** Opens the server for as long as `use` takes. */
export async function withServer<T>(
  context: PostgresContext,
  use: (server: Server) => Promise<T>,
): Promise<T> {
  const { config, signal, workDir } = context;
  const { host, port, user } = config;
  const password = config.password === undefined ? null : await openSecret(context, config.password);
  const passFile = join(workDir, `.pgpass-${context.stepId}-${context.attempt}`);
  const where = `${host}:${port}`;
  const clients: Client[] = [];
  const closeAll = (): void => void Promise.allSettled(clients.map((client) => client.end()));
  // A query in flight is given up with its connection: `end` then drops the socket.
  signal.addEventListener('abort', closeAll, { once: true });

  const connect: Server['connect'] = async (database, purpose = 'work') => {
    if (purpose === 'work') signal.throwIfAborted();
    const client = new Client({
      host,
      port,
      user,
      database,
      ...(password === null ? {} : { password }),
      application_name: sessionName(context.runId, context.fence),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: Math.ceil(context.timeoutMs),
      keepAlive: true,
    });
    // The server may go away between two queries; the next query says so. Unheard, this event would end the process.
    client.on('error', () => {});
    try {
      await client.connect();
    } catch (error) {
      void client.end().catch(() => {});
      throw connectFailure(error, where);
    }
    clients.push(client);
    return client;
  };

  const url = (database: string): string => {
    const login = encodeURIComponent(user) + (password === null ? '' : `:${encodeURIComponent(password)}`);
    const name = encodeURIComponent(database);
    return host.startsWith('/')
      ? `postgres://${login}@/${name}?host=${encodeURIComponent(host)}&port=${port}`
      : `postgres://${login}@${host.includes(':') ? `[${host}]` : host}:${port}/${name}`;
  };

  const tool: Server['tool'] = async (name, major, database, args, abort) => {
    const command = await findTool(config, name, major);
    const login = [
      `--host=${host}`,
      `--port=${port}`,
      `--username=${user}`,
      '--no-password',
      `--dbname=${database}`,
    ];
    const env = {
      PATH: process.env['PATH'] ?? '',
      LC_ALL: 'C',
      PGPASSFILE: passFile,
      PGCONNECT_TIMEOUT: '10',
    };
    const end = await runTool(context, {
      argv: [command, ...login, ...args],
      env,
      ...(abort === undefined ? {} : { signal: abort }),
    });
    if (end.missing)
      throw new StepFailure(
        `${command} could not be started; install postgresql-client-${major} or newer, or say where it lies with binDir`,
      );
    return end;
  };

  try {
    if (password !== null) {
      await rm(passFile, { force: true });
      const entry = `*:*:*:${escapePassEntry(user)}:${escapePassEntry(password)}\n`;
      await writeFile(passFile, entry, { mode: 0o600, flag: 'wx' });
    }
    return await use({ connect, url, tool });
  } finally {
    signal.removeEventListener('abort', closeAll);
    await Promise.allSettled(clients.map((client) => client.end()));
    await rm(passFile, { force: true });
  }
}

export interface ServerFacts {
  readonly version: string;
  readonly major: number;
  /** Made at initdb and never the same twice: tells two servers apart whatever their names say (I-28). */
  readonly systemIdentifier: string;
  readonly standby: boolean;
}

export async function serverFacts(client: Client): Promise<ServerFacts> {
  const { rows } = await client.query<{ version: string; number: string; id: string; standby: boolean }>(
    `select current_setting('server_version') as version, current_setting('server_version_num') as number,
            (select system_identifier::text from pg_control_system()) as id, pg_is_in_recovery() as standby`,
  );
  const [row] = rows;
  if (row === undefined) throw new StepFailure('the database server does not say who it is');
  const major = Math.floor(Number(row.number) / 10_000);
  return { version: row.version, major, systemIdentifier: row.id, standby: row.standby };
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return escapeLiteral(text);
}
