/** Going back when users wrote after the backup was begun: numbers first, then a person's word, then an export, then the restore. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { routes } from '@sitelift/contract/routes.ts';
import { HAS_PARTS, OLD_SITE, useBed } from './small-site/bed.ts';
import type { SmallSite } from './small-site/site.ts';
import { stepOf } from './small-site/sitelift.ts';

const bed = useBed();

/** The way of working that ships, but it backs up while users still write, and closes only when it is told to. */
function backsUpEarly(site: SmallSite): SmallSite {
  const files = site.files.map((file) => {
    if (!file.path.startsWith('overnight')) return file;
    const [head = '', ...steps] = file.text.split(/\n(?= {2}- id: )/);
    const step = (id: string): string => steps.find((text) => text.includes(`- id: ${id}\n`)) ?? '';
    const nod = '  - { id: nod, wait: { until: { signal: written } } }\n';
    const [before, after] = [['window', 'starting', 'stage', 'backup'], ['close', 'stop', 'migrate', 'start', 'probe', 'switch', 'open', 'done']]; // prettier-ignore
    return { ...file, text: [head, ...before.map(step), nod, ...after.map(step)].join('\n') };
  });
  return { ...site, files };
}

describe.skipIf(!HAS_PARTS)(
  'C57: five notes are written between the backup and closing, and the migration fails',
  () => {
    it('a person decides by their ids, the five are exported, and then the site is back without them', async () => {
      const notes = ['first', 'Twice', 'twice'];
      const [sitelift, site] = [await bed.sitelift(), backsUpEarly(await bed.site({ notes }))];
      const id = await sitelift.startUpgrade(site);
      await sitelift.until(id, 'backed up', (run) => stepOf(run, 'nod')?.state === 'waiting');
      const written = await site.cluster.query<{ id: number; text: string }>(
        site.database,
        "insert into notes (text) select 'order ' || n from generate_series(1, 5) n returning id, text",
      );
      await sitelift.client.call(routes.signalRun, { params: { run: id, name: 'written' }, body: {} });

      const asked = await sitelift.until(id, 'asked with numbers', (run) => run.loss !== null);
      expect(asked).toMatchObject({ state: 'waiting', waitingCode: 'would-lose-data', pointCrossed: true });
      expect(await site.seen()).toBe('closed');
      expect(asked.loss).toMatchObject({
        problem: null,
        report: { inserted: 5, changed: 0, deleted: 0, exported: true },
      });
      expect(asked.loss?.report?.sinceAt).toBe(asked.backup?.begunAt);
      const [table, ...others] = asked.loss?.report?.tables ?? [];
      expect(others).toEqual([]);
      expect(table).toMatchObject({ table: 'public.notes', rows: written.map((row) => ({ change: 'inserted', key: { id: row.id } })) }); // prettier-ignore
      expect(asked.notices.map(({ event }) => event)).toContain('loss-measured');
      expect(asked.actions.find(({ name }) => name === 'roll-back')?.does).toContain('5 rows of 1 table');

      const dry = await sitelift.cli('rollback', id, '--dry-run');
      for (const row of written) expect(dry.out).toContain(`+id ${row.id}`);
      expect(stepOf(await sitelift.run(id), 'restore')?.state).toBe('pending');

      expect(await sitelift.cli('rollback', id, '--reason', 'they write them down again')).toMatchObject({
        code: 0,
      });
      expect(await sitelift.settled(id)).toMatchObject({ state: 'recovered', siteOpen: true });
      expect(await site.seen()).toEqual({ ...OLD_SITE, notes });

      const dir = await mkdtemp(join(tmpdir(), 'sitelift-export-'));
      bed.later(() => rm(dir, { recursive: true, force: true }));
      const file = join(dir, 'lost.jsonl');
      expect(await sitelift.cli('loss', id, '--export', file)).toMatchObject({ code: 0, err: '' });
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as { row: { id: number; text: string } }); // prettier-ignore
      expect(
        lines.map(({ row }) => ({ id: row.id, text: row.text })).toSorted((a, b) => a.id - b.id),
      ).toEqual(written);
      const { events } = await sitelift.client.call(routes.listEvents, { query: { object: id } });
      expect(events.map(({ verb }) => verb)).toContain('loss-exported');
      const { events: journal } = await sitelift.client.call(routes.runJournal, {
        params: { run: id },
        query: {},
      });
      const kinds = journal.map(({ kind, body }) => (kind === 'step-started' ? String(body['step']) : kind));
      // Measured for the question, and once more after the site stood still, before anything is restored.
      expect(kinds.filter((kind) => kind === 'loss-measured')).toHaveLength(2);
      expect(kinds.lastIndexOf('loss-measured')).toBeLessThan(kinds.indexOf('restore'));
      expect(kinds.indexOf('stop-new')).toBeLessThan(kinds.lastIndexOf('loss-measured'));
    });
  },
);
