import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { livingMembers } from '../process-table.ts';
import { pathOf, takeBackup } from './fake-context.ts';
import { binDir, stopOnceBegun, useTestSite } from './test-site.ts';

describe.skipIf(binDir === null)('database/backup', () => {
  const { cluster, workDir, newRun, orders, fakeTools } = useTestSite();

  it('dumps and counts in one snapshot, whatever is written meanwhile', async () => {
    const tools = await fakeTools({
      // The live site goes on writing between our snapshot and the dump.
      pg_dump: `${cluster().binDir}/psql -q -h ${cluster().socketDir} -p ${cluster().port} -U postgres -c 'delete from shop.orders where id > 10' site\nexec ${cluster().binDir}/pg_dump "$@"`,
    });
    const run = newRun({ binDir: tools });
    const { output, backup } = await takeBackup(run);
    expect(backup.grade).toBe('written');
    expect(output).toMatchObject({
      counts: { 'shop.orders': 5000, 'shop.log': 3000 },
      tables: 2,
      rows: 8000,
    });
    expect(await orders()).toBe(10);
    const real = newRun();
    real.target = run.target;
    const proof = await real.apply('prove');
    expect(proof).toMatchObject({ kind: 'done', backup: { grade: 'restored' } });
  });

  it('writes a whole file under its own name, with its hash, and says what the server is', async () => {
    const run = newRun();
    const { output, backup } = await takeBackup(run);
    const bytes = await readFile(pathOf(output));
    expect(output).toMatchObject({
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      systemIdentifier: expect.stringMatching(/^\d+$/),
      serverVersion: expect.stringMatching(/^\d+\./),
    });
    expect((await readdir(workDir())).sort()).toEqual([`${backup.backupId}.dump`, `${backup.backupId}.json`]);
    expect(run.groups).toHaveLength(1);
    expect(await run.observe('backup')).toMatchObject({
      state: 'applied',
      backup: { backupId: backup.backupId },
    });
    expect(await run.observe('backup', 2)).toMatchObject({ state: 'not-applied' });
  });

  it('logs in with a password from a secret that is gone from the disk afterwards and was in no argument', async () => {
    const seen = join(workDir(), 'seen');
    const tools = await fakeTools({
      pg_dump: `echo "$@" > ${seen}; env >> ${seen}; stat -c %a "$PGPASSFILE" >> ${seen}; exec ${cluster().binDir}/pg_dump "$@"`,
    });
    const password = 'correct horse: battery\\staple';
    const own = { host: '127.0.0.1', user: 'app', password: 'site-db', database: 'ours', binDir: tools };
    await cluster().query('postgres', 'create database ours owner app');
    const run = newRun(own, { secrets: { 'site-db': password } });
    await takeBackup(run);
    const text = await readFile(seen, 'utf8');
    expect(text).toContain('\n600\n');
    expect(text).not.toContain('battery');
    expect((await readdir(workDir())).filter((name) => name.startsWith('.'))).toEqual([]);
    const wrong = newRun(own, { secrets: { 'site-db': 'another password' } });
    expect(await wrong.apply('backup')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('refuses this user'),
    });
    const missing = newRun(own);
    expect(await missing.apply('backup')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('secret site-db'),
    });
  });

  it('a disk that is full during the dump fails clearly and leaves no partial file', async () => {
    const tools = await fakeTools({
      // The real pg_dump on a real full device; the file that we asked for is begun, as it would be.
      pg_dump: `for a in "$@"; do case "$a" in --file=*) head -c 100 /dev/zero > "\${a#--file=}";; *) set -- "$@" "$a";; esac; shift; done\nexec ${cluster().binDir}/pg_dump "$@" --file=/dev/full`,
    });
    const run = newRun({ binDir: tools });
    expect(await run.apply('backup')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('disk that holds the backups is full'),
    });
    expect(await readdir(workDir())).toEqual([]);
  });

  it('a disk with too little space is refused before anything is begun', async () => {
    const run = newRun({}, { workDir: '/proc/self' });
    expect(await run.apply('backup')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('not enough space for a backup'),
    });
    expect(run.groups).toEqual([]);
  });

  it('a server that is down is waited for; one that goes away in the middle is a failure', async () => {
    await cluster().kill();
    try {
      expect(await newRun().apply('backup')).toMatchObject({
        kind: 'retry-later',
        reason: expect.stringContaining('cannot be reached'),
      });
      expect(await newRun({ host: '127.0.0.1' }).apply('backup')).toMatchObject({ kind: 'retry-later' });
    } finally {
      await cluster().start();
    }
    const tools = await fakeTools({
      pg_dump: `${cluster().binDir}/psql -q -h ${cluster().socketDir} -p ${cluster().port} -U postgres -c "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'site'" postgres\nexec ${cluster().binDir}/pg_dump "$@"`,
    });
    const outcome = await newRun({ binDir: tools }).apply('backup');
    expect(outcome).toMatchObject({ kind: 'failed' });
    expect(
      (await readdir(workDir())).filter((name) => name.endsWith('.dump') || name.endsWith('.part')),
    ).toEqual([]);
  });

  it('tools that are not there, a database that is not there: each says what to do', async () => {
    expect(await newRun({ binDir: '/nowhere' }).apply('backup')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('install postgresql-client-'),
    });
    expect(await newRun({ database: 'nosuch' }).apply('backup')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('no such database'),
    });
  });

  it('what a killed attempt left half-written is taken away by the next', async () => {
    await writeFile(join(workDir(), '.backup-1-6.part'), 'half a dump');
    await takeBackup(newRun());
    expect((await readdir(workDir())).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('the abort signal ends the dump and its whole process group', async () => {
    const tools = await fakeTools({ pg_dump: 'echo begun >&2; /usr/bin/sleep 1000 & wait' });
    const run = newRun({ binDir: tools });
    stopOnceBegun(run);
    expect(await run.apply('backup')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('stopped while'),
    });
    expect(livingMembers(run.groups[0] ?? 0)).toEqual([]);
  });
});
