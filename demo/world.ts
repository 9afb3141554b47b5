/**
 * The demo's world: everything of a vendor's house that Sitelift does not bring itself. Real Unleash sites with real content
 * on a real PostgreSQL behind a real HAProxy. Each step looks first and does only what is missing, so that a start after a
 * crash, a Ctrl-C or a finished night continues from what is there.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { linkSlot, startApplication } from './app/application.ts';
import { makeBuild, migrationsDirectory, readBuild } from './app/build.ts';
import { connectionEnv } from './app/migrations.ts';
import { slotVersion } from './app/script.ts';
import { contentOf, digestOf, readContent, versionOf } from './content.ts';
import type { SiteContent } from './content.ts';
import { VERSIONS, installVersions, installedIntegrity } from './install-versions.ts';
import { REPOSITORY, demoPaths } from './paths.ts';
import type { DemoPaths } from './paths.ts';
import {
  applicationConnection,
  createDatabase,
  databaseExists,
  dropDatabase,
  renameDatabase,
  startPostgres,
} from './postgres-cluster.ts';
import { startProxy } from './proxy.ts';
import { renderFleet } from './render-fleet.ts';
import { seedSite } from './seed.ts';
import { LAST_TO_STOP, listServices, statusOf, stopAll } from './services.ts';
import { ensureSystemPrograms } from './system-packages.ts';
import { SITES, SLOTS, databaseOf, hostOf, openWorld, portOf, serviceOf } from './world-state.ts';
import type { SiteSeed, Slot, WorldState } from './world-state.ts';

export interface WorldSite extends SiteSeed {
  readonly host: string;
  readonly url: string;
}

export interface DemoWorld {
  readonly paths: DemoPaths;
  readonly ports: WorldState['ports'];
  readonly sites: readonly WorldSite[];
  /** The fleet with this demo's ports and paths: hand it to `apply`. */
  readonly fleetDir: string;
  /** Values of the secrets that the fleet names, to be set before it is applied. */
  readonly secrets: Readonly<Record<'unleash-db' | 'unleash-admin', string>>;
  /** What the site holds now, through the proxy; rejects while it is closed. */
  contentOf(slug: string): Promise<SiteContent>;
  /** The version that the site itself reports, through the proxy. */
  versionOf(slug: string): Promise<string>;
  /** What it held when it was seeded. */
  seededContent(slug: string): Promise<SiteContent>;
}

/** One line per thing that happens, for the terminal. */
export type WorldProgress = (line: string) => void;

/** Seeding boots applications: two at a time, like the upgrades later. */
const SEEDED_AT_ONCE = 2;

function templateOf(version: string): string {
  return `template_unleash_${version.replaceAll('.', '_')}`;
}

function run(argv: readonly string[], env: Record<string, string>): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', fail);
    child.on('close', (code) =>
      code === 0 ? done() : fail(new Error(`${argv[0]} ended with ${code}: ${output.trim().slice(-1000)}`)),
    );
  });
}

/** A migrated, empty database per version, so that eight sites do not run the same 276 migrations one after the other. */
async function ensureTemplate(paths: DemoPaths, state: WorldState, version: string): Promise<void> {
  if (await databaseExists(state, templateOf(version))) return;
  const fresh = `${templateOf(version)}_new`;
  await dropDatabase(state, fresh);
  await createDatabase(state, fresh);
  const build = await readBuild(paths, version);
  if (build === null) throw new Error(`no build of ${version}`);
  await run([join(REPOSITORY, 'demo/app/migrations.ts'), migrationsDirectory(paths, build)], {
    PATH: process.env['PATH'] ?? '',
    ...connectionEnv(applicationConnection(state, fresh)),
  });
  await renameDatabase(state, fresh, templateOf(version));
}

async function startSite(paths: DemoPaths, state: WorldState, slug: string, slot: Slot): Promise<void> {
  const version = await slotVersion(paths, slug, slot);
  const build = version === null ? null : await readBuild(paths, version);
  if (build === null) throw new Error(`${slot} of ${slug} holds no build`);
  await startApplication(paths, {
    instance: slug,
    slot,
    port: portOf(state, slug, slot),
    url: `http://${hostOf(slug)}:${state.ports.proxy}`,
    build,
    connection: applicationConnection(state, databaseOf(slug)),
  });
}

function contentFile(paths: DemoPaths, slug: string): string {
  return join(paths.content, `${slug}.json`);
}

/** Makes a site as the customer has it: database, code in blue, application, content. */
async function makeSite(paths: DemoPaths, state: WorldState, site: SiteSeed): Promise<void> {
  const database = databaseOf(site.slug);
  if (!(await databaseExists(state, database)))
    await createDatabase(state, database, templateOf(site.version));
  const build = await readBuild(paths, site.version);
  if (build === null) throw new Error(`no build of ${site.version}`);
  await linkSlot(paths, site.slug, 'blue', build);
  await startSite(paths, state, site.slug, 'blue');
  const origin = { origin: `http://127.0.0.1:${portOf(state, site.slug, 'blue')}` };
  const content = await readContent(await seedSite(origin, site, state.passwords.admin));
  await mkdir(paths.content, { recursive: true });
  // Written last and in one piece: this file says that the site is complete.
  await writeFile(`${contentFile(paths, site.slug)}.new`, `${JSON.stringify(content, null, 2)}\n`);
  await rename(`${contentFile(paths, site.slug)}.new`, contentFile(paths, site.slug));
}

