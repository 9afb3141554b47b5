/** HAProxy goes away in the middle of an upgrade, and comes back: nobody is let in by it, and nothing is lost. */
import { describe, expect, it } from 'vitest';
import { HAS_PARTS, NEW_SITE, OLD_SITE, useBed } from './small-site/bed.ts';
import { stepOf } from './small-site/sitelift.ts';

const bed = useBed();

describe.skipIf(!HAS_PARTS)('HAProxy is stopped', () => {
  it('before closing: the run says what it waits for, and goes on when it is back', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site()];
    const id = await sitelift.startUpgrade(site, () => site.proxy.stop());
    const waits = await sitelift.until(
      id,
      'waiting for the proxy',
      (run) => stepOf(run, 'close')?.state === 'retrying',
    );
    expect(waits.detail).toMatch(/^HAProxy does not answer on .*admin\.sock: (ENOENT|ECONNREFUSED)$/);
    expect(waits.pointCrossed).toBe(false);
    await site.proxy.start();
    expect(await site.seen()).toEqual(OLD_SITE);
    expect(await sitelift.settled(id)).toMatchObject({ state: 'succeeded', siteOpen: true });
    expect(await site.seen()).toEqual(NEW_SITE);
  });

  it('while closed: it comes back closed, and the run goes on', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site()];
    const notes = await site.hold();
    const id = await sitelift.startUpgrade(site);
    await notes.waiting(/pg_table_size/);
    await site.proxy.stop();
    await notes.release();
    const waits = await sitelift.until(
      id,
      'waiting for the proxy',
      (run) => stepOf(run, 'switch')?.state === 'retrying',
    );
    expect(waits.detail).toMatch(/^HAProxy does not answer on /);
    await site.proxy.start();
    expect(await site.seen()).toBe('closed');
    expect(await sitelift.settled(id)).toMatchObject({ state: 'succeeded', siteOpen: true });
    expect(await site.seen()).toEqual(NEW_SITE);
  });

  it('while closed, and the migration fails: the recovery waits for it and opens the old version', async () => {
    const notes = ['Twice', 'twice'];
    const [sitelift, site] = [await bed.sitelift(), await bed.site({ notes })];
    const held = await site.hold();
    const id = await sitelift.startUpgrade(site);
    await held.waiting(/pg_table_size/);
    await site.proxy.stop();
    await held.release();
    const waits = await sitelift.until(
      id,
      'waiting for the proxy',
      (run) =>
        run.state === 'recovering' &&
        run.steps.some(({ state, lane }) => lane === 'recover' && state === 'retrying'),
    );
    expect(waits.detail).toMatch(/^HAProxy does not answer on /);
    await site.proxy.start();
    const run = await sitelift.settled(id);
    expect(run).toMatchObject({ state: 'recovered', siteOpen: true });
    expect(run.detail).toMatch(/^Migrate the database failed: /);
    expect(await site.seen()).toEqual({ ...OLD_SITE, notes });
  });

  it('and stays away: the run turns back when the step had its time, and a person is asked', async () => {
    const [sitelift, site] = [await bed.sitelift(), await bed.site()];
    const id = await sitelift.startUpgrade(site, () => site.proxy.stop());
    await sitelift.until(id, 'waiting for the proxy', (run) => stepOf(run, 'close')?.state === 'retrying');
    await bed.database().skipTime(180_000);
    await sitelift.until(
      id,
      'turning back',
      (run) => run.state === 'undoing' && run.detail?.startsWith('HAProxy') === true,
    );
    await bed.database().skipTime(180_000);
    const asked = await sitelift.settled(id);
    expect(asked).toMatchObject({ state: 'needs-a-person', siteOpen: false });
    expect(asked.detail).toMatch(
      /^The way back stops: taking back "Show the maintenance page" failed: it waited \d+ s in vain: HAProxy does not answer on .*\. It goes back because: Show the maintenance page failed: /,
    );
    await site.proxy.start();
    expect(await site.seen()).toEqual(OLD_SITE);
    expect(await sitelift.cli('retry', id, '--reason', 'the proxy is back')).toMatchObject({ code: 0 });
    expect(await sitelift.settled(id)).toMatchObject({ state: 'rolled-back', siteOpen: true });
    expect(await site.seen()).toEqual(OLD_SITE);
  });
});
