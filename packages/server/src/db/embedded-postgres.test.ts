import { readFile } from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts';
import { loadMigrations, migrate } from './migrate.ts';

async function query(server: EmbeddedPostgres, text: string): Promise<unknown[]> {
  const client = new Client(server.connection);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sitelift-embedded-'));
  });
  afterAll(async () => {
    await (await startEmbeddedPostgres(dir)).stop();
    await rm(dir, { recursive: true, force: true });
  });

  it('starts from nothing, listens on a private socket only, keeps data over a clean stop', async () => {
    const first = await startEmbeddedPostgres(dir);
    expect(first.adopted).toBe(false);
    expect(await query(first, 'show listen_addresses')).toEqual([{ listen_addresses: '' }]);
    await query(first, 'create table kept (n int); insert into kept values (7)');
    await first.stop();
    const second = await startEmbeddedPostgres(dir);
    expect(second.adopted).toBe(false);
    expect(await query(second, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it('adopts the server that an earlier process left running', async () => {
    const again = await startEmbeddedPostgres(dir);
    expect(again.adopted).toBe(true);
  });

  it('starts again after its postmaster was killed, with what was committed', async () => {
    const pid = Number((await readFile(join(dir, 'postgres/cluster/postmaster.pid'), 'utf8')).split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    const again = await startEmbeddedPostgres(dir);
    expect(await query(again, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it('migrates from empty, twice without harm, and refuses a file that was edited afterwards', async () => {
    const server = await startEmbeddedPostgres(dir);
    const files = await loadMigrations();
    expect(await migrate(server.connection)).toEqual(files.map((file) => file.name));
    expect(await migrate(server.connection)).toEqual([]);
    const edited = files.map((file) => ({ ...file, digest: 'another' }));
    await expect(migrate(server.connection, edited)).rejects.toThrow('was edited after it was applied');
  });

  it('two servers that migrate at once both end well', async () => {
    const server = await startEmbeddedPostgres(dir);
    await query(server, 'create database twice');
    const connection = { ...server.connection, database: 'twice' };
    const [a, b] = await Promise.all([migrate(connection), migrate(connection)]);
    expect([...a, ...b]).toHaveLength((await loadMigrations()).length);
  });

  it('a failing file leaves nothing of itself', async () => {
    const server = await startEmbeddedPostgres(dir);
    await query(server, 'create database broken');
    const connection = { ...server.connection, database: 'broken' };
    const bad = [{ name: '0001-bad.sql', sql: 'create table half (n int); select nonsense', digest: 'x' }];
    await expect(migrate(connection, bad)).rejects.toThrow('migration 0001-bad.sql failed');
    await expect(query({ ...server, connection }, 'select * from half')).rejects.toThrow('does not exist');
  });

  it('the decision clock cannot be moved outside a test database', async () => {
    const server = await startEmbeddedPostgres(dir);
    await expect(query(server, "insert into clock_offset (skip) values ('1 hour')")).rejects.toThrow(
      'only be moved in a test database',
    );
  });
});
