/**
 * What this demo has chosen once and keeps: ports, passwords, and which customers there are. Ports are the documented ones
 * unless another program holds them; everything that names a port (proxy, fleet files, applications) is made from here.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { DemoPaths } from './paths.ts';
import { statusOf } from './services.ts';

export const DEFAULT_PORTS = { proxy: 8080, postgres: 15432, applications: 14100 } as const;

export type Slot = 'blue' | 'green';
export const SLOTS: readonly Slot[] = ['blue', 'green'];

/** A site as it stands before the night; the sample fleet in demo/fleet says what shall become of it. */
export interface SiteSeed {
  readonly slug: string;
  readonly customer: string;
  readonly role: 'live' | 'uat';
  readonly version: string;
}

export const SITES: readonly SiteSeed[] = [
  { slug: 'north-live', customer: 'north', role: 'live', version: '4.19.5' },
  { slug: 'north-uat', customer: 'north', role: 'uat', version: '4.19.5' },
  { slug: 'east-live', customer: 'east', role: 'live', version: '5.12.8' },
  { slug: 'east-uat', customer: 'east', role: 'uat', version: '5.12.8' },
  { slug: 'south-live', customer: 'south', role: 'live', version: '4.19.5' },
  { slug: 'south-uat', customer: 'south', role: 'uat', version: '5.12.8' },
  { slug: 'west-live', customer: 'west', role: 'live', version: '4.19.5' },
  { slug: 'west-uat', customer: 'west', role: 'uat', version: '4.19.5' },
];

export interface SitePorts {
  readonly blue: number;
  readonly green: number;
}

export interface WorldState {
  readonly ports: { readonly proxy: number; readonly postgres: number };
  readonly passwords: { readonly superuser: string; readonly database: string; readonly admin: string };
  readonly sites: Readonly<Record<string, SitePorts>>;
}

/** Role that owns every demo database; Sitelift connects with it, and so do the applications. */
export const DATABASE_ROLE = 'unleash';

export function databaseOf(slug: string): string {
  return slug.replaceAll('-', '_');
}

export function hostOf(slug: string): string {
  return `${slug}.localhost`;
}

export function serviceOf(slug: string, slot: string): string {
  return `${slug}-${slot}`;
}

export function portOf(state: WorldState, slug: string, slot: Slot): number {
  const ports = state.sites[slug];
  if (ports === undefined) throw new Error(`the demo has no site ${slug}`);
  return ports[slot];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

/** The wanted port, or the next one above that is free and not taken by us already. */
export async function freePort(wanted: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let port = wanted; port < 65_536; port += 1) if (!taken.has(port) && (await isFree(port))) return port;
  throw new Error(`no free port from ${wanted} upwards`);
}

type Ports = Pick<WorldState, 'ports' | 'sites'>;

/** What the sample fleet says: the documented ports. */
function documentedPorts(): Ports {
  const first = DEFAULT_PORTS.applications;
  const sites = SITES.map(({ slug }, index) => [
    slug,
    { blue: first + 2 * index, green: first + 2 * index + 1 },
  ]);
  return {
    ports: { proxy: DEFAULT_PORTS.proxy, postgres: DEFAULT_PORTS.postgres },
    sites: Object.fromEntries(sites) as Ports['sites'], // as: fromEntries forgets what it was given
  };
}

/** Keeps every port that is ours by a running service or free, and replaces the others by the next free ones. */
async function usablePorts(paths: DemoPaths, wanted: Ports): Promise<Ports> {
  const taken = new Set<number>();
  const take = async (service: string, port: number): Promise<number> => {
    const ours = (await statusOf(paths, service)).running;
    const usable = ours ? port : await freePort(port, taken);
    taken.add(usable);
    return usable;
  };
  const ports = {
    proxy: await take('proxy', wanted.ports.proxy),
    postgres: await take('postgres', wanted.ports.postgres),
  };
  const sites: Record<string, SitePorts> = {};
  for (const [slug, { blue, green }] of Object.entries(wanted.sites)) {
    sites[slug] = {
      blue: await take(serviceOf(slug, 'blue'), blue),
      green: await take(serviceOf(slug, 'green'), green),
    };
  }
  return { ports, sites };
}

/** Letters and digits, with one of each kind that Unleash asks of a password. */
function newPassword(): string {
  return `Demo-${randomBytes(18).toString('base64url')}-7`;
}

async function readWorld(paths: DemoPaths): Promise<WorldState | null> {
  const text = await readFile(paths.world, 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as WorldState); // as: only this file writes it
}

async function writeWorld(paths: DemoPaths, state: WorldState): Promise<void> {
  await mkdir(paths.root, { recursive: true });
  const fresh = `${paths.world}.${process.pid}`;
  await writeFile(fresh, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(fresh, paths.world);
}

/** The state of an earlier start, or a new one; ports that another program holds by now are replaced. */
export async function openWorld(paths: DemoPaths): Promise<WorldState> {
  const there = await readWorld(paths);
  const passwords = there?.passwords ?? {
    superuser: newPassword(),
    database: newPassword(),
    admin: newPassword(),
  };
  const state: WorldState = { ...(await usablePorts(paths, there ?? documentedPorts())), passwords };
  await writeWorld(paths, state);
  return state;
}
