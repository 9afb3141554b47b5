/**
 * Every route of the contract with every kind of caller. The table below says who may, route by route, on its own: it is not
 * derived from the routes' access, and a new route without a row does not compile.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { API_PREFIX } from '@sitelift/contract/client.ts';
import { ROUTES, type Routes } from '@sitelift/contract/routes.ts';
import type { Route } from '@sitelift/contract/route.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { startSampleServer, type SampleServer } from './sample-server.ts';

/** Nobody, a made-up token, a newcomer with a one-time password; viewer, operator, release manager, admin. */
const PRINCIPALS = {
  nobody: async () => ({}),
  'a made-up token': async () => ({ authorization: 'Bearer slt_made-up' }),
  newcomer: (s) => s.people.newcomer(),
  viewer: (s) => s.people.cookieOf('viewer'),
  operator: (s) => s.people.cookieOf('operator'),
  manager: (s) => s.people.cookieOf('release-manager'),
  admin: (s) => s.people.cookieOf('admin'),
  'read token of an admin': (s) => s.people.tokenOf('admin', ['read']),
  'operate token of an admin': (s) => s.people.tokenOf('admin', ['operate']),
  'promote token of an admin': (s) => s.people.tokenOf('admin', ['promote']),
  'admin token of an admin': (s) => s.people.tokenOf('admin', ['admin']),
  'admin token of a viewer': (s) => s.people.tokenOf('viewer', ['read', 'operate', 'promote', 'admin']),
} satisfies Record<string, (s: SampleServer) => Promise<Record<string, string>>>;
type Principal = keyof typeof PRINCIPALS;

const EVERYBODY = Object.keys(PRINCIPALS) as Principal[]; // as: the table's own keys
const SIGNED_IN: readonly Principal[] = EVERYBODY.filter(
  (each) => each !== 'nobody' && each !== 'a made-up token',
);
const READ: Principal[] = [
  'viewer',
  'operator',
  'manager',
  'admin',
  'read token of an admin',
  'admin token of a viewer',
];
const OPERATE: Principal[] = ['operator', 'manager', 'admin', 'operate token of an admin'];
const PROMOTE: Principal[] = ['manager', 'admin', 'promote token of an admin'];
const ADMIN: Principal[] = ['admin', 'admin token of an admin'];

const WHO_MAY: Record<keyof Routes, readonly Principal[]> = {
  health: EVERYBODY,
  signIn: EVERYBODY,
  me: SIGNED_IN,
  signOut: SIGNED_IN,
  changePassword: SIGNED_IN,
  listTokens: READ,
  createToken: READ,
  revokeToken: READ,
  listAccounts: ADMIN,
  createAccount: ADMIN,
  changeAccount: ADMIN,
  applyFleet: OPERATE,
  listCustomers: READ,
  listInstances: READ,
  getInstance: READ,
  setPin: OPERATE,
  endPin: OPERATE,
  clearHold: OPERATE,
  listReleases: READ,
  promote: PROMOTE,
  withdraw: PROMOTE,
  plan: READ,
  why: READ,
  planNow: OPERATE,
  stop: OPERATE,
  releaseStop: PROMOTE,
  requestUpgrade: OPERATE,
  requestUpgrades: OPERATE,
  listRuns: READ,
  getRun: READ,
  commandRun: OPERATE,
  signalRun: OPERATE,
  voteAtGate: OPERATE,
  checkGateItem: OPERATE,
  overrideGate: OPERATE,
  runLog: OPERATE,
  runJournal: READ,
  runLoss: OPERATE,
  runLossExport: OPERATE,
  streamRun: READ,
  stream: READ,
  listEvents: READ,
  verifyEvents: READ,
  setSecret: ADMIN,
  listSecrets: OPERATE,
};

/** Rows of everything that a request could have changed. */
const EFFECTS = sql<{ mark: string }>`
  select concat_ws(' ', (select count(*) from event), (select count(*) from run_event), (select count(*) from api_token), (select count(*) from account),
    (select count(*) from secret), (select count(*) from pin), (select count(*) from hold where cleared_at is null),
    (select count(*) from placement), (select count(*) from upgrade), (select count(*) from idempotency_key)) as mark`;

let test: TestDatabase;
let sample: SampleServer;
beforeAll(async () => {
  test = await createTestDatabase();
  sample = await startSampleServer(test.db);
});
afterAll(async () => {
  await sample.server.stop();
  await test.drop();
});

function pathOf(route: Route): string {
  const values: Record<string, string> = {
    run: sample.fleet.runId,
    hold: sample.fleet.holdId,
    instance: 'north-live',
    product: 'sample',
    version: '2.0',
    name: 'a-secret',
    token: 'tok_00000000000000000000000000',
    account: 'admin@vendor.example',
  };
  return `${API_PREFIX}${route.path.replaceAll(/:([a-z]+)/g, (_, name: string) => values[name] ?? name)}`;
}

/** The status alone; a stream is left as soon as it has answered. Bodies are empty: nothing that has effects gets through. */
async function statusOf(route: Route, headers: Record<string, string>): Promise<number> {
  const leave = new AbortController();
  const answer = await fetch(`${sample.server.address}${pathOf(route)}`, {
    method: route.method,
    headers: { ...headers, ...(route.method === 'GET' ? {} : { 'content-type': 'application/json' }) },
    signal: leave.signal,
    ...(route.method === 'GET' ? {} : { body: '{}' }),
  });
  leave.abort();
  return answer.status;
}

describe.each(ROUTES.map((route) => [route.name, route] as const))('%s', (name, route) => {
  it('lets in exactly who may, and who may not changes nothing', async () => {
    const mayNames = WHO_MAY[name as keyof Routes]; // as: ROUTES has exactly these names
    const headersOf = new Map<Principal, Record<string, string>>();
    for (const principal of EVERYBODY) headersOf.set(principal, await PRINCIPALS[principal](sample));
    const before = (await EFFECTS.execute(test.db)).rows[0]?.mark;
    for (const principal of EVERYBODY.filter((each) => !mayNames.includes(each))) {
      const status = await statusOf(route, headersOf.get(principal) ?? {});
      const expected = SIGNED_IN.includes(principal) ? 403 : 401;
      expect(`${principal}: ${status}`).toBe(`${principal}: ${expected}`);
    }
    expect((await EFFECTS.execute(test.db)).rows[0]?.mark).toBe(before);
    for (const principal of mayNames) {
      const status = await statusOf(route, headersOf.get(principal) ?? {});
      expect([401, 403], `${principal} got ${status}`).not.toContain(status);
    }
  });
});
