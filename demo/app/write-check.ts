/**
 * The write check of a restored backup: the version that the site runs today is started on the scratch copy, and must let
 * somebody sign in and create a flag. A dump that restores but cannot be worked with is no backup.
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { REPOSITORY, pathsUnder } from '../paths.ts';
import { freePort } from '../world-state.ts';
import { applicationEnv, isListening } from './application.ts';
import { readBuild } from './build.ts';
import type { Connection } from './migrations.ts';
import { signIn } from './unleash-api.ts';

const LISTEN_LIMIT_MS = 60_000;
/** Scratch copies listen well away from the sites' own ports. */
const FIRST_PORT = 24_100;

function need(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(`${name} is not set: this script is run by Sitelift`);
  return value;
}

function connectionFromUrl(text: string): Connection {
  const url = new URL(text);
  const decode = decodeURIComponent;
  return {
    host: url.hostname === '' ? '127.0.0.1' : url.hostname,
    port: Number(url.port === '' ? 5432 : url.port),
    user: decode(url.username),
    password: url.password === '' ? need('DATABASE_PASSWORD') : decode(url.password),
    database: decode(url.pathname.slice(1)),
  };
}

async function check(): Promise<void> {
  const version = need('SITELIFT_FROM_VERSION');
  const build = await readBuild(pathsUnder(resolve(need('DEMO_DIR'))), version);
  if (build === null) throw new Error(`there is no build of ${version} to check the copy with`);
  const port = await freePort(FIRST_PORT + (process.pid % 1000));
  const env = applicationEnv(
    connectionFromUrl(need('SITELIFT_SCRATCH_DATABASE_URL')),
    port,
    `http://127.0.0.1:${port}`,
  );
  // In our own group, not a service: it ends with us, however we end.
  const child = spawn(process.execPath, [join(REPOSITORY, 'demo/app/boot-unleash.ts'), build.directory], {
    env,
    cwd: build.directory,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  try {
    const deadline = performance.now() + LISTEN_LIMIT_MS;
    while (!(await isListening(port))) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`${version} does not start on the restored copy`);
      await pause(100);
    }
    const session = await signIn({ origin: `http://127.0.0.1:${port}` }, need('UNLEASH_ADMIN_PASSWORD'));
    if (session === null) throw new Error('the administrator cannot sign in on the restored copy');
    const name = `restore-check-${process.pid}`;
    await session.write('POST', '/api/admin/projects/default/features', { name, type: 'release' });
    console.log(`${version} starts on the restored copy, signs in and writes`);
  } finally {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }
}

try {
  await check();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
process.exit();
