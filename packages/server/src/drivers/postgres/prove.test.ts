import { createHash } from 'node:crypto';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../driver.ts';
import { pathOf, takeBackup } from './fake-context.ts';
import { scratchName } from './prove.ts';
import { binDir, stopOnceBegun, useTestSite } from './test-site.ts';

describe.skipIf(binDir === null)('database/prove', () => {
  const { cluster, newRun, databases, orders, lie } = useTestSite();

  it('restores, compares, runs the write check on the copy and drops it', async () => {
    const check = `test "$SITELIFT_INSTANCE" = north-live && ${cluster().binDir}/psql -qAt "$SITELIFT_SCRATCH_DATABASE_URL" -c "insert into shop.orders (id, note) values (9999, '$WORD') returning id, current_database()"`;
    const writeCheck = { run: ['/bin/sh', '-c', check], env: { WORD: 'written' } };
    const run = newRun({ writeCheck });
    await takeBackup(run);
    const before = await databases();
    const outcome = await run.apply('prove');
    expect(outcome).toMatchObject({
      kind: 'done',
      backup: { grade: 'restored' },
      output: { proof: { rows: 8000, writeChecked: true } },
    });
    expect(run.lines.join('\n')).toContain('out: 9999|sitelift_scratch_');
    expect(await databases()).toEqual(before);
    expect(await orders()).toBe(5000);
  });

  it('a write check that fails, or does not end, fails the proof and still leaves no scratch database', async () => {
    const run = newRun({ writeCheck: { run: ['/bin/sh', '-c', 'echo "403 forbidden" >&2; exit 3'] } });
    await takeBackup(run);
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(/write check failed.*ended with 3.*403/),
    });
    const hangs = newRun({ writeCheck: { run: ['/usr/bin/sleep', '1000'], timeout: '1s' } });
    hangs.target = run.target;
    expect(await hangs.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('did not end within 1s'),
    });
    expect(await databases()).toEqual(['site']);
  });

  it('a dump cut to nine tenths is refused: by its hash, and by the restore when it was born so', async () => {
    const run = newRun();
    const { output } = await takeBackup(run);
    const path = pathOf(output);
    const size = Number(output?.['bytes']);
    await truncate(path, Math.floor(size * 0.9));
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('not as it was written'),
    });
    const bytes = await readFile(path);
    lie(run, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('cannot be restored'),
    });
    expect(await databases()).toEqual(['site']);
  });

  it('one changed byte, an empty file, a missing file: each is refused', async () => {
    const run = newRun();
    const { output } = await takeBackup(run);
    const path = pathOf(output);
    const bytes = await readFile(path);
    await writeFile(path, Buffer.from(bytes.map((byte, index) => (index === 5000 ? byte ^ 1 : byte))));
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('SHA-256 differs'),
    });
    await writeFile(path, '');
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('0 bytes'),
    });
    lie(run, { bytes: 0, sha256: createHash('sha256').digest('hex') });
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('cannot be restored'),
    });
    await rm(path);
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('is gone'),
    });
  });

  it('a copy with other rows than were counted is refused: too few, or the same number of others', async () => {
    const run = newRun();
    const { output } = await takeBackup(run);
    const counts = output?.['counts'] as JsonObject; // as: the output of a backup
    lie(run, { counts: { ...counts, 'shop.orders': 5001 } });
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('table shop.orders has 5000 rows, not 5001'),
    });
    const checksums = output?.['checksums'] as JsonObject; // as: the output of a backup
    lie(run, { counts, checksums: { ...checksums, 'shop.log': 'another' } });
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('rows of table shop.log are not those'),
    });
    lie(run, { checksums, objects: { ...(output?.['objects'] as JsonObject), indexes: 9 } }); // as: the output of a backup
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('indexes, not 9'),
    });
    lie(run, { objects: output?.['objects'] ?? {}, extensions: { postgis: '3.3' } });
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('extension postgis is missing'),
    });
  });

  it('the dump of another site is refused', async () => {
    const run = newRun();
    await takeBackup(run);
    lie(run, { instance: 'inst_south' });
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('of another instance'),
    });
  });

  it('a scratch database that a killed attempt left is dropped, also one in use', async () => {
    const run = newRun();
    await takeBackup(run);
    const left = scratchName('sitelift_scratch', run.runId, 'prove');
    await cluster().query('postgres', `create database ${left}`);
    const busy = await cluster().connect(left);
    expect(await run.apply('prove')).toMatchObject({ kind: 'done' });
    await busy.end().catch(() => {});
    expect(await databases()).toEqual(['site']);
  });

  it('a proof that is stopped in the middle still drops its scratch database', async () => {
    const run = newRun({ writeCheck: { run: ['/bin/sh', '-c', 'echo begun; exec sleep 1000'] } });
    await takeBackup(run);
    stopOnceBegun(run);
    expect(await run.apply('prove')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('stopped while'),
    });
    expect(await databases()).toEqual(['site']);
  });
});
