import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../db/database.ts';
import { createTestDatabase } from '../db/test-database.ts';
import { readConfig } from '../config/config.ts';
import { armFailpoints, openFailpoints } from './open-failpoints.ts';
import { BOUNDARIES, markerOf, parseFailpoints } from './parse-failpoints.ts';

describe('the words of SITELIFT_FAILPOINT', () => {
  it.each([
    ['B5:kill9', { boundary: 'B5', action: 'kill9', instance: null, step: null, nth: 1 }],
    ['B5:kill9:migrate', { boundary: 'B5', action: 'kill9', instance: null, step: 'migrate', nth: 1 }],
    ['B0:kill9:2', { boundary: 'B0', action: 'kill9', instance: null, step: '2', nth: 1 }],
    ['B11:block:north-live/tell:3', { boundary: 'B11', action: 'block', instance: 'north-live', step: 'tell', nth: 3 }],
  ])('%s', (text, point) => {
    expect(parseFailpoints(text)).toEqual([point]);
    expect(readConfig({ SITELIFT_FAILPOINT: text })).toMatchObject({ config: { failpoint: text } });
  }); // prettier-ignore

  it.each(['B12:kill9', 'B5', 'B5:stop', 'B5:kill9:a:0', 'B5:kill9,', 'B5:kill9 B6:kill9', 'b5:kill9'])(
    'refuses %j, in the configuration too',
    (text) => {
      expect(parseFailpoints(text)).toBeNull();
      expect(readConfig({ SITELIFT_FAILPOINT: text })).toHaveProperty('problems');
    },
  );

  it('names every boundary, and several of them in one list', () => {
    const text = Object.keys(BOUNDARIES).map((name) => `${name}:kill9`).join(','); // prettier-ignore
    expect(parseFailpoints(text)?.map(({ boundary }) => boundary)).toEqual(Object.keys(BOUNDARIES));
    expect(readConfig({ SITELIFT_FAILPOINT: text })).toHaveProperty('config');
  });
});

describe('armed failpoints', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sitelift-failpoints-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('holds up the first of several processes at the nth time, tells where, and lets it go on when told', async () => {
    const points = parseFailpoints('B5:block:north/migrate:2') ?? [];
    const [one, other] = [armFailpoints(points, dir), armFailpoints(points, dir)];
    const place = { instance: 'north', step: 'migrate' };
    const marker = join(dir, markerOf(points[0] ?? expect.fail()));

    expect(await one.reach('B5', place)).toBe(false);
    expect(await one.reach('B5', { ...place, step: 'stage' })).toBe(false);
    expect(await one.reach('B6', place)).toBe(false);
    const held = one.reach('B5', place);
    expect(JSON.parse(await readFile(`${marker}.hit`, 'utf8'))).toEqual({ ...place, pid: process.pid });
    // Whoever takes the work over is not stopped in the same place.
    await other.reach('B5', place);
    expect(await other.reach('B5', place)).toBe(false);
    await writeFile(`${marker}.go`, '');
    expect(await held).toBe(true);
  });

  it('are refused outside of a test database', async () => {
    const test = await createTestDatabase();
    const elsewhere = openDatabase({ connection: { ...test.connection, database: 'postgres' } });
    try {
      expect(await openFailpoints(elsewhere, 'B5:kill9', join(dir, 'other'))).toBeNull();
      expect(existsSync(join(dir, 'other'))).toBe(false);
      expect(await openFailpoints(test.db, 'B5:kill9', join(dir, 'ours'))).not.toBeNull();
    } finally {
      await elsewhere.destroy();
      await test.drop();
    }
  });
});
