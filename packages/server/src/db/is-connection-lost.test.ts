import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { openDatabase } from './database.ts';
import { isConnectionLost } from './is-connection-lost.ts';
import { createTestDatabase } from './test-database.ts';

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.fail('it should fail'),
    (error: unknown) => error,
  );
}

it('tells a lost connection from a statement that is wrong', async () => {
  const test = await createTestDatabase();
  const nowhere = openDatabase({ connection: { ...test.connection, host: '/nowhere' } });
  const refused = openDatabase({ connection: { host: '127.0.0.1', port: 1, user: 'x', database: 'x' } });
  try {
    const ended = test.db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await sql`select pg_terminate_backend(${rows[0]?.pid ?? 0})`.execute(test.db);
      await sql`select 1`.execute(tx);
    });
    // Each is awaited as it is made: a rejection that nobody waits for yet would fail the run.
    expect(isConnectionLost(await errorOf(ended))).toBe(true);
    for (const away of [nowhere, refused])
      expect(isConnectionLost(await errorOf(sql`select 1`.execute(away)))).toBe(true);
    for (const wrong of [sql`select 1 / 0`, sql`selec`])
      expect(isConnectionLost(await errorOf(wrong.execute(test.db)))).toBe(false);
    expect(
      isConnectionLost(Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' })),
    ).toBe(false);
    expect(
      isConnectionLost(new Error('while saving', { cause: new Error('Connection terminated unexpectedly') })),
    ).toBe(true);
  } finally {
    await Promise.all([nowhere.destroy(), refused.destroy()]);
    await test.drop();
  }
});
