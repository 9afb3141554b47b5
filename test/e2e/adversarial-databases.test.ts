/** A PostgreSQL goes away in the middle of a step: the site's, and Sitelift's own. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { migrate } from '@sitelift/server/db/migrate.ts';
import { startTestCluster } from '@sitelift/server/drivers/postgres/test-cluster.ts';
import { HAS_PARTS, NEW_SITE, OLD_SITE, useBed } from './small-site/bed.ts';
import { isSettled, stepOf } from './small-site/sitelift.ts';

const bed = useBed();

describe.skipIf(!HAS_PARTS)("the site's database is stopped", () => {
  it('during the backup: the run waits for it, and goes on when it is back', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site()];
    const notes = await site.hold();
    const id = await sitelift.startUpgrade(site);
    await notes.waiting(/pg_table_size/);
    await site.cluster.kill();
    bed.later(() => site.cluster.start().catch(() => {}));
    const waits = await sitelift.until(
      id,
      'trying again',
      (run) => stepOf(run, 'backup')?.state === 'retrying' || isSettled(run),
    );
    expect(waits.detail).toMatch(
      /^the database server 127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED/,
    );
    expect(await site.seen()).toBe('closed');
    await site.cluster.start();
    expect(await sitelift.settled(id)).toMatchObject({ state: 'succeeded', siteOpen: true });
    expect(await site.seen()).toEqual(NEW_SITE);
    expect(await sitelift.reasons(id)).toContainEqual(
      expect.stringMatching(/went away while taking the backup/),
    );
  });

  it('during the migration, and is back: the migration goes on or is taken back, never half', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site()];
    const id = await sitelift.startUpgrade(site);
    await sitelift.until(id, 'backed up', (run) => stepOf(run, 'backup')?.state === 'succeeded');
    const notes = await site.hold();
    await notes.waiting(/alter table/i);
    await site.cluster.kill();
    bed.later(() => site.cluster.start().catch(() => {}));
    await sitelift.until(id, 'past the attempt', (run) => stepOf(run, 'migrate')?.state !== 'running');
    expect(await site.seen()).toBe('closed');
    await site.cluster.start();
    const run = await sitelift.settled(id);
    if (run.state === 'waiting') {
      expect(run.detail).toMatch(/^"Migrate the database" was begun and nobody can tell/);
      expect(await site.seen()).toBe('closed');
      expect(await sitelift.cli('rollback', id, '--reason', 'the database is back')).toMatchObject({
        code: 0,
      });
      expect(await sitelift.settled(id)).toMatchObject({ state: 'recovered', siteOpen: true });
      expect(await site.seen()).toEqual(OLD_SITE);
    } else {
      expect(run).toMatchObject({ state: 'succeeded', siteOpen: true });
      expect(await site.seen()).toEqual(NEW_SITE);
    }
  });
});

describe.skipIf(!HAS_PARTS)("Sitelift's own database is killed", () => {
  it('one of the vendor, in the middle of the migration: back again, the run ends well', async () => {
    const own = await startTestCluster(bed.cluster().binDir);
    bed.later(() => own.remove());
    await own.query('postgres', 'create database sitelift');
    const databaseUrl = `postgresql://${own.user}@localhost:${own.port}/sitelift?host=${encodeURIComponent(own.socketDir)}`;
    await migrate({ connectionString: databaseUrl });
    const [sitelift, site] = [await bed.sitelift({ databaseUrl }), await bed.site()];
    const id = await sitelift.startUpgrade(site);
    await sitelift.until(id, 'backed up', (run) => stepOf(run, 'backup')?.state === 'succeeded');
    const notes = await site.hold();
    await notes.waiting(/alter table/i);
    await own.kill();
    await notes.release();
    expect(await site.seen()).toBe('closed');
    await own.start();
    const run = await sitelift.settled(id);
    expect(run).toMatchObject({ state: 'succeeded', siteOpen: true });
    expect(await site.seen()).toEqual(NEW_SITE);
  });

  it('the embedded one, by SIGKILL in the middle of the backup: started again, the run ends well', async () => {
    const [sitelift, site] = [await bed.sitelift({ databaseUrl: '' }), await bed.site()];
    const notes = await site.hold();
    const id = await sitelift.startUpgrade(site);
    await notes.waiting(/pg_table_size/);
    const pid = await readFile(join(sitelift.dataDir, 'postgres/cluster/postmaster.pid'), 'utf8');
    process.kill(Number.parseInt(pid, 10), 'SIGKILL');
    await notes.release();
    expect(await site.seen()).toBe('closed');
    const run = await sitelift.settled(id);
    expect(run).toMatchObject({ state: 'succeeded', siteOpen: true });
    expect(await site.seen()).toEqual(NEW_SITE);
  });
});
