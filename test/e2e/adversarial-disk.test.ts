/** A disk that is full: of the backups, on a real file system of a few megabytes. Needs root on Linux, for the mount. */
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HAS_PARTS, NEW_SITE, OLD_SITE, useBed } from './small-site/bed.ts';

const bed = useBed();

const mounted: string[] = [];
const FILLER = 'somebody-else';

/** A directory on a file system of its own; null where nobody may mount one. */
async function smallDisk(megabytes: number): Promise<string | null> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-disk-'));
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', dir]);
  if (mount.status === 0) {
    mounted.push(dir);
    return dir;
  }
  await rm(dir, { recursive: true });
  return null;
}

const probe = await smallDisk(1);
const MAY_MOUNT = probe !== null;
function unmountAll(): void {
  for (const dir of mounted.splice(0)) {
    spawnSync('umount', ['-l', dir]);
    spawnSync('rmdir', [dir]);
  }
}
unmountAll();

/** The real tools, but somebody else fills the disk at the moment at which the first pg_dump begins to write. */
async function fillingTools(binDir: string, disk: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-tools-'));
  bed.later(() => rm(dir, { recursive: true, force: true }));
  for (const name of ['pg_restore', 'psql']) await symlink(join(binDir, name), join(dir, name));
  const script = `#!/bin/sh
[ -e "${dir}/filled" ] || dd if=/dev/zero of="${disk}/${FILLER}" bs=1M 2>/dev/null
touch "${dir}/filled"
exec "${binDir}/pg_dump" "$@"
`;
  await writeFile(join(dir, 'pg_dump'), script);
  await chmod(join(dir, 'pg_dump'), 0o755);
  return dir;
}

/** Files of backups, whole or not, that lie about. */
async function dumpsIn(dataDir: string, run: string): Promise<readonly string[]> {
  const names = await readdir(join(dataDir, 'runs', run));
  return names.filter((name) => /\.(part|dump)$/.test(name));
}

// After the bed's own: Sitelift must be down before its disk goes.
afterEach(unmountAll);

describe.skipIf(!HAS_PARTS || !MAY_MOUNT)('the disk of the backups', () => {
  it('is too small: nothing is begun, it says how much is missing, and the site is as it was', async () => {
    const dataDir = (await smallDisk(16)) ?? '';
    const sitelift = await bed.sitelift({ dataDir });
    const site = await bed.site({ pages: 500 });
    const run = await sitelift.settled(await sitelift.startUpgrade(site));
    expect(run).toMatchObject({ state: 'rolled-back', siteOpen: true, pointCrossed: false });
    expect(run.detail).toMatch(
      /^Back up, and prove it by a restore failed: not enough space for a backup in .+: \d+ MiB are free and it may need \d+ MiB; nothing was begun: make room/,
    );
    expect(await site.seen()).toEqual(OLD_SITE);
    expect(await dumpsIn(dataDir, run.id)).toEqual([]);
  });

  it('fills up during the dump: it says so, the partial file is gone, and the site is as it was', async () => {
    const dataDir = (await smallDisk(96)) ?? '';
    const binDir = await fillingTools(bed.cluster().binDir, dataDir);
    const sitelift = await bed.sitelift({ dataDir });
    const site = await bed.site({ pages: 2_000, binDir });
    const run = await sitelift.settled(await sitelift.startUpgrade(site));
    expect(run).toMatchObject({ state: 'rolled-back', siteOpen: true, pointCrossed: false });
    expect(await sitelift.reasons(run.id)).toContain(
      'the disk that holds the backups is full: the partial dump was removed, the site was not touched',
    );
    expect(await site.seen()).toEqual(OLD_SITE);
    expect(await dumpsIn(dataDir, run.id)).toEqual([]);
  });

  it('is that of the embedded PostgreSQL as well: when there is room again, the run comes to a good end', async () => {
    const dataDir = (await smallDisk(200)) ?? '';
    const binDir = await fillingTools(bed.cluster().binDir, dataDir);
    const sitelift = await bed.sitelift({ databaseUrl: '', dataDir });
    const site = await bed.site({ pages: 2_000, binDir });
    const id = await sitelift.startUpgrade(site);
    await expect.poll(async () => (await readdir(binDir)).includes('filled')).toBe(true);
    // Writes of Sitelift's own may fail from here on, so nothing can be asked of it; the site's door can.
    expect(await site.seen()).toBe('closed');
    await rm(join(dataDir, FILLER));
    const run = await sitelift.settled(id);
    expect(['succeeded', 'rolled-back']).toContain(run.state);
    expect(run.siteOpen).toBe(true);
    expect(await site.seen()).toEqual(run.state === 'succeeded' ? NEW_SITE : OLD_SITE);
  });
});
