/**
 * HAProxy in front of the sites. Every site has two backends, blue and green, that stay declared for ever; which of them
 * serves, and whether the maintenance page stands before both, are two maps. Sitelift's `haproxy` driver changes them through
 * the runtime socket and in the files, so nothing is ever reloaded and a restart keeps the truth.
 */
import { access, chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isListening } from './app/application.ts';
import { REPOSITORY } from './paths.ts';
import type { DemoPaths } from './paths.ts';
import { logTail, startService, statusOf, stopService } from './services.ts';
import { SITES, SLOTS, hostOf, portOf, serviceOf } from './world-state.ts';
import type { WorldState } from './world-state.ts';

const SERVICE = 'proxy';
const START_LIMIT_MS = 20_000;

/** Paths stand in a configuration of words, and in commands of one line. */
const PLAIN_PATH = /^\/[A-Za-z0-9._/@+-]*$/;

/** The header by which a client tells our maintenance page from any other 503. */
export const MAINTENANCE_MARKER = 'x-sitelift-maintenance';
const RETRY_AFTER_SECONDS = 15;

function configuration(paths: DemoPaths, state: WorldState): string {
  const host = 'req.hdr(host),field(1,:),lower';
  const page = join(paths.proxy, 'maintenance.html');
  const backends = SITES.flatMap(({ slug }) =>
    SLOTS.map((slot) => {
      const server = `127.0.0.1:${portOf(state, slug, slot)}`;
      const name = serviceOf(slug, slot);
      return `backend ${name}\n    http-response set-header x-sitelift-backend ${name}\n    server application ${server}\n`;
    }),
  );
  return `# Written by demo/proxy.ts at every start of the demo.
global
    stats socket ${paths.proxySocket} mode 600 level admin
    maxconn 2000
    hard-stop-after 5s

defaults
    mode http
    timeout connect 3s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    option forwardfor

frontend sites
    bind 127.0.0.1:${state.ports.proxy}
    # Is the site closed? A line in the map says so.
    acl closed ${host},map(${paths.maintenanceMap}) -m found
    http-request return status 503 content-type "text/html; charset=utf-8" file ${page} hdr retry-after ${RETRY_AFTER_SECONDS} hdr cache-control no-store hdr ${MAINTENANCE_MARKER} closed if closed
    # Which side serves? Unknown names get a 404.
    use_backend %[${host},map(${paths.backendMap},unknown)]
    default_backend unknown

backend unknown
    http-request return status 404 content-type text/plain string "No site of this name is served here."

${backends.join('\n')}`;
}

/** The maps are written once; afterwards they belong to the driver. */
async function writeOnce(path: string, text: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (!there) await writeFile(path, text);
}

export async function startProxy(paths: DemoPaths, haproxy: string, state: WorldState): Promise<void> {
  if (!PLAIN_PATH.test(paths.proxy))
    throw new Error(
      `HAProxy cannot be told the path ${paths.proxy}: choose a SITELIFT_DATA_DIR without blanks or quotes`,
    );
  await mkdir(paths.proxy, { recursive: true });
  const config = join(paths.proxy, 'haproxy.cfg');
  const wanted = configuration(paths, state);
  // A site whose ports had to move is only reached by a proxy that has read so.
  if ((await readFile(config, 'utf8').catch(() => '')) !== wanted) await stopService(paths, SERVICE);
  await writeFile(config, wanted);
  await copyFile(join(REPOSITORY, 'demo/maintenance.html'), join(paths.proxy, 'maintenance.html'));
  await writeOnce(paths.maintenanceMap, '');
  await writeOnce(
    paths.backendMap,
    SITES.map(({ slug }) => `${hostOf(slug)} ${serviceOf(slug, 'blue')}\n`).join(''),
  );
  if (!(await statusOf(paths, SERVICE)).running) {
    if (await isListening(state.ports.proxy))
      throw new Error(`port ${state.ports.proxy} of the proxy is held by a program that is not ours`);
    await rm(paths.proxySocket, { force: true });
  }
  await startService(paths, {
    name: SERVICE,
    argv: [haproxy, '-db', '-q', '-f', join(paths.proxy, 'haproxy.cfg')],
    env: { PATH: process.env['PATH'] ?? '' },
    cwd: paths.proxy,
    user: null,
    stopSignal: 'SIGTERM',
    labels: { port: String(state.ports.proxy) },
  });
  const deadline = performance.now() + START_LIMIT_MS;
  while (!(await isListening(state.ports.proxy))) {
    const { running } = await statusOf(paths, SERVICE);
    if (!running || performance.now() > deadline)
      throw new Error(`HAProxy does not start; its log ends:\n${await logTail(paths, SERVICE)}`);
    await pause(50);
  }
  await chmod(paths.proxySocket, 0o600).catch(() => {});
}
