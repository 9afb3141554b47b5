/** A person's words in the middle of an upgrade, by the command line. */
import { describe, expect, it } from 'vitest';
import { HAS_PARTS, NEW_SITE, OLD_SITE, useBed } from './small-site/bed.ts';
import { stepOf, type Sitelift } from './small-site/sitelift.ts';

const bed = useBed();

/** What only the schema of version 2 has. */
const COLUMNS_OF_2 = `select table_name from information_schema.columns where column_name in ('slug', 'title')`;

async function says(sitelift: Sitelift, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await sitelift.cli(...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}

describe.skipIf(!HAS_PARTS)('in the middle of the backup, the site closed', () => {
  it('pause lets the step end and nothing further start; resume goes on', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site()];
    const notes = await site.hold();
    const id = await sitelift.startUpgrade(site);
    await notes.waiting(/pg_table_size/);
    await says(sitelift, 'pause', id, '--reason', 'lunch');
    await notes.release();
    const paused = await sitelift.until(id, 'paused', (run) => stepOf(run, 'backup')?.state === 'succeeded');
    expect(paused).toMatchObject({ state: 'paused', detail: 'lunch' });
    expect(await site.seen()).toBe('closed');
    expect(await says(sitelift, 'run', id)).toContain('resume: goes on with the next step');
    await says(sitelift, 'resume', id);
    expect(await sitelift.settled(id)).toMatchObject({ state: 'succeeded', siteOpen: true });
    expect(await site.seen()).toEqual(NEW_SITE);
  });

  it('cancel ends the dump at once and takes back what was done', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site()];
    const notes = await site.hold();
    const id = await sitelift.startUpgrade(site);
    await notes.waiting(/pg_table_size/);
    await says(sitelift, 'cancel', id, '--reason', 'wrong night');
    await sitelift.until(id, 'turning back', (run) => run.state !== 'running');
    await notes.release();
    const run = await sitelift.settled(id);
    expect(run).toMatchObject({ state: 'cancelled', siteOpen: true });
    expect(run.detail).toMatch(/^cancel asked for by .+: wrong night$/);
    expect(await site.seen()).toEqual(OLD_SITE);
    const again = await sitelift.cli('cancel', id, '--reason', 'once more');
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('the run has ended: cancelled') });
  });
});

describe.skipIf(!HAS_PARTS)('in the middle of the migration', () => {
  it('cancel is refused with the reason; rollback of a half-done one restores the backup', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site()];
    const id = await sitelift.startUpgrade(site);
    await sitelift.until(id, 'backed up', (run) => stepOf(run, 'backup')?.state === 'succeeded');
    const pages = await site.hold('pages');
    await pages.waiting(/alter table pages/);
    const refused = await sitelift.cli('cancel', id, '--reason', 'too late');
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringContaining('only a roll-back leads back from here'),
    });
    await says(sitelift, 'rollback', id, '--reason', 'it hangs');
    const run = await sitelift.settled(id);
    expect(run).toMatchObject({ state: 'recovered', siteOpen: true });
    expect(run.detail).toMatch(/^roll-back asked for by .+: it hangs$/);
    expect(await site.seen()).toEqual(OLD_SITE);
    expect(await site.cluster.query(site.database, COLUMNS_OF_2)).toEqual([]);
    expect(await says(sitelift, 'instances')).toContain('held: roll-back asked for');
  });

  it('rollback of one of which nothing was applied yet takes the steps back instead (semantics 14)', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site()];
    const id = await sitelift.startUpgrade(site);
    await sitelift.until(id, 'backed up', (run) => stepOf(run, 'backup')?.state === 'succeeded');
    const notes = await site.hold();
    await notes.waiting(/alter table notes/);
    await says(sitelift, 'rollback', id, '--reason', 'it hangs');
    await sitelift.until(id, 'turning back', (run) => run.state === 'undoing');
    await notes.release();
    expect(await sitelift.settled(id)).toMatchObject({ state: 'rolled-back', siteOpen: true });
    expect(await site.seen()).toEqual(OLD_SITE);
    expect(await site.cluster.query(site.database, COLUMNS_OF_2)).toEqual([]);
  });

  it('a way back that fails stops with the page up; retry goes on when a person has mended it', async () => {
    const notes = ['Twice', 'twice'];
    const [sitelift, site] = [await bed.sitelift(), await bed.site({ notes })];
    const id = await sitelift.startUpgrade(site);
    await sitelift.until(id, 'recovering', (run) => run.state === 'recovering');
    await site.putCode('blue', '9.9.9');
    const asked = await sitelift.settled(id);
    expect(asked).toMatchObject({ state: 'needs-a-person', siteOpen: false });
    expect(asked.detail).toMatch(
      /^The way back stops: "Start the old code" failed: .*blue holds 9\.9\.9, not 1\.0\.0.* It goes back because: Migrate the database failed: /s,
    );
    expect(await site.seen()).toBe('closed');
    await site.putCode('blue', '1.0.0');
    await says(sitelift, 'retry', id, '--reason', 'the code is back');
    expect(await sitelift.settled(id)).toMatchObject({ state: 'recovered', siteOpen: true });
    expect(await site.seen()).toEqual({ ...OLD_SITE, notes });
  });
});
