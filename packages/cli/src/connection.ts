/**
 * Where the server is and who we are. In this order: `--url` and `SITELIFT_URL`/`SITELIFT_TOKEN`; what `sitelift login`
 * remembered; the token that a server on this machine left in its data directory for whoever may read it. A token is
 * never taken from the command line: other users of the machine could read it there.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createClient, type Client } from '@sitelift/contract/client.ts';
import { z } from 'zod';

const RememberedSchema = z.object({ url: z.string(), token: z.string() });
export type Remembered = z.infer<typeof RememberedSchema>;

/** Name of the file that a running server writes into its data directory, mode 0600. */
const LOCAL_TOKEN_FILE = 'local-token';
const DEFAULT_URL = 'http://127.0.0.1:7410';

export interface CliEnvironment {
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly dataDir: string;
  readonly rememberedFile: string;
}

/** The only reader of the environment in the CLI. */
export function readCliEnvironment(env: NodeJS.ProcessEnv): CliEnvironment {
  const configHome = env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
  return {
    url: env['SITELIFT_URL'],
    token: env['SITELIFT_TOKEN'],
    dataDir: resolve(env['SITELIFT_DATA_DIR'] ?? './data'),
    rememberedFile: join(configHome, 'sitelift', 'session.json'),
  };
}

async function readRemembered(path: string): Promise<Remembered | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return RememberedSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export async function remember(environment: CliEnvironment, remembered: Remembered): Promise<void> {
  await mkdir(dirname(environment.rememberedFile), { recursive: true, mode: 0o700 });
  await writeFile(environment.rememberedFile, `${JSON.stringify(remembered)}\n`, { mode: 0o600 });
}

export async function forget(environment: CliEnvironment): Promise<void> {
  await rm(environment.rememberedFile, { force: true });
}

/** The client for what was asked; without any token the server says 401 and what to do. */
export async function connect(environment: CliEnvironment, urlOption: string | undefined): Promise<Client> {
  const url = urlOption ?? environment.url;
  if (environment.token !== undefined)
    return createClient({ baseUrl: trim(url ?? DEFAULT_URL), token: environment.token });
  const remembered = await readRemembered(environment.rememberedFile);
  if (remembered !== null && (url === undefined || trim(url) === trim(remembered.url)))
    return createClient({ baseUrl: trim(remembered.url), token: remembered.token });
  const local = await readRemembered(join(environment.dataDir, LOCAL_TOKEN_FILE));
  if (local !== null && (url === undefined || trim(url) === trim(local.url)))
    return createClient({ baseUrl: trim(local.url), token: local.token });
  return createClient({ baseUrl: trim(url ?? DEFAULT_URL) });
}

function trim(url: string): string {
  return url.replace(/\/+$/, '');
}
