/** An Unleash in a slot of a site, as the service manager runs it. Used by the vendor's scripts and by the demo's set-up. */
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { REPOSITORY } from '../paths.ts';
import type { DemoPaths } from '../paths.ts';
import { logTail, startService, statusOf, stopService } from '../services.ts';
import type { ServiceSpec } from '../services.ts';
import { serviceOf } from '../world-state.ts';
import type { Build } from './build.ts';
import { connectionEnv } from './migrations.ts';
import type { Connection } from './migrations.ts';

/** Unleash listens after 1-4 s; a busy machine may need many times that. */
const LISTEN_LIMIT_MS = 90_000;

export interface Application {
  readonly instance: string;
  readonly slot: string;
  readonly port: number;
  readonly url: string;
  readonly build: Build;
  readonly connection: Connection;
}

/** What Unleash is told; its defaults ask the internet for versions and send telemetry. */
export function applicationEnv(connection: Connection, port: number, url: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/',
    LANG: 'C.UTF-8',
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    CHECK_VERSION: 'false',
    SEND_TELEMETRY: 'false',
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(port),
    UNLEASH_URL: url,
    ...connectionEnv(connection),
  };
}

function specOf(application: Application): ServiceSpec {
  const { instance, slot, port, url, build, connection } = application;
  return {
    name: serviceOf(instance, slot),
    argv: [process.execPath, join(REPOSITORY, 'demo/app/boot-unleash.ts'), build.directory],
    env: applicationEnv(connection, port, url),
    cwd: build.directory,
    user: null,
    stopSignal: 'SIGTERM',
    labels: { instance, slot, version: build.version, port: String(port) },
  };
}

export function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

/** Starts it and waits until its port answers; rejects with the end of its log when it dies first. */
export async function startApplication(paths: DemoPaths, application: Application): Promise<void> {
  const spec = specOf(application);
  const before = await statusOf(paths, spec.name);
  if (before.running && before.labels['version'] !== application.build.version)
    throw new Error(
      `${spec.name} runs ${before.labels['version']}, not ${application.build.version}: stop it first`,
    );
  if (!before.running && (await isListening(application.port)))
    throw new Error(`port ${application.port} of ${spec.name} is held by a program that is not ours`);
  await startService(paths, spec);
  const deadline = performance.now() + LISTEN_LIMIT_MS;
  while (!(await isListening(application.port))) {
    const alive = (await statusOf(paths, spec.name)).running;
    if (!alive || performance.now() > deadline)
      throw new Error(
        `${spec.name} ${alive ? 'does not listen' : 'died'}; its log ends:\n${await logTail(paths, spec.name)}`,
      );
    await pause(100);
  }
}

export async function stopApplication(paths: DemoPaths, instance: string, slot: string): Promise<void> {
  await stopService(paths, serviceOf(instance, slot));
}

/** Points a slot at a build, in one step that a kill cannot halve. */
export async function linkSlot(
  paths: DemoPaths,
  instance: string,
  slot: string,
  build: Build,
): Promise<void> {
  const link = join(paths.sites, instance, slot);
  await mkdir(join(paths.sites, instance), { recursive: true });
  const fresh = `${link}.${process.pid}`;
  await rm(fresh, { force: true });
  await symlink(build.directory, fresh);
  await rename(fresh, link);
}
