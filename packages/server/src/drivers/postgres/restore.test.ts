import { describe, expect, it } from 'vitest';
import { takeBackup } from './fake-context.ts';
import { sessionName } from './open-server.ts';
import { binDir, stopOnceBegun, useTestSite } from './test-site.ts';

const CONTENT_OF_OWNER = `
  set role app;
  create table parts (id int, at date) partition by range (at);
  create table parts_2026 partition of parts for values from ('2026-01-01') to ('2027-01-01');
  insert into parts select n, date '2026-01-01' + n % 300 from generate_series(1, 2000) n;
  create materialized view totals as select at, count(*) from parts group by at;
  create table "Odd ""Name" (t text, "select" bytea default '\\x00ff');
  insert into "Odd ""Name" (t) values ('ü'), (null)`;

describe.skipIf(binDir === null)('database/restore', () => {
  const { cluster, newRun, databases, orders, lie, fakeTools } = useTestSite();

  const spoil = 'delete from shop.orders where id > 100; drop function shop.one';

  it('puts the backup in place under the application, and keeps what it replaced', async () => {
    const run = newRun();
    const { backup } = await takeBackup(run);
    await cluster().query('site', spoil);
    const application = await cluster().connect('site');
    expect(await run.observe('restore')).toMatchObject({ state: 'not-applied' });
    const outcome = await run.apply('restore');
    expect(outcome).toMatchObject({ kind: 'done', output: { backupId: backup.backupId, rows: 8000 } });
    await expect(application.query('select 1')).rejects.toThrow();
    await application.end().catch(() => {});
    expect(await orders()).toBe(5000);
    const kept = (await databases()).filter((name) => name.startsWith('site_sitelift_old_'));
    expect(kept).toHaveLength(1);
    expect(await orders(kept[0])).toBe(100);
    expect(await run.observe('restore')).toMatchObject({ state: 'applied' });
  });

  it('keeps the comment, the settings, the owner and the rights of the database', async () => {
    const run = newRun();
    const facts = `select array(select unnest(d.datacl)::text order by 1) as acl, array(select unnest(setconfig) from pg_db_role_setting where setdatabase = d.oid) as settings,
        (select tableowner from pg_tables where tablename = 'orders') as owner from pg_database d where datname = 'site'`;
    const before = await cluster().query('site', facts);
    await takeBackup(run);
    await run.apply('restore');
    expect(await cluster().query('site', facts)).toEqual(before);
    const [row] = await cluster().query<{ comment: string }>(
      'postgres',
      "select shobj_description(oid, 'pg_database') as comment from pg_database where datname = 'site'",
    );
    expect(row?.comment).toMatch(/^the shop of North \[sitelift restored run=run_/);
  });

  it.each([
    ['a database with another collation provider', "locale_provider icu icu_locale 'de-DE'"],
    ['an empty database', ''],
  ])('restores %s, as its owner, who is no superuser, over TCP and in parallel', async (_, how) => {
    await cluster().query('postgres', 'alter role app createdb');
    await cluster().query('postgres', `create database ours template template0 owner app ${how}`);
    if (how !== '') await cluster().query('ours', CONTENT_OF_OWNER);
    const own = { host: '127.0.0.1', user: 'app', password: 'site-db', database: 'ours', jobs: 2 };
    const run = newRun(own, { secrets: { 'site-db': 'correct horse: battery\\staple' } });
    await takeBackup(run);
    expect(await run.apply('prove')).toMatchObject({ backup: { grade: 'restored' } });
    const provider = `select datlocprovider as provider, daticulocale as locale from pg_database where datname = 'ours'`;
    const before = await cluster().query('postgres', provider);
    expect(await run.apply('restore')).toMatchObject({ kind: 'done' });
    expect(await cluster().query('postgres', provider)).toEqual(before);
  });

  it('a second call does nothing more', async () => {
    const run = newRun();
    await takeBackup(run);
    await run.apply('restore');
    await cluster().query('site', "insert into shop.orders (id, note) values (6000, 'since')");
    expect(await run.apply('restore', 2)).toMatchObject({ kind: 'already-done' });
    expect(await orders()).toBe(5001);
  });

  it('wins against an application that connects again and again', async () => {
    const run = newRun();
    await takeBackup(run);
    await cluster().query('site', spoil);
    const state = { going: true };
    const insistent = Array.from({ length: 4 }, async () => {
      while (state.going) {
        const client = await cluster()
          .connect('site')
          .catch(() => null);
        await client?.query('select pg_sleep(60)').catch(() => {});
        await client?.end().catch(() => {});
      }
    });
    const outcome = await run.apply('restore');
    state.going = false;
    await cluster().query(
      'postgres',
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'site'",
    );
    await Promise.all(insistent);
    expect(outcome).toMatchObject({ kind: 'done' });
    expect(await orders()).toBe(5000);
  });

  it.each([
    ['a new database that is half filled', 'restoring'],
    ['a new database of another run', 'other'],
    ['a new database without a word on it', 'none'],
  ])('begins again over %s', async (_, state) => {
    const run = newRun();
    const { backup } = await takeBackup(run);
    await cluster().query('postgres', 'create database site_sitelift_new');
    const [word, whose] = state === 'other' ? ['ready', 'run_other'] : [state, run.runId];
    if (state !== 'none')
      await cluster().query(
        'postgres',
        `comment on database site_sitelift_new is '[sitelift ${word} run=${whose} step=restore backup=${backup.backupId} fence=3]'`,
      );
    await cluster().query('site', spoil);
    expect(await run.apply('restore', 2)).toMatchObject({ kind: 'done' });
    expect(await orders()).toBe(5000);
    expect(await databases()).toHaveLength(2);
  });

  it('goes on with the swap when the new database was ready', async () => {
    const run = newRun();
    const { backup } = await takeBackup(run);
    await cluster().query('postgres', 'create database site_sitelift_new template site');
    await cluster().query(
      'postgres',
      `comment on database site_sitelift_new is '[sitelift ready run=${run.runId} step=restore backup=${backup.backupId} fence=3]'`,
    );
    await cluster().query('site', spoil);
    const groups = run.groups.length;
    expect(await run.apply('restore', 2)).toMatchObject({ kind: 'done' });
    expect(run.groups).toHaveLength(groups);
    expect(await orders()).toBe(5000);
  });

  it('restores when there is no current database at all', async () => {
    const run = newRun();
    await takeBackup(run);
    await cluster().query('postgres', 'drop database site');
    expect(await run.observe('restore')).toMatchObject({
      state: 'not-applied',
      differs: 'there is no database site',
    });
    expect(await run.apply('restore')).toMatchObject({ kind: 'done', output: { kept: null } });
    expect(await orders()).toBe(5000);
  });

  it('stopped in the middle it leaves the current database as it was, and the next attempt ends it', async () => {
    const tools = await fakeTools({ pg_restore: 'echo begun >&2; exec /usr/bin/sleep 1000' });
    const run = newRun({ binDir: tools });
    const real = newRun();
    await takeBackup(real);
    run.target = real.target;
    stopOnceBegun(run);
    expect(await run.apply('restore')).toMatchObject({ kind: 'failed' });
    expect(await orders()).toBe(5000);
    expect(await real.observe('restore')).toMatchObject({ state: 'not-applied' });
    expect(await real.apply('restore')).toMatchObject({ kind: 'done' });
  });

  it('stopped at any moment it leaves a whole database in place, the old one or the new one, and a later attempt ends it', async () => {
    const run = newRun();
    await takeBackup(run);
    await cluster().query('site', spoil);
    let attempt = 1;
    for (const afterMs of [1, 20, 50, 90, 140, 200, 270, 350, 440, 540, 700, 900]) {
      run.fence += 1;
      run.signal = AbortSignal.timeout(afterMs);
      const outcome = await run.apply('restore', (attempt += 1));
      expect(outcome.kind).toMatch(/done|failed|retry-later|unknown/);
      // A worker that was stopped is not believed either: what is there is looked at.
      run.signal = new AbortController().signal;
      const seen = await run.observe('restore', attempt);
      expect(await orders()).toBe(seen.state === 'applied' ? 5000 : 100);
    }
    expect(await run.apply('restore', attempt + 1)).toMatchObject({ kind: expect.stringMatching(/done/) });
    expect(await orders()).toBe(5000);
    const kept = (await databases()).filter((name) => name.includes('_old_'));
    expect(kept).toHaveLength(1);
    expect(await orders(kept[0])).toBe(100);
  });

  it.each([
    ['another server', { systemIdentifier: '42' }, 'another database server'],
    ['another hash', { sha256: 'feed' }, 'SHA-256 differs'],
    ['another database', { database: 'other' }, 'is of database other'],
    ['other counts', { counts: { 'shop.orders': 1, 'shop.log': 3000 } }, 'not what was dumped'],
  ])('a backup that names %s changes nothing', async (_, change, words) => {
    const run = newRun();
    await takeBackup(run);
    await cluster().query('site', spoil);
    lie(run, change);
    expect(await run.apply('restore')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining(words),
    });
    expect(await orders()).toBe(100);
    expect((await databases()).filter((name) => name.includes('_old_'))).toEqual([]);
  });

  it('a worker with a lower fence than the one at work is refused; two at once cannot be; one that is cut off is put out', async () => {
    const run = newRun();
    await takeBackup(run);
    await cluster().query('postgres', 'create database site_sitelift_new');
    await cluster().query(
      'postgres',
      `comment on database site_sitelift_new is '[sitelift restoring run=${run.runId} step=restore backup=bkp_x fence=8]'`,
    );
    expect(await run.apply('restore')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('newer worker'),
    });
    run.fence = 9;
    const other = await cluster().connect('postgres');
    await other.query("select pg_advisory_lock(7431906, hashtext('site'))");
    for (const name of ['psql', sessionName('run_other', 9)]) {
      await other.query(`set application_name = '${name}'`);
      expect(await run.apply('restore')).toMatchObject({ kind: 'retry-later' });
    }
    // A worker of before, cut off from everything but its session.
    await other.query(`set application_name = '${sessionName('run_other', 8)}'`);
    expect(await run.apply('restore')).toMatchObject({ kind: 'done' });
    await other.end().catch(() => {});
  });

  it('without a backup there is nothing to do; a server that is down cannot be observed', async () => {
    const run = newRun();
    expect(await run.observe('restore')).toMatchObject({ state: 'not-applied' });
    expect(await run.apply('restore')).toMatchObject({ kind: 'failed', reason: 'this run has no backup' });
    await takeBackup(run);
    await cluster().kill();
    try {
      expect(await run.observe('restore')).toMatchObject({ state: 'cannot-tell' });
      expect(await run.apply('restore')).toMatchObject({ kind: 'retry-later' });
    } finally {
      await cluster().start();
    }
  });
});
