/**
 * Where the demo keeps its things, all of it under `<data>/demo`. Everything there may be deleted while the demo is
 * stopped; the next start makes it again.
 */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The checkout that this file belongs to: the vendor's scripts, builds and sample fleet are read from it. */
export const REPOSITORY = resolve(import.meta.dirname, '..');

/** Longest path of a unix socket that HAProxy can bind: it adds `.<pid>.tmp` to a limit of 107 bytes. */
const MAX_SOCKET_PATH = 90;

export interface DemoPaths {
  readonly root: string;
  /** Ports and passwords of this demo, mode 0600. */
  readonly world: string;
  /** One directory per Unleash version, installed once; a link when SITELIFT_DEMO_VERSIONS_DIR shares them. */
  readonly versions: string;
  /** One directory per release that was staged: what an application is started from. */
  readonly builds: string;
  /** `<instance>/<slot>` links to a build. */
  readonly sites: string;
  /** What the service manager knows: one file per service. */
  readonly services: string;
  readonly logs: string;
  /** Highest fence that the scripts have seen, one file per instance. */
  readonly fences: string;
  readonly postgres: string;
  readonly proxy: string;
  readonly proxySocket: string;
  readonly maintenanceMap: string;
  readonly backendMap: string;
  /** The fleet directory with this demo's ports and paths, for `sitelift apply -f`. */
  readonly fleet: string;
  /** What each site held when it was seeded, one file per instance. */
  readonly content: string;
  /** One JSON line per real effect of the vendor's scripts. */
  readonly effects: string;
}

export function pathsUnder(root: string): DemoPaths {
  const proxy = join(root, 'proxy');
  const socket = join(proxy, 'admin.sock');
  const shortName = `sitelift-${createHash('sha256').update(root).digest('hex').slice(0, 12)}.sock`;
  return {
    root,
    world: join(root, 'world.json'),
    versions: join(root, 'versions'),
    builds: join(root, 'builds'),
    sites: join(root, 'sites'),
    services: join(root, 'services'),
    logs: join(root, 'logs'),
    fences: join(root, 'fences'),
    postgres: join(root, 'pg'),
    proxy,
    proxySocket: Buffer.byteLength(socket) > MAX_SOCKET_PATH ? join(tmpdir(), shortName) : socket,
    maintenanceMap: join(proxy, 'maintenance.map'),
    backendMap: join(proxy, 'backend.map'),
    fleet: join(root, 'fleet'),
    content: join(root, 'content'),
    effects: join(root, 'effects.log'),
  };
}

/** The demo's directory inside Sitelift's data directory. */
export function demoPaths(dataDir: string): DemoPaths {
  return pathsUnder(join(resolve(dataDir), 'demo'));
}
