/**
 * What this demo has chosen once and keeps: ports, passwords, and which customers there are. Ports are the documented ones
 * unless another program holds them; everything that names a port (proxy, fleet files, applications) is made from here.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { DemoPaths } from './paths.ts';

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

export async function choosePorts(): Promise<Pick<WorldState, 'ports' | 'sites'>> {
  const taken = new Set<number>();
  const take = async (wanted: number): Promise<number> => {
    const port = await freePort(wanted, taken);
    taken.add(port);
    return port;
  };
  const ports = { proxy: await take(DEFAULT_PORTS.proxy), postgres: await take(DEFAULT_PORTS.postgres) };
  const sites: Record<string, SitePorts> = {};
  for (const [index, site] of SITES.entries()) {
    const blue = await take(DEFAULT_PORTS.applications + 2 * index);
    sites[site.slug] = { blue, green: await take(blue + 1) };
  }
  return { ports, sites };
}

/** Letters and digits, with one of each kind that Unleash asks of a password. */
function newPassword(): string {
  return `Demo-${randomBytes(18).toString('base64url')}-7`;
}

export async function readWorld(paths: DemoPaths): Promise<WorldState | null> {
  const text = await readFile(paths.world, 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as WorldState); // as: only this file writes it
}

export async function writeWorld(paths: DemoPaths, state: WorldState): Promise<void> {
  await mkdir(paths.root, { recursive: true });
  const fresh = `${paths.world}.${process.pid}`;
  await writeFile(fresh, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(fresh, paths.world);
}

/** The state of an earlier start, or a new one with ports that are free now. */
export async function openWorld(paths: DemoPaths): Promise<WorldState> {
  const there = await readWorld(paths);
  if (there !== null) return there;
  const state: WorldState = {
    ...(await choosePorts()),
    passwords: { superuser: newPassword(), database: newPassword(), admin: newPassword() },
  };
  await writeWorld(paths, state);
  return state;
}
