/** Signing in as people do it: over HTTP, with passwords, cookies and tokens. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { startHttpServer } from '../http/http-server.ts';
import {
  emailOf,
  sampleDeps,
  SAMPLE_PASSWORD,
  startSampleServer,
  type SampleServer,
} from '../http/sample-server.ts';
import { createFirstAccount } from './first-account.ts';
import { writeLocalToken } from './local-token.ts';
import { hashPassword, verifyPassword } from './password.ts';
import { signIn as signInAtOnce } from './sign-in.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

let test: TestDatabase;
let sample: SampleServer;
beforeAll(async () => {
  test = await createTestDatabase();
  sample = await startSampleServer(test.db);
  await sample.people.cookieOf('operator');
});
afterAll(async () => {
  await sample.server.stop();
  await test.drop();
});

async function codeOf(answer: Response): Promise<string> {
  const { type } = (await answer.json()) as { type: string }; // as: a problem document
  return type.slice(type.indexOf('#') + 1);
}

function signIn(email: string, password: string, headers = {}): Promise<Response> {
  return sample.send('POST', '/api/v1/session', headers, { email, password });
}

/** Signs in and returns the headers that a browser would send with the next request. */
async function browserOf(email: string, password: string): Promise<Record<string, string>> {
  const answer = await signIn(email, password);
  expect(answer.status).toBe(200);
  const [cookie = ''] = answer.headers.getSetCookie();
  return { cookie: cookie.split(';')[0] ?? '', 'sec-fetch-site': 'same-origin' };
}

const me = (headers: Record<string, string>): Promise<Response> =>
  sample.send('GET', '/api/v1/session', headers);

describe('a password', () => {
  it('is stored with its parameters and salted anew each time', async () => {
    const [one, two] = [await hashPassword('ünder'), await hashPassword('ünder')];
    expect(one).toMatch(/^scrypt\$32768\$8\$3\$/);
    expect(one).not.toBe(two);
    // The same word typed with a combining diaeresis.
    expect(await verifyPassword('u\u0308nder', one)).toBe(true);
    expect(await verifyPassword('under', one)).toBe(false);
  });

  it('wrong or unknown, the answer is the same', async () => {
    const wrong = await signIn(emailOf('operator'), 'wrong');
    const unknown = await signIn('nobody@vendor.example', 'wrong');
    const strip = async (answer: Response): Promise<unknown> => {
      const { instance: _, ...rest } = (await answer.json()) as { instance: string }; // as: a problem document
      return [answer.status, rest, answer.headers.getSetCookie()];
    };
    expect(await strip(wrong)).toEqual(await strip(unknown));
  });

  it('takes as long for an unknown address as for a wrong password', async () => {
    const fastest = async (email: string): Promise<number> => {
      const times: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        const begun = performance.now();
        await signInAtOnce(test.db, email, 'wrong');
        times.push(performance.now() - begun);
      }
      return Math.min(...times);
    };
    // Hashing takes a hundred times what the rest takes: a third leaves room for a busy machine.
    expect(await fastest('nobody@vendor.example')).toBeGreaterThan((await fastest(emailOf('operator'))) / 3);
  });

  it('is not even compared for an account that was disabled', async () => {
    await sample.people.cookieOf('viewer');
    await sql`update account set disabled_at = app_now() where role = 'viewer'`.execute(test.db);
    expect((await signIn(emailOf('viewer'), SAMPLE_PASSWORD)).status).toBe(401);
  });

  it('cannot be tried for long', async () => {
    await sample.people.cookieOf('release-manager');
    const statuses: number[] = [];
    for (let tries = 0; tries < 12; tries += 1)
      statuses.push((await signIn(emailOf('release-manager'), 'wrong')).status);
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401));
    const refused = await signIn(emailOf('release-manager').toUpperCase(), SAMPLE_PASSWORD);
    expect([refused.status, await codeOf(refused)]).toEqual([429, 'rate-limited']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    // Others are not shut out with it.
    expect((await signIn(emailOf('operator'), SAMPLE_PASSWORD)).status).toBe(200);
  });
});

