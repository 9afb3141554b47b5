import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeBuild, migrationsDirectory } from '../../demo/app/build.ts';
import { pathsUnder } from '../../demo/paths.ts';
import type { DemoPaths } from '../../demo/paths.ts';

let paths: DemoPaths;

async function write(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify(value));
}

/** A version as npm leaves it, small. */
async function install(version: string): Promise<void> {
  const directory = join(paths.versions, version);
  const modules = join(directory, 'node_modules');
  await write(join(directory, 'package-lock.json'), {
    packages: { 'node_modules/unleash-server': { integrity: `sha512-${version}` } },
  });
  await write(join(modules, 'unleash-server/package.json'), { name: 'unleash-server', version });
  await write(join(modules, 'unleash-server/dist/code.json'), version);
  await write(join(modules, 'express/package.json'), { name: 'express' });
}

async function vendorBuild(recipe: object): Promise<{ kind: 'digest'; digest: string; location: string }> {
  const location = join(paths.root, 'build.json');
  await writeFile(location, JSON.stringify(recipe));
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
  return { kind: 'digest', digest: `sha256:${digest}`, location };
}

async function json(...parts: string[]): Promise<unknown> {
  return JSON.parse(await readFile(join(...parts), 'utf8'));
}

beforeEach(async () => {
  paths = pathsUnder(await mkdtemp(join(tmpdir(), 'sitelift-build-')));
  await install('1.0.0');
  await install('2.0.0');
});
afterEach(() => rm(paths.root, { recursive: true, force: true }));

const MIXED = { version: '2.0.1', code: 'unleash-server@1.0.0', migrations: 'unleash-server@2.0.0' };

describe('a build', () => {
  it('of a package runs from what npm installed, and refuses other bytes', async () => {
    const artefact = {
      kind: 'npm',
      package: 'unleash-server',
      version: '2.0.0',
      integrity: 'sha512-2.0.0',
    } as const;
    const { directory } = await makeBuild(paths, '2.0.0', artefact);
    expect(await json(directory, 'node_modules/unleash-server/package.json')).toMatchObject({
      version: '2.0.0',
    });
    await expect(makeBuild(paths, '2.0.0', { ...artefact, integrity: 'sha512-other' })).rejects.toThrow(
      /sha512-other/,
    );
  });

  it('of the vendor carries its own version, the code of one package and the migrations of another', async () => {
    const build = await makeBuild(paths, '2.0.1', await vendorBuild(MIXED));
    const modules = join(build.directory, 'node_modules');
    expect(await json(modules, 'unleash-server/package.json')).toMatchObject({ version: '2.0.1' });
    expect(await json(modules, 'unleash-server/dist/code.json')).toBe('1.0.0');
    expect(await json(modules, 'express/package.json')).toMatchObject({ name: 'express' });
    expect(migrationsDirectory(paths, build)).toContain('/2.0.0/');
  });

  it('leaves the package that it was copied from as it was, although they share their files', async () => {
    await makeBuild(paths, '2.0.1', await vendorBuild(MIXED));
    const manifest = join(paths.versions, '1.0.0/node_modules/unleash-server/package.json');
    expect(await json(manifest)).toMatchObject({ version: '1.0.0' });
  });

  it('is refused when its file is not the one that the release names', async () => {
    const artefact = await vendorBuild(MIXED);
    await expect(
      makeBuild(paths, '2.0.1', { ...artefact, digest: `sha256:${'0'.repeat(64)}` }),
    ).rejects.toThrow(/the release says/);
    await expect(makeBuild(paths, '2.0.2', artefact)).rejects.toThrow(/is version 2\.0\.1/);
  });

  it('is made once, and by two customers at the same moment all the same', async () => {
    const artefact = await vendorBuild(MIXED);
    const [one, two] = await Promise.all([
      makeBuild(paths, '2.0.1', artefact),
      makeBuild(paths, '2.0.1', artefact),
    ]);
    expect(one.directory).toBe(two.directory);
  });
});
