/**
 * What each adversarial test stands on: a PostgreSQL for the sites of a file, and per test a Sitelift and a site. Whatever
 * the test was about, afterwards no run may be left open without a person having been asked, and the audit must verify.
 */
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { routes } from '@sitelift/contract/routes.ts';
import { createTestDatabase, type TestDatabase } from '@sitelift/server/db/test-database.ts';
import {
  findServerBinaries,
  startTestCluster,
  type TestCluster,
} from '@sitelift/server/drivers/postgres/test-cluster.ts';
import { HAPROXY } from './proxy.ts';
import { startSmallSite, type SiteOptions, type SmallSite } from './site.ts';
import { startSitelift, urlOfTestDatabase, type Sitelift } from './sitelift.ts';

const binaries = await findServerBinaries();
/** Tests with real parts are skipped where these are not installed. */
export const HAS_PARTS = binaries !== null && HAPROXY !== undefined;

export const OLD_SITE = { version: '1.0.0', backend: 'north-blue', notes: ['first', 'second'] };
export const NEW_SITE = { ...OLD_SITE, version: '2.0.0', backend: 'north-green' };

export interface Bed {
  cluster(): TestCluster;
  database(): TestDatabase;
  sitelift(options?: { readonly databaseUrl?: string; readonly dataDir?: string }): Promise<Sitelift>;
  site(options?: SiteOptions): Promise<SmallSite>;
  /** Undone after the test, last first. */
  later(undo: () => Promise<unknown>): void;
}

/** No run may be open unless somebody was told; `waiting` alone may also be a rule of time. */
async function expectNobodyForgotten({ client }: Sitelift): Promise<void> {
  const { runs } = await client.call(routes.listRuns, { query: { state: 'open' } });
  for (const { id, state, detail } of runs) {
    const { notices } = await client.call(routes.getRun, { params: { run: id } });
    expect({ state, detail, told: notices.map(({ event }) => event) }).toMatchObject({
      state: expect.stringMatching(/^(waiting|needs-a-person)$/),
      detail: expect.stringMatching(/./),
      told: expect.arrayContaining(['run-needs-a-person']),
    });
  }
  expect(await client.call(routes.verifyEvents, {})).toMatchObject({ intact: true, problem: null });
}

/** An upgrade takes 5 s on an idle machine; a way back with its pauses on a busy one may need many times that. */
const TEST_LIMIT_MS = 180_000;

/** Call it at the top of a file. */
export function useBed(): Bed {
  vi.setConfig({ testTimeout: TEST_LIMIT_MS });
  let cluster: TestCluster | null = null;
  let database: TestDatabase | null = null;
  let undo: (() => Promise<unknown>)[] = [];
  let sitelifts: Sitelift[] = [];
  const there = <T>(value: T | null): T => {
    if (value === null) throw new Error('not before the tests have begun');
    return value;
  };
  beforeAll(async () => {
    if (HAS_PARTS) cluster = await startTestCluster(binaries ?? '');
  });
  afterAll(() => cluster?.remove());
  afterEach(async () => {
    try {
      for (const sitelift of sitelifts) await expectNobodyForgotten(sitelift);
    } finally {
      sitelifts = [];
      for (const each of undo.reverse()) await each();
      undo = [];
      database = null;
    }
  });
  return {
    cluster: () => there(cluster),
    database: () => there(database),
    sitelift: async ({ databaseUrl, dataDir } = {}) => {
      if (databaseUrl === undefined) {
        const fresh = await createTestDatabase();
        undo.push(() => fresh.drop());
        database = fresh;
      }
      const url = databaseUrl ?? urlOfTestDatabase(there(database));
      const sitelift = await startSitelift(url === '' ? undefined : url, dataDir);
      undo.push(() => sitelift.stop());
      sitelifts.push(sitelift);
      return sitelift;
    },
    site: async (options) => {
      const site = await startSmallSite(there(cluster), options);
      undo.push(() => site.remove());
      return site;
    },
    later: (each) => void undo.push(each),
  };
}
