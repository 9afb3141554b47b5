/** What goes wrong with the upgrade itself, on real parts: a migration that fails half-way, a backup that is cut. */
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { routes } from '@sitelift/contract/routes.ts';
import { HAS_PARTS, NEW_SITE, OLD_SITE, useBed } from './small-site/bed.ts';
import { SLUG } from './small-site/site.ts';
import { stepOf, type Sitelift } from './small-site/sitelift.ts';

const bed = useBed();

/** `binDir` of the real tools, but pg_dump loses the last tenth of what it wrote, after it has ended well. */
async function cuttingTools(binDir: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sitelift-tools-'));
  bed.later(() => rm(dir, { recursive: true, force: true }));
  for (const name of ['pg_restore', 'psql']) await symlink(join(binDir, name), join(dir, name));
  const script = `#!/bin/sh
for word in "$@"; do case $word in --file=*) file=\${word#--file=} ;; esac; done
"${binDir}/pg_dump" "$@" || exit
truncate -s $(( $(stat -c %s "$file") * 9 / 10 )) "$file"
"${binDir}/pg_restore" -l "$file" >/dev/null; echo $? >>"${dir}/listed"
`;
  await writeFile(join(dir, 'pg_dump'), script);
  await chmod(join(dir, 'pg_dump'), 0o755);
  await chmod(dir, 0o755);
  return dir;
}

async function holdOf({ client }: Sitelift): Promise<readonly { kind: string; reason: string }[]> {
  const { holds } = await client.call(routes.getInstance, { params: { instance: SLUG } });
  return holds;
}

describe.skipIf(!HAS_PARTS)('an upgrade on real parts', () => {
  it('goes through: every effect once, content intact, nobody asked', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site({ patient: true })];
    expect(await site.seen()).toEqual(OLD_SITE);
    const run = await sitelift.settled(await sitelift.startUpgrade(site));
    expect(run).toMatchObject({ state: 'succeeded', siteOpen: true, detail: null });
    expect(await site.seen()).toEqual(NEW_SITE);
    expect((await site.effects()).map(({ action }) => action)).toEqual(['app/stage', 'database/migrate']);
    expect(await holdOf(sitelift)).toEqual([]);
  });

  it('a migration that fails half-way is recovered from the proven backup and held', async () => {
    const notes = ['first', 'Twice', 'twice'];
    const [sitelift, site] = [await bed.sitelift(), await bed.site({ notes })];
    const run = await sitelift.settled(await sitelift.startUpgrade(site));
    expect(run).toMatchObject({ state: 'recovered', siteOpen: true, pointCrossed: true });
    expect(run.detail).toMatch(/^Migrate the database failed: /);
    expect(await site.seen()).toEqual({ ...OLD_SITE, notes });
    const column = await site.cluster.query(
      site.database,
      `select 1 from information_schema.columns where table_name = 'notes' and column_name = 'slug'`,
    );
    expect(column).toEqual([]);
    expect(await holdOf(sitelift)).toMatchObject([{ kind: 'rolled-back', reason: run.detail }]);
    const { out } = await sitelift.cli('logs', run.id, '--step', 'migrate');
    expect(out).toContain('could not create unique index');
  });

  it('a backup cut to nine tenths is refused although pg_restore lists it; the site stays as it was', async () => {
    const binDir = await cuttingTools(bed.cluster().binDir);
    const [sitelift, site] = [await bed.sitelift(), await bed.site({ binDir, pages: 500 })];
    const run = await sitelift.settled(await sitelift.startUpgrade(site));
    expect(run).toMatchObject({ state: 'rolled-back', siteOpen: true, pointCrossed: false });
    expect(run.detail).toMatch(
      /^Back up, and prove it by a restore failed: the backup could not be proven: /,
    );
    expect(await site.seen()).toEqual(OLD_SITE);
    const listed = (await readFile(join(binDir, 'listed'), 'utf8')).trim().split('\n');
    expect(new Set(listed)).toEqual(new Set(['0']));
    expect((await site.effects()).map(({ action }) => action)).not.toContain('database/migrate');
    const scratch = await site.cluster.query(
      'postgres',
      `select datname from pg_database where datname like 'sitelift_scratch%'`,
    );
    expect(scratch).toEqual([]);
    expect(stepOf(run, 'backup')).toMatchObject({ state: 'failed' });
  });
});