/** Brings back what ran when the demo was stopped or the machine went down. */
async function startWanted(paths: DemoPaths, state: WorldState, slug: string): Promise<void> {
  for (const slot of SLOTS) {
    const { wanted, running } = await statusOf(paths, serviceOf(slug, slot));
    if (wanted && !running) await startSite(paths, state, slug, slot);
  }
}

async function inPairs(sites: readonly SiteSeed[], work: (site: SiteSeed) => Promise<void>): Promise<void> {
  const queue = [...sites];
  const worker = async (): Promise<void> => {
    for (let site = queue.shift(); site !== undefined; site = queue.shift()) await work(site);
  };
  await Promise.all(Array.from({ length: SEEDED_AT_ONCE }, worker));
}

async function makeBuilds(paths: DemoPaths): Promise<void> {
  for (const version of VERSIONS) {
    const integrity = await installedIntegrity(paths.versions, version);
    await makeBuild(paths, version, { kind: 'npm', package: 'unleash-server', version, integrity });
  }
}

/** Where several demos (and the tests) share what npm installs, `versions` is a link; the scripts need not know. */
async function shareVersions(paths: DemoPaths): Promise<void> {
  const shared = process.env['SITELIFT_DEMO_VERSIONS_DIR'];
  if (shared === undefined || shared === '') return;
  await mkdir(resolve(shared), { recursive: true });
  // What is there already stays: a link of an earlier start, or a directory of its own.
  await symlink(resolve(shared), paths.versions).catch(() => {});
}

/** Sets the world up, or continues with the one that is there, and resolves when every site answers. */
export async function startWorld(dataDir: string, progress: WorldProgress = () => {}): Promise<DemoWorld> {
  const paths = demoPaths(dataDir);
  await mkdir(paths.root, { recursive: true });
  await shareVersions(paths);
  const programs = await ensureSystemPrograms(progress);
  await installVersions(paths.versions, ({ version, state, seconds }) => {
    if (state === 'installing') progress(`installing unleash-server ${version}`);
    if (state === 'installed') progress(`unleash-server ${version} installed in ${seconds.toFixed(1)} s`);
  });
  const state = await openWorld(paths);
  await makeBuilds(paths);
  await startPostgres(paths, programs.postgresBin, state);
  progress(`PostgreSQL answers on port ${state.ports.postgres}`);
  // Before the sites: the port that was chosen is taken while it is still free.
  await startProxy(paths, programs.haproxy, state);
  progress(`HAProxy answers on port ${state.ports.proxy}`);
  const seeded = new Set(await readdir(paths.content).catch(() => []));
  const missing = SITES.filter(({ slug }) => !seeded.has(`${slug}.json`));
  for (const version of new Set(missing.map((site) => site.version)))
    await ensureTemplate(paths, state, version);
  await inPairs(SITES, async (site) => {
    if (missing.includes(site)) {
      await makeSite(paths, state, site);
      progress(`${site.slug} serves Unleash ${site.version}`);
    } else await startWanted(paths, state, site.slug);
  });
  await renderFleet(paths, state, programs);
  return describeWorld(paths, state);
}

function describeWorld(paths: DemoPaths, state: WorldState): DemoWorld {
  const origin = `http://127.0.0.1:${state.ports.proxy}`;
  return {
    paths,
    ports: state.ports,
    sites: SITES.map((site) => ({
      ...site,
      host: hostOf(site.slug),
      url: `http://${hostOf(site.slug)}:${state.ports.proxy}`,
    })),
    fleetDir: paths.fleet,
    secrets: { 'unleash-db': state.passwords.database, 'unleash-admin': state.passwords.admin },
    contentOf: (slug) => contentOf({ origin, host: hostOf(slug) }, state.passwords.admin),
    versionOf: (slug) => versionOf({ origin, host: hostOf(slug) }, state.passwords.admin),
    seededContent: async (slug) =>
      JSON.parse(await readFile(contentFile(paths, slug), 'utf8')) as SiteContent, // as: `makeSite` wrote it
  };
}

/** Stops the applications, then the proxy, then the database; what ran will run again at the next start. */
export async function stopWorld(dataDir: string): Promise<void> {
  await stopAll(demoPaths(dataDir), LAST_TO_STOP);
}

async function main(argv: readonly string[]): Promise<void> {
  const [command, dataDir = process.env['SITELIFT_DATA_DIR'] ?? 'data'] = argv;
  if (command === 'stop') return stopWorld(resolve(dataDir));
  if (command !== 'start' && command !== 'content')
    throw new Error('usage: node demo/world.ts start|stop|content [data directory]');
  const startedAt = performance.now();
  const world = await startWorld(resolve(dataDir), (line) => {
    console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  });
  for (const { slug, url } of world.sites) {
    if (command === 'start') console.log(`  ${url}`);
    else {
      const [now, then] = [digestOf(await world.contentOf(slug)), digestOf(await world.seededContent(slug))];
      console.log(`${slug.padEnd(12)} ${now === then ? 'as it was seeded' : 'CHANGED'} ${now.slice(0, 12)}`);
    }
  }
  console.log(`${(await listServices(world.paths)).filter(({ running }) => running).length} services run`);
}

if (import.meta.main) {
  await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
