import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadMigrations, migrate } from '../packages/server/src/db/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../packages/server/src/db/test-database.ts';
import { OUTPUTS, ROOT } from '../scripts/gen/outputs.ts';

let test: TestDatabase;
beforeEach(async () => {
  test = await createTestDatabase();
});
afterEach(() => test.drop());

describe('what is generated', () => {
  it.each(OUTPUTS)('$path is fresh: npm run gen changes nothing', async ({ path, generate }) => {
    const made = await generate(test.connection);
    // Only the golden schema asks for something that npm does not install; the full test run installs it.
    if (typeof made !== 'string') {
      expect(process.env['CI'], made.missing).toBeUndefined();
      return;
    }
    expect(await readFile(join(ROOT, path), 'utf8')).toBe(made);
  });
});

describe('migrations', () => {
  it('run twice change nothing', async () => {
    expect(await migrate(test.connection)).toEqual([]);
  });

  it('started by two servers at once are applied once', async () => {
    const client = new Client(test.connection);
    await client.connect();
    await client.query(`create database ${test.name}_b`);
    const empty = { ...test.connection, database: `${test.name}_b` };
    const applied = await Promise.all([migrate(empty), migrate(empty)]);
    const names = (await loadMigrations()).map((file) => file.name);
    expect(applied.flat()).toEqual(names);
    await client.query(`drop database ${test.name}_b with (force)`);
    await client.end();
  });

  it('a file that was edited after it was applied is refused by name', async () => {
    const [first, ...rest] = await loadMigrations();
    if (first === undefined) throw new Error('there is no migration');
    await expect(migrate(test.connection, [{ ...first, digest: 'edited' }, ...rest])).rejects.toThrow(
      first.name,
    );
  });

  it('a file that fails leaves nothing of itself', async () => {
    const broken = { name: '9999-broken.sql', sql: 'create table half (); select 1 / 0', digest: 'x' };
    const files = [...(await loadMigrations()), broken];
    await expect(migrate(test.connection, files)).rejects.toThrow('9999-broken.sql failed: division by zero');
    const client = new Client(test.connection);
    await client.connect();
    const { rows } = await client.query<{ half: string | null }>(`select to_regclass('half') as half`);
    await client.end();
    expect(rows).toEqual([{ half: null }]);
  });
});
