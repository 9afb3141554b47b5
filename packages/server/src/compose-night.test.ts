import { afterEach, beforeEach, expect, it } from 'vitest';
import { sql } from 'kysely';
import { composeNight, type Night } from './compose-night.ts';
import { openDatabase, type Database } from './db/database.ts';
import { createTestDatabase, type TestDatabase } from './db/test-database.ts';

const CONNECTIONS = 2;

let test: TestDatabase;
let db: Database;
let night: Night;
beforeEach(async () => {
  test = await createTestDatabase();
  db = openDatabase({ connection: test.connection, maxConnections: CONNECTIONS });
  const log = { info: () => {}, error: () => {} };
  const request = { db, bind: () => ({ driver: 'fake', config: {} }), wake: async () => {} };
  night = composeNight({ db, request, upgradesAtOnce: 1, log });
});
afterEach(async () => {
  await db.destroy();
  await test.drop();
});

it('more people than connections who all wait for the night get their turn, one after the other', async () => {
  let underWay = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, (underWay += 1));
    await sql`select 1`.execute(db);
    underWay -= 1;
  };
  const callers = Array.from({ length: CONNECTIONS * 2 }, () => night.betweenPasses(work));
  await Promise.all([...callers, night.planNow()]);
  expect(most).toBe(1);
});

it('one whose turn fails does not take the turn of the next', async () => {
  const broken = night.betweenPasses(() => Promise.reject(new Error('no')));
  const next = night.betweenPasses(() => Promise.resolve());
  await expect(broken).rejects.toThrow('no');
  await expect(next).resolves.toBeUndefined();
});
