/**
 * A build is what a release's artefact becomes on a host: a directory that an application starts from, made once and shared
 * by all customers. Two kinds of artefact are known. An npm package is what the registry has, checked by its integrity. A
 * vendor build is a small file, named by its digest, that says which code and which migrations were packed together under
 * which version; its code is copied (hard links) so that the version can be stamped into it.
 */
import { createHash } from 'node:crypto';
import {
  access,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { installVersions, installedIntegrity } from '../install-versions.ts';
import { REPOSITORY } from '../paths.ts';
import type { DemoPaths } from '../paths.ts';

const PACKAGE = 'unleash-server';

export type BuildArtefact =
  | {
      readonly kind: 'npm';
      readonly package: string;
      readonly version: string;
      readonly integrity: string | null;
    }
  | { readonly kind: 'digest'; readonly digest: string; readonly location: string | null };

/** Which installed version gives the code and which the migrations; the same one for a plain package. */
interface Recipe {
  readonly version: string;
  readonly code: string;
  readonly migrations: string;
}

export interface Build extends Recipe {
  readonly directory: string;
}

function versionIn(reference: unknown, field: string): string {
  if (typeof reference === 'string' && reference.startsWith(`${PACKAGE}@`))
    return reference.slice(PACKAGE.length + 1);
  throw new Error(`the build's ${field} must be ${PACKAGE}@<version>, not ${JSON.stringify(reference)}`);
}

async function readRecipe(version: string, artefact: BuildArtefact): Promise<Recipe> {
  if (artefact.kind === 'npm') {
    if (artefact.package !== PACKAGE) throw new Error(`${artefact.package} is not ${PACKAGE}`);
    return { version, code: artefact.version, migrations: artefact.version };
  }
  if (artefact.location === null) throw new Error(`release ${version} does not say where its build lies`);
  const bytes = await readFile(resolve(REPOSITORY, artefact.location));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (digest !== artefact.digest)
    throw new Error(`${artefact.location} has the digest ${digest}, the release says ${artefact.digest}`);
  const file = JSON.parse(bytes.toString()) as Record<string, unknown>; // as: an object, each field is checked
  if (file['version'] !== version)
    throw new Error(`${artefact.location} is version ${String(file['version'])}, not ${version}`);
  return {
    version,
    code: versionIn(file['code'], 'code'),
    migrations: versionIn(file['migrations'], 'migrations'),
  };
}

async function checkIntegrity(paths: DemoPaths, artefact: BuildArtefact): Promise<void> {
  if (artefact.kind !== 'npm' || artefact.integrity === null) return;
  const installed = await installedIntegrity(paths.versions, artefact.version);
  if (installed !== artefact.integrity)
    throw new Error(
      `${PACKAGE} ${artefact.version} was installed with ${installed}, the release says ${artefact.integrity}`,
    );
}

/** A copy whose files are hard links where the file system allows; the stamped file is written anew, never through a link. */
async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else await link(source, target).catch(() => copyFile(source, target));
  }
}

/** Fills `directory/node_modules`: every dependency a link to the installed one, the package itself stamped when it must be. */
async function fill(paths: DemoPaths, recipe: Recipe, directory: string): Promise<void> {
  const installed = join(paths.versions, recipe.code, 'node_modules');
  const modules = join(directory, 'node_modules');
  if (recipe.code === recipe.version) {
    await mkdir(directory, { recursive: true });
    await symlink(installed, modules);
  } else {
    await mkdir(modules, { recursive: true });
    for (const name of await readdir(installed)) {
      if (name !== PACKAGE) await symlink(join(installed, name), join(modules, name));
    }
    await linkTree(join(installed, PACKAGE), join(modules, PACKAGE));
    const manifest = join(modules, PACKAGE, 'package.json');
    const stamped = { ...JSON.parse(await readFile(manifest, 'utf8')), version: recipe.version };
    await rm(manifest);
    await writeFile(manifest, `${JSON.stringify(stamped, null, 2)}\n`);
  }
  await writeFile(join(directory, 'build.json'), `${JSON.stringify(recipe, null, 2)}\n`);
}

export function buildDirectory(paths: DemoPaths, version: string): string {
  return join(paths.builds, version);
}

/** A build that is there, or null. Its last file is written before it gets its name, so half of one is never seen. */
export async function readBuild(paths: DemoPaths, version: string): Promise<Build | null> {
  const directory = buildDirectory(paths, version);
  const text = await readFile(join(directory, 'build.json'), 'utf8').catch(() => null);
  return text === null ? null : { ...(JSON.parse(text) as Recipe), directory }; // as: `fill` wrote it
}

/** Makes the build of a release unless it is there; idempotent, and safe when two customers stage it at the same moment. */
export async function makeBuild(paths: DemoPaths, version: string, artefact: BuildArtefact): Promise<Build> {
  const recipe = await readRecipe(version, artefact);
  await installVersions(paths.versions, undefined, [...new Set([recipe.code, recipe.migrations])]);
  await checkIntegrity(paths, artefact);
  const there = await readBuild(paths, version);
  if (there !== null) {
    if (there.code === recipe.code && there.migrations === recipe.migrations) return there;
    throw new Error(
      `${there.directory} holds another build of ${version}: remove it while nothing runs from it`,
    );
  }
  const directory = buildDirectory(paths, version);
  await mkdir(paths.builds, { recursive: true });
  const fresh = await mkdtemp(`${directory}.`);
  await fill(paths, recipe, fresh);
  try {
    await rename(fresh, directory);
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    await access(join(directory, 'build.json')).catch(() => {
      throw new Error(`the build of ${version} could not be put in place`, { cause });
    });
  }
  return { ...recipe, directory };
}

/** Where the migrations of a build lie. */
export function migrationsDirectory(paths: DemoPaths, build: Recipe): string {
  return join(paths.versions, build.migrations, 'node_modules', PACKAGE, 'dist');
}