describe('a session', () => {
  it('is a cookie that scripts cannot read and other sites cannot send', async () => {
    const answer = await signIn(emailOf('operator'), SAMPLE_PASSWORD);
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^sitelift_session=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; SameSite=Strict$/,
      ),
    ]);
    const stored = await sql<{ token_hash: string }>`select token_hash from session`.execute(test.db);
    const value = answer.headers.getSetCookie()[0]?.slice('sitelift_session='.length, 60) ?? '';
    expect(stored.rows.some((row) => value.startsWith(row.token_hash))).toBe(false);
  });

  it('over https belongs to this host alone', async () => {
    const deps = sampleDeps(test.db, []);
    const settings = { ...deps.settings, publicUrl: 'https://sitelift.vendor.example' };
    const server = await startHttpServer({ ...deps, settings }, { host: '127.0.0.1', port: 0 });
    const answer = await fetch(`${server.address}/api/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: emailOf('operator'), password: SAMPLE_PASSWORD }),
    });
    expect(answer.headers.getSetCookie()[0]).toMatch(
      /^__Host-sitelift_session=.*; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(answer.headers.get('strict-transport-security')).toContain('max-age=31536000');
    await server.stop();
  });

  it('ends when somebody signs out', async () => {
    const browser = await browserOf(emailOf('operator'), SAMPLE_PASSWORD);
    expect((await me(browser)).status).toBe(200);
    expect((await sample.send('DELETE', '/api/v1/session', browser, {})).status).toBe(200);
    expect((await me(browser)).status).toBe(401);
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sibling host', { 'sec-fetch-site': 'same-site' }, 403],
    ['another origin', { origin: 'https://evil.example' }, 403],
    ['no origin (a sandboxed frame)', { origin: 'null' }, 403],
    ['nowhere that can be told', {}, 403],
    ['our own page', { 'sec-fetch-site': 'same-origin' }, 200],
    ['our own origin, in an older browser', { origin: 'http://127.0.0.1:7410' }, 200],
  ])('a change asked for by %s', async (_, from, status) => {
    const { cookie = '' } = await browserOf(emailOf('operator'), SAMPLE_PASSWORD);
    const answer = await sample.send('POST', '/api/v1/plan', { cookie, ...from }, {});
    expect(answer.status).toBe(status);
    if (status === 403) expect(await codeOf(answer)).toBe('cross-site-request');
  });

  it('cannot be opened by another site’s form (signing a victim in as somebody else)', async () => {
    const answer = await signIn(emailOf('operator'), SAMPLE_PASSWORD, { origin: 'https://evil.example' });
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
  });
});

describe('a new password', () => {
  it('ends every other session, and only the new one signs in', async () => {
    const before = await hashPassword(SAMPLE_PASSWORD);
    const browser = await browserOf(emailOf('operator'), SAMPLE_PASSWORD);
    const other = await browserOf(emailOf('operator'), SAMPLE_PASSWORD);
    const change = (current: string, next: string): Promise<Response> =>
      sample.send('POST', '/api/v1/session/password', browser, { current, next });
    expect((await change('wrong', 'another long one')).status).toBe(401);
    expect((await change(SAMPLE_PASSWORD, 'short')).status).toBe(422);
    expect((await change(SAMPLE_PASSWORD, SAMPLE_PASSWORD)).status).toBe(422);
    expect((await change(SAMPLE_PASSWORD, 'another long one')).status).toBe(200);
    expect([(await me(browser)).status, (await me(other)).status]).toEqual([200, 401]);
    expect((await signIn(emailOf('operator'), SAMPLE_PASSWORD)).status).toBe(401);
    await sql`update account set password_hash = ${before} where role = 'operator'`.execute(test.db);
  });
});

describe('a token', () => {
  const create = (who: Record<string, string>, body: object): Promise<Response> =>
    sample.send('POST', '/api/v1/tokens', who, body);

  it('is shown once, is named in the audit trail, and ends when it is revoked', async () => {
    const browser = await sample.people.cookieOf('admin');
    const made = (await (await create(browser, { name: 'ci', scopes: ['read', 'operate'] })).json()) as {
      id: string;
      token: string;
    }; // prettier-ignore -- as: our own answer
    expect(made.token).toMatch(/^slt_[\w-]{43}$/);
    const listed = await (await sample.send('GET', '/api/v1/tokens', browser)).text();
    expect(listed).toContain(made.id);
    expect(listed).not.toContain(made.token);
    const bearer = { authorization: `Bearer ${made.token}` };
    const command = { verb: 'pause', reason: 'by a script' };
    await sample.send(
      'POST',
      `/api/v1/runs/${sample.fleet.runId}/commands`,
      { ...bearer, 'idempotency-key': 'x' },
      command,
    );
    const { rows } = await sql<{ actor: string }>`select actor from event where verb = 'run-pause'`.execute(
      test.db,
    );
    expect(rows).toEqual([{ actor: 'admin@vendor.example via token ci' }]);
    expect((await sample.send('DELETE', `/api/v1/tokens/${made.id}`, browser, {})).status).toBe(200);
    expect((await me(bearer)).status).toBe(401);
    expect((await sample.send('DELETE', `/api/v1/tokens/${made.id}`, browser, {})).status).toBe(404);
  });

  it('cannot be given more than its maker may, nor revoked by others', async () => {
    const operator = await sample.people.cookieOf('operator');
    const refused = await create(operator, { name: 'x', scopes: ['admin'] });
    expect([refused.status, await codeOf(refused)]).toEqual([403, 'forbidden']);
    const mine = (await (await create(operator, { name: 'x', scopes: ['read'] })).json()) as { id: string }; // as: our own answer
    const admin = await sample.people.cookieOf('admin');
    expect((await sample.send('DELETE', `/api/v1/tokens/${mine.id}`, admin, {})).status).toBe(404);
  });

  it('reaches no further than its account does now', async () => {
    const bearer = await sample.people.tokenOf('admin', ['read', 'admin']);
    await sql`update account set role = 'viewer' where email = ${emailOf('admin')}`.execute(test.db);
    const account = (await (await me(bearer)).json()) as { scopes: string[] }; // as: our own answer
    expect(account.scopes).toEqual(['read']);
    await sql`update account set role = 'admin' where email = ${emailOf('admin')}`.execute(test.db);
  });

  it('a bad token is not saved by a good cookie', async () => {
    const browser = await sample.people.cookieOf('admin');
    expect((await me({ ...browser, authorization: 'Bearer slt_wrong' })).status).toBe(401);
    expect((await me({ ...browser, authorization: 'Basic YTpi' })).status).toBe(401);
  });
});

describe('the first start', () => {
  it('makes one administrator whose one-time password opens nothing but its replacement', async () => {
    const fresh = await createTestDatabase();
    const dir = await mkdtemp(join(tmpdir(), 'sitelift-people-'));
    await writeLocalToken(fresh.db, dir, 'http://127.0.0.1:7410');
    await rm(dir, { recursive: true });
    const first = await createFirstAccount(fresh.db);
    expect(await createFirstAccount(fresh.db)).toBeNull();
    const server = await startHttpServer(sampleDeps(fresh.db, []), { host: '127.0.0.1', port: 0 });
    const send = (method: string, path: string, cookie: string, body?: object): Promise<Response> =>
      fetch(`${server.address}/api/v1${path}`, {
        method,
        headers: { cookie, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const { email = '', oneTimePassword = '' } = first ?? {};
    const signedIn = await send('POST', '/session', '', { email, password: oneTimePassword });
    expect(await signedIn.json()).toMatchObject({ role: 'admin', mustChangePassword: true });
    const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const refused = await send('GET', '/instances', cookie);
    expect([refused.status, await codeOf(refused)]).toEqual([403, 'password-change-needed']);
    const next = 'a password of my own';
    const changed = await send('POST', '/session/password', cookie, { current: oneTimePassword, next });
    expect(await changed.json()).toMatchObject({ mustChangePassword: false });
    expect((await send('GET', '/instances', cookie)).status).toBe(200);
    await server.stop();
    await fresh.drop();
  });

  it('leaves a token for whoever sits at this machine, readable by its owner alone; the next start replaces it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sitelift-people-'));
    const read = async (): Promise<Record<string, string>> => {
      const file = JSON.parse(await readFile(join(dir, 'local-token'), 'utf8')) as {
        url: string;
        token: string;
      }; // as: just written
      expect(file.url).toBe('http://127.0.0.1:7410');
      return { authorization: `Bearer ${file.token}` };
    };
    const path = await writeLocalToken(test.db, dir, 'http://127.0.0.1:7410');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const before = await read();
    expect(await (await me(before)).json()).toMatchObject({ role: 'admin', mustChangePassword: false });
    await writeLocalToken(test.db, dir, 'http://127.0.0.1:7410');
    expect([(await me(before)).status, (await me(await read())).status]).toEqual([401, 200]);
    const nobody = await signIn('local@sitelift.local', 'nobody-can-sign-in');
    expect(nobody.status).toBe(401);
    await rm(dir, { recursive: true });
  });
});

// Last: they move the clock.
describe('time', () => {
  it('a session ends after half an hour of silence, and eight hours after sign-in however busy', async () => {
    const idle = await browserOf(emailOf('operator'), SAMPLE_PASSWORD);
    const busy = await browserOf(emailOf('operator'), SAMPLE_PASSWORD);
    const statuses: number[] = [];
    for (let at = 0; at < 8 * HOUR_MS; at += 20 * MINUTE_MS) {
      await test.skipTime(20 * MINUTE_MS);
      statuses.push((await me(busy)).status);
    }
    expect(statuses.slice(0, -1).every((status) => status === 200)).toBe(true);
    expect(statuses.at(-1)).toBe(401);
    expect((await me(idle)).status).toBe(401);
  });

  it('a token ends on its day', async () => {
    const bearer = await sample.people.tokenOf('admin', ['read']);
    await test.skipTime(23 * HOUR_MS);
    expect((await me(bearer)).status).toBe(200);
    await test.skipTime(2 * HOUR_MS);
    expect((await me(bearer)).status).toBe(401);
  });
});
