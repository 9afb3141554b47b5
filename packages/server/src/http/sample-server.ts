/**
 * For tests: the real server on a fresh database in this process, with one customer, one run and people of every role. Only
 * the edge is a fake: there are no drivers behind it.
 */
import { randomBytes } from 'node:crypto';
import type { Scope, StaffRole } from '@sitelift/contract/views.ts';
import { checkPlan } from '@sitelift/domain/planning/check-plan.ts';
import { planNight } from '@sitelift/domain/planning/plan-night.ts';
import { samplePlan } from '@sitelift/domain/run/sample-plan.ts';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { newId } from '../db/new-id.ts';
import { clearHold } from '../fleet/hold-store.ts';
import { endPin, setPin } from '../fleet/pin-store.ts';
import { promoteRelease, withdrawRelease } from '../fleet/release-store.ts';
import { releaseStop, setStop } from '../fleet/stop-store.ts';
import { loadSnapshot } from '../planning/load-snapshot.ts';
import { createAccount } from '../people/first-account.ts';
import { hashPassword } from '../people/password.ts';
import { openSession } from '../people/session-store.ts';
import { createToken } from '../people/token-store.ts';
import { saveUpgrade } from '../upgrades/upgrade-store.ts';
import { settleRun } from '../engine/settle-run.ts';
import { KEY_BYTES, rootKeyFrom } from '../secrets/key-file.ts';
import { listSecrets, setSecret } from '../secrets/secret-store.ts';
import type { HttpDeps } from './http-deps.ts';
import { startHttpServer, type HttpServer } from './http-server.ts';

export const SAMPLE_PASSWORD = 'a password for tests';
const STABLE_AFTER_MS = 14 * 24 * 3_600_000;
const COOKIE = 'sitelift_session';
const KEY = rootKeyFrom(randomBytes(KEY_BYTES));

export interface SampleFleet {
  readonly runId: string;
  readonly liveId: string;
  readonly holdId: string;
}

/** north-live has a run under way to 2.0, north-uat is held; both were seen on 1.0, and 2.0 is in the channel `release`. */
export async function addSampleFleet(db: Database): Promise<SampleFleet> {
  const [customer, product, old, fresh] = [newId('cust'), newId('prod'), newId('rel'), newId('rel')];
  const [live, uat, hold] = [newId('inst'), newId('inst'), newId('hold')];
  await sql`insert into customer (id, slug, name) values (${customer}, 'north', 'North')`.execute(db);
  await sql`
    insert into product (id, slug, name, playbook) values (${product}, 'sample', 'Sample', 'sample')`.execute(
    db,
  );
  const artefact = JSON.stringify({ kind: 'npm', package: 'sample', version: '2.0', integrity: null });
  await sql`
    insert into release (id, product_id, version, kind, artefact, smoke_test)
    values (${old}, ${product}, '1.0', 'major', ${artefact}::jsonb, 'passed'),
           (${fresh}, ${product}, '2.0', 'major', ${artefact}::jsonb, 'passed')`.execute(db);
  await sql`
    insert into placement (id, release_id, channel, placed_by) values (${newId('plc')}, ${fresh}, 'release', 'somebody')`.execute(
    db,
  );
  await sql`
    insert into instance (id, slug, customer_id, product_id, role, url, zone, target, observed_version, observed_healthy,
                          observed_at)
    values (${live}, 'north-live', ${customer}, ${product}, 'live', 'http://north-live.localhost/', 'Europe/Amsterdam',
            '{"kind":"channel","channel":"release"}', '1.0', true, app_now()),
           (${uat}, 'north-uat', ${customer}, ${product}, 'uat', 'http://north-uat.localhost/', 'Europe/Amsterdam',
            '{"kind":"channel","channel":"release"}', '1.0', true, app_now())`.execute(db);
  await sql`
    insert into hold (id, instance_id, kind, reason) values (${hold}, ${uat}, 'by-hand', 'they are testing')`.execute(
    db,
  );
  const plan = samplePlan();
  const { runId } = await db.transaction().execute((tx) =>
    saveUpgrade(tx, {
      plan: {
        ...plan,
        customer: { ...plan.customer, id: customer },
        instance: { ...plan.instance, id: live },
        to: { ...plan.to, releaseId: fresh },
      },
      trigger: 'nightly',
      actor: 'planner',
      reason: '',
      reasons: [],
    }),
  );
  return { runId, liveId: live, holdId: hold };
}

