/**
 * Installs each version of Unleash once, from its own lock file, into a directory that all customers share. A version is
 * there or it is not: it is installed under another name and renamed when npm has ended well, so a killed install leaves
 * nothing that looks complete.
 */
import { spawn } from 'node:child_process';
import { access, copyFile, mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY } from './paths.ts';
import { startTicksOf } from './services.ts';

export const VERSIONS = ['4.19.5', '5.12.8', '6.10.1'] as const;

/** Installs are mostly unpacking: a third at once makes none of them faster on two cores. */
const AT_ONCE = 2;

export type InstallProgress = (event: {
  readonly version: string;
  readonly state: 'there' | 'installing' | 'installed';
  readonly seconds: number;
}) => void;

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Runs npm without its install scripts (5.12.8 would try a native build and a telemetry report). */
function npmCi(directory: string): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, npm_config_update_notifier: 'false' },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', (cause) => fail(new Error('npm could not be started; it comes with Node', { cause })));
    child.on('close', (code) => {
      if (code === 0) done();
      else fail(new Error(`npm ci ended with ${code}: ${output.trim().split('\n').slice(-8).join('\n')}`));
    });
  });
}

async function installVersion(directory: string, version: string, progress: InstallProgress): Promise<void> {
  const target = join(directory, version);
  if (await exists(target)) return progress({ version, state: 'there', seconds: 0 });
  progress({ version, state: 'installing', seconds: 0 });
  const startedAt = performance.now();
  const fresh = join(directory, `.${version}.${process.pid}`);
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  try {
    for (const file of ['package.json', 'package-lock.json'])
      await copyFile(join(REPOSITORY, 'demo', 'versions', version, file), join(fresh, file));
    await npmCi(fresh);
    await rename(fresh, target);
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    // Somebody else, with the same shared directory, was first: that is as good.
    if (await exists(target)) return progress({ version, state: 'there', seconds: 0 });
    throw new Error(
      `unleash-server ${version} could not be installed from the npm registry: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  progress({ version, state: 'installed', seconds: (performance.now() - startedAt) / 1000 });
}

/** Half an install of a process that is gone is a hundred megabytes that nobody will ever finish. */
async function clearAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = /^\.\d.*\.(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && (await startTicksOf(Number(pid))) === null)
      await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Makes sure that every version is there; two at a time. Rejects with npm's own words when one cannot be had. */
export async function installVersions(
  directory: string,
  progress: InstallProgress = () => {},
  versions: readonly string[] = VERSIONS,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await clearAbandoned(directory);
  const queue = [...versions];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      await installVersion(directory, next, progress);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** The integrity that npm checked when it installed this package, from the lock file that came with the version. */
export async function installedIntegrity(directory: string, version: string): Promise<string | null> {
  const text = await readFile(join(directory, version, 'package-lock.json'), 'utf8');
  // as: the lock file's own format, version 3
  const lock = JSON.parse(text) as { packages?: Record<string, { integrity?: string }> };
  return lock.packages?.['node_modules/unleash-server']?.integrity ?? null;
}
