/** A site's database with content of its own on a throw-away server, for the tests of this driver. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { JsonObject } from '../driver.ts';
import { fakeRun, type FakeRun, type FakeRunOptions } from './fake-context.ts';
import { findServerBinaries, startTestCluster, type TestCluster } from './test-cluster.ts';

export const binDir = await findServerBinaries();

const CONTENT = `
  create role app login password 'correct horse: battery\\staple';
  create schema shop;
  create table shop.orders (id int primary key, note text not null, at timestamptz not null default now());
  create index on shop.orders (note);
  create table shop.log (line text);
  create view shop.recent as select * from shop.orders order by id desc limit 10;
  create function shop.one() returns int language sql as 'select 1';
  insert into shop.orders select n, 'order ' || n from generate_series(1, 5000) n;
  insert into shop.log select md5(n::text) from generate_series(1, 3000) n;
  select lo_create(4711);
  alter table shop.orders owner to app;
  comment on database site is 'the shop of North';
  alter database site set search_path to shop, "$user";
  grant connect on database site to app;
  revoke temporary on database site from public`;

export interface TestSite {
  readonly cluster: () => TestCluster;
  readonly workDir: () => string;
  readonly config: (extra?: Record<string, unknown>) => Record<string, unknown>;
  readonly newRun: (extra?: Record<string, unknown>, options?: Partial<FakeRunOptions>) => FakeRun;
  /** Every database but the server's own. */
  readonly databases: () => Promise<readonly string[]>;
  readonly orders: (database?: string) => Promise<number>;
  /** Changes what the run's backup says of itself. */
  readonly lie: (run: FakeRun, change: JsonObject) => void;
  /** A directory with these shell scripts in the place of the tools. */
  readonly fakeTools: (tools: Record<string, string>) => Promise<string>;
}

/** Call it within a `describe`. Each test finds the site's database new and a work directory of its own. */
export function useTestSite(): TestSite {
  let cluster: TestCluster;
  let workDir = '';
  let dir = '';

  const config = (extra: Record<string, unknown> = {}): Record<string, unknown> => ({
    host: cluster.socketDir,
    port: cluster.port,
    user: cluster.user,
    database: 'site',
    binDir: cluster.binDir,
    sampleRows: 100,
    ...extra,
  });
  const newRun = (extra: Record<string, unknown> = {}, options: Partial<FakeRunOptions> = {}): FakeRun =>
    fakeRun({ config: config(extra), workDir, ...options });
  const databases = async (): Promise<readonly string[]> =>
    (
      await cluster.query<{ name: string }>(
        'postgres',
        'select datname::text as name from pg_database order by 1',
      )
    )
      .map((row) => row.name)
      .filter((name) => name !== 'postgres' && !name.startsWith('template'));
  const orders = async (database = 'site'): Promise<number> =>
    (await cluster.query<{ n: number }>(database, 'select count(*)::int as n from shop.orders'))[0]?.n ?? -1;
  /** The run's backup with a changed output. */
  const lie = (run: FakeRun, change: JsonObject): void => {
    const { backup } = run.target;
    if (backup === null) throw new Error('no backup yet');
    run.target = { ...run.target, backup: { ...backup, output: { ...backup.output, ...change } } };
  };
  const fakeTools = async (tools: Record<string, string>): Promise<string> => {
    const path = await mkdtemp(join(dir, 'tools-'));
    for (const [name, text] of Object.entries(tools)) {
      await writeFile(join(path, name), `#!/bin/sh\n${text}\n`);
      await chmod(join(path, name), 0o755);
    }
    return path;
  };

  beforeAll(async () => {
    if (binDir === null) return;
    dir = await mkdtemp(join(tmpdir(), 'sitelift-driver-'));
    cluster = await startTestCluster(binDir);
  });
  afterAll(async () => {
    await cluster.remove();
    await rm(dir, { recursive: true, force: true });
  });
  beforeEach(async () => {
    workDir = await mkdtemp(join(dir, 'run-'));
    for (const name of await databases())
      await cluster.query('postgres', `drop database "${name}" with (force)`);
    await cluster.query('postgres', 'drop role if exists app');
    await cluster.query('postgres', 'create database site');
    await cluster.query('site', CONTENT);
  });

  return {
    cluster: () => cluster,
    workDir: () => workDir,
    config,
    newRun,
    databases,
    orders,
    lie,
    fakeTools,
  };
}

/** Ends what `run` does as soon as its log says that it has begun. */
export function stopOnceBegun(run: FakeRun): void {
  const stop = new AbortController();
  run.signal = stop.signal;
  run.lines.push = (line: string): number => {
    if (line.includes('begun')) stop.abort();
    return 0;
  };
}