export interface SamplePeople {
  /** A fresh session of somebody with this role, as request headers. */
  cookieOf(role: StaffRole): Promise<Record<string, string>>;
  /** A fresh token of somebody with this role, as request headers. */
  tokenOf(role: StaffRole, scopes: readonly Scope[]): Promise<Record<string, string>>;
  /** A session of somebody who must replace a one-time password first. */
  newcomer(): Promise<Record<string, string>>;
}

/** One for everybody: hashing is slow on purpose. */
let passwordHash: Promise<string> | null = null;

export function emailOf(role: string): string {
  return `${role}@vendor.example`;
}

export async function addSamplePeople(db: Database): Promise<SamplePeople> {
  passwordHash ??= hashPassword(SAMPLE_PASSWORD);
  const hash = await passwordHash;
  const ids = new Map<string, string>();
  const accountOf = async (name: string, role: StaffRole, mustChangePassword: boolean): Promise<string> => {
    const known = ids.get(name);
    if (known !== undefined) return known;
    const account = { email: emailOf(name), name, role, passwordHash: hash, mustChangePassword };
    const id = await db.transaction().execute((tx) => createAccount(tx, account, 'a test'));
    if (id === null) throw new Error(`${name} is there already`);
    ids.set(name, id);
    return id;
  };
  const cookie = async (accountId: string): Promise<Record<string, string>> => ({
    cookie: `${COOKIE}=${await openSession(db, accountId)}`,
    'sec-fetch-site': 'same-origin',
  });
  return {
    cookieOf: async (role) => cookie(await accountOf(role, role, false)),
    newcomer: async () => cookie(await accountOf('newcomer', 'admin', true)),
    tokenOf: async (role, scopes) => {
      const accountId = await accountOf(role, role, false);
      const input = { accountId, actor: 'a test', name: 'a token', scopes, days: 1 };
      const { token } = await db.transaction().execute((tx) => createToken(tx, input));
      return { authorization: `Bearer ${token}` };
    },
  };
}

export interface LoggedLine {
  readonly facts: object;
  readonly text: string;
}

/** What the server gets; `change` replaces parts of it. `logged` collects what it tells its log. */
export function sampleDeps(db: Database, logged: LoggedLine[], change: Partial<HttpDeps> = {}): HttpDeps {
  const log = (facts: object, text: string): void => void logged.push({ facts, text });
  return {
    db,
    settings: {
      publicUrl: 'http://127.0.0.1:7410',
      version: '0.0.0',
      demo: false,
      mail: 'not-configured',
      webDir: '/nowhere',
    },
    log: { info: log, error: log },
    planning: { loadSnapshot: (at) => loadSnapshot(db, { at, upgradesAtOnce: 2 }), planNight, checkPlan },
    planNow: async () => [],
    betweenPasses: (work) => work(),
    lossExportOf: (_, named) => named,
    startUpgrade: async () => ({ refused: ['nothing is bound in this test'] }),
    runHooks: {
      settle: (tx, run) => settleRun(tx, run, { staffEmail: null, publicUrl: 'http://localhost' }),
      wake: async () => {},
    },
    applyFleet: async (_, { dryRun }) => ({ dryRun, changes: [], warnings: [] }),
    fleet: {
      promote: (input) => promoteRelease(db, { ...input, stableAfterMs: STABLE_AFTER_MS }),
      withdraw: (input) => withdrawRelease(db, input),
      setPin: (input) => setPin(db, input),
      endPin: (input) => endPin(db, input),
      clearHold: (input) => clearHold(db, input),
      stop: (input) => setStop(db, input),
      releaseStop: (input) => releaseStop(db, input),
    },
    secrets: { set: (secret) => setSecret(db, KEY, secret), list: () => listSecrets(db) },
    ...change,
  };
}

export interface SampleServer {
  readonly server: HttpServer;
  readonly people: SamplePeople;
  readonly fleet: SampleFleet;
  readonly logged: readonly LoggedLine[];
  /** Sends JSON unless `body` is undefined; `headers` say who asks. */
  send(
    method: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<Response>;
}

export async function startSampleServer(db: Database, change: Partial<HttpDeps> = {}): Promise<SampleServer> {
  const logged: LoggedLine[] = [];
  const fleet = await addSampleFleet(db);
  const people = await addSamplePeople(db);
  const server = await startHttpServer(sampleDeps(db, logged, change), { host: '127.0.0.1', port: 0 });
  return {
    server,
    people,
    fleet,
    logged,
    send: (method, path, headers = {}, body) =>
      fetch(`${server.address}${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
}
