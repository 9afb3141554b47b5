import { readdir, readFile, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { readLoss, tellLoss } from '@sitelift/domain/run/loss.ts';
import { takeBackup } from './fake-context.ts';
import { binDir, useTestSite } from './test-site.ts';

describe.skipIf(binDir === null)('database/loss', () => {
  const { cluster, workDir, newRun, databases, lie } = useTestSite();

  /** What the action says after `sql` was done to the live database since the backup. */
  const since = async (sql: string) => {
    const run = newRun();
    await takeBackup(run);
    await cluster().query('site', sql);
    const outcome = await run.apply('loss');
    if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
    const loss = readLoss(outcome.output ?? {}, 0, 0);
    if (loss === null || loss.exportPath === null) throw new Error(JSON.stringify(outcome.output));
    const { exportPath } = loss;
    const lines = (await readFile(exportPath, 'utf8')).split('\n').slice(0, -1);
    return { loss, exportPath, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  };

  it('says nothing was written when nothing was, and leaves no scratch database', async () => {
    const { loss, lines } = await since('select 1');
    expect(loss).toMatchObject({ inserted: 0, changed: 0, deleted: 0, tables: [], more: 0 });
    expect(tellLoss(loss)).toBe('nothing was written since the backup');
    expect(lines).toEqual([]);
    expect(await databases()).toEqual(['site']);
  });

  it('C57: five orders written since the backup began are listed by id and exported, and nothing else is', async () => {
    const { loss, lines, exportPath } = await since(
      "insert into shop.orders (id, note) select 9000 + n, 'new ' || n from generate_series(1, 5) n",
    );
    expect(loss.tables).toEqual([
      {
        table: 'shop.orders',
        inserted: 5,
        changed: 0,
        deleted: 0,
        rows: [9001, 9002, 9003, 9004, 9005].map((id) => ({ change: 'inserted', key: { id } })),
        note: null,
      },
    ]);
    expect(tellLoss(loss)).toBe('5 rows of 1 table (5 inserted)');
    expect(lines).toHaveLength(5);
    expect(lines.find(({ key }) => JSON.stringify(key) === '{"id":9003}')).toMatchObject({
      table: 'shop.orders',
      change: 'inserted',
      row: { id: 9003, note: 'new 3' },
    });
    expect((await stat(exportPath)).mode & 0o777).toBe(0o600);
    expect((await readdir(workDir())).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('tells inserted, changed and deleted rows apart, each with the right version of the row', async () => {
    const { loss, lines } = await since(`
      update shop.orders set note = 'Zürich "quoted"' || chr(10) || 'line' where id = 7;
      delete from shop.orders where id in (8, 9);
      insert into shop.orders (id, note) values (-1, 'first')`);
    expect(loss).toMatchObject({ inserted: 1, changed: 1, deleted: 2 });
    expect(loss.tables[0]?.rows.map(({ change }) => change).sort()).toEqual(['changed', 'deleted', 'deleted', 'inserted']); // prettier-ignore
    const row = (id: number) => lines.find((line) => JSON.stringify(line['key']) === `{"id":${id}}`);
    expect(row(7)).toMatchObject({ change: 'changed', row: { note: 'Zürich "quoted"\nline' } });
    expect(row(8)).toMatchObject({ change: 'deleted', row: { note: 'order 8' } });
    expect(row(-1)).toMatchObject({ change: 'inserted' });
  });

  it('compares a table without a primary key by whole rows, each as often as it stands there', async () => {
    const { loss, lines } = await since(`
      insert into shop.log select line from shop.log order by 1 limit 3;
      update shop.log set line = 'other' where line = md5('5') and ctid = (select min(ctid) from shop.log where line = md5('5'))`);
    expect(loss).toMatchObject({ inserted: 4, changed: 0, deleted: 1 });
    expect(loss.tables[0]?.rows).toEqual([]);
    expect(lines.filter(({ key }) => key !== null)).toEqual([]);
    expect(lines.filter(({ change }) => change === 'inserted')).toHaveLength(4);
    expect(lines.filter(({ change }) => change === 'deleted')).toHaveLength(1);
  });

  it('after a migration compares by the columns that both have, and says which tables are new or gone', async () => {
    const { loss } = await since(`
      alter table shop.orders add column paid boolean not null default false;
      update shop.orders set note = 'x' where id = 1;
      create table shop.bills (a int, b text, primary key (a, b)); insert into shop.bills values (1, 'one');
      drop table shop.log`);
    const told = Object.fromEntries(
      loss.tables.map(({ table, inserted, changed, deleted, note }) => [
        table,
        { inserted, changed, deleted, note },
      ]),
    );
    expect(told).toEqual({
      'shop.log': {
        inserted: 0,
        changed: 0,
        deleted: 3000,
        note: 'the live database does not have this table any more',
      },
      'shop.orders': {
        inserted: 0,
        changed: 1,
        deleted: 0,
        note: 'compared by the columns that both have (new: paid)',
      },
      'shop.bills': { inserted: 1, changed: 0, deleted: 0, note: 'the backup does not have this table' },
    });
  });

  it('has every row of many, in bounded steps, and keeps only a few keys for the journal', async () => {
    const { loss, lines } = await since(
      "insert into shop.orders (id, note) select 10000 + n, repeat('x', 1000) from generate_series(1, 7000) n",
    );
    expect(loss.inserted).toBe(7000);
    expect(new Set(lines.map(({ key }) => JSON.stringify(key))).size).toBe(7000);
    expect(loss.tables[0]?.rows).toHaveLength(20);
  });

  it('keeps what json columns, partitions, odd names and long numbers hold', async () => {
    const { lines } = await since(`
      create table "Odd ""T" ("select" numeric primary key, doc json, raw bytea);
      insert into "Odd ""T" values (12345678901234567890.5, E'{"a":\\n 1}', '\\x00ff');
      create table parts (id int primary key) partition by range (id);
      create table parts_a partition of parts for values from (0) to (10);
      insert into parts values (3)`);
    expect(lines).toMatchObject([
      { table: 'shop.Odd "T', row: { doc: { a: 1 }, raw: '\\x00ff' } },
      { table: 'shop.parts_a', key: { id: 3 } },
    ]);
  });

  it('measures again over what an attempt before has left', async () => {
    const run = newRun();
    await takeBackup(run);
    await run.apply('loss');
    await cluster().query('site', 'delete from shop.orders where id = 1');
    expect(await run.apply('loss', 2)).toMatchObject({ kind: 'done', output: { deleted: 1 } });
  });

  it.each([
    ['without a backup', null, 'no backup to compare with'],
    ['with one of another server', { systemIdentifier: '42' }, 'another database server'],
    ['with a file that is not as it was written', { sha256: 'feed' }, 'SHA-256 differs'],
  ])('%s it says so', async (_, change, words) => {
    const run = newRun();
    await takeBackup(run);
    if (change === null) run.target = { ...run.target, backup: null };
    else lie(run, change);
    expect(await run.apply('loss')).toMatchObject({ kind: 'failed', reason: expect.stringContaining(words) as string }); // prettier-ignore
    expect(await databases()).toEqual(['site']);
  });
});
