import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Action, ActionContext, JsonObject } from '../driver.ts';
import { sampleContext } from '../sample-context.ts';
import { httpConfigSchema, type HttpConfig } from './config.ts';
import { FAKE_APPLICATION_SETTINGS as SETTINGS, FakeApplication } from './fake-application.ts';
import { httpDriver } from './http-driver.ts';
import { valueAt } from './judge-answer.ts';

let blue: FakeApplication;
let green: FakeApplication;
beforeEach(async () => {
  blue = await FakeApplication.start();
  green = await FakeApplication.start();
});
afterEach(() => {
  blue.stop();
  green.stop();
});

const actionOf = (name: 'app/probe' | 'check/http') =>
  httpDriver.actions[name] as unknown as Action<HttpConfig>; // as: the input is parsed below

function run(
  name: 'app/probe' | 'check/http',
  input: JsonObject,
  settings: JsonObject = {},
  change: Partial<ActionContext<HttpConfig>> = {},
) {
  const slots = { blue: blue.url, green: green.url };
  const config = httpConfigSchema.parse({ slots, ...SETTINGS, ...settings });
  const action = actionOf(name);
  return action.apply(sampleContext(config, action.inputSchema.parse(input), change));
}

describe('app/probe', () => {
  it('signs in, reads the version, writes, and takes away what it wrote', async () => {
    expect(await run('app/probe', { slot: 'staging', expect: 'to' })).toEqual({
      kind: 'done',
      observed: { version: '2.0.0', healthy: true, writeOk: true, problem: null },
      output: { version: '2.0.0', healthy: true, writeOk: true },
    });
    expect([...green.features, ...green.archived]).toEqual([]);
    expect(green.requests).toHaveLength(6);
    expect(green.requests[5]).toMatch(/^DELETE \/api\/admin\/archive\/sitelift-[a-z0-9-]+$/);
    expect(blue.requests).toEqual([]);
  });

  it('finds the site that is healthy, can be read, and refuses every write', async () => {
    green.writes = 'refused';
    const problem = 'POST /api/admin/projects/default/features answered 403, expected 201';
    expect(await run('app/probe', { slot: 'staging', expect: 'to' })).toEqual({
      kind: 'failed',
      reason: problem,
      observed: { version: '2.0.0', healthy: true, writeOk: false, problem },
    });
  });

  it('tells every assertion that failed', async () => {
    blue.version = '1.5.0';
    blue.writes = 'refused';
    expect(await run('app/probe', { expect: 'from' })).toMatchObject({
      kind: 'failed',
      reason:
        'it reports version 1.5.0, expected 1.0.0; POST /api/admin/projects/default/features answered 403, expected 201',
    });
  });

  it('does not call an application failed that is still migrating', async () => {
    blue.startingFor = 3;
    expect(await run('app/probe', {}, { within: '30s' })).toMatchObject({ kind: 'done' });
  });

  it('gives up when the time for becoming healthy is over', async () => {
    blue.startingFor = 1_000;
    const problem = 'GET /health answered 503, expected 200';
    expect(await run('app/probe', {}, { within: '0s' })).toEqual({
      kind: 'failed',
      reason: problem,
      observed: { version: null, healthy: false, writeOk: null, problem },
    });
  });

  it('sees nothing when nobody listens', async () => {
    const gone = await run('app/probe', {}, { slots: { blue: 'http://127.0.0.1:1/' } });
    expect(gone).toMatchObject({
      kind: 'failed',
      observed: { healthy: false, version: null, writeOk: null },
    });
  });

  it('neither reads nor writes when signing in fails', async () => {
    const signIn = { path: '/auth/simple/login', body: { password: { secret: 'other' } } };
    expect(await run('app/probe', { expect: 'to' }, { signIn })).toEqual({
      kind: 'failed',
      reason: 'POST /auth/simple/login answered 401, expected 2xx',
      observed: {
        version: null,
        healthy: true,
        writeOk: null,
        problem: 'POST /auth/simple/login answered 401, expected 2xx',
      },
    });
    expect(blue.requests).toEqual(['GET /health', 'POST /auth/simple/login']);
  });

  it('ends when it is told to, although nobody answers', async () => {
    blue.hangs = true;
    const outcome = await run('app/probe', {}, {}, { signal: AbortSignal.timeout(50) });
    expect(outcome).toMatchObject({ kind: 'failed', observed: { healthy: false } });
  });

  it('never leaves what it wrote behind when it is told to stop after writing', async () => {
    const stop = new AbortController();
    const settings = {
      write: [...SETTINGS.write, { method: 'GET', path: '/hang' }],
    };
    const answer = blue.answer.bind(blue);
    blue.answer = async (request, response) => {
      if (request.url === '/hang') stop.abort();
      else await answer(request, response);
    };
    expect(await run('app/probe', {}, settings, { signal: stop.signal })).toMatchObject({
      kind: 'failed',
      observed: { writeOk: false },
    });
    expect([...blue.features, ...blue.archived]).toEqual([]);
  });

  it('leaves the write check out when it is asked to', async () => {
    expect(await run('app/probe', { write: false })).toMatchObject({
      kind: 'done',
      observed: { writeOk: null },
    });
    expect(blue.requests.filter((request) => request.startsWith('DELETE'))).toEqual([]);
  });
});

describe('check/http', () => {
  it.each([
    [{ path: '/health', json: { health: 'GOOD' } }, { kind: 'done' }],
    [
      { path: '/health', json: { health: 'BAD' } },
      { kind: 'failed', reason: 'GET /health says health is "GOOD", expected "BAD"' },
    ],
    [{ path: '/moved' }, { kind: 'failed', reason: 'GET /moved answered 302, expected 200' }],
    [{ path: '/moved', status: 302 }, { kind: 'done' }],
    [
      { path: '/large', json: { a: 'x' } },
      { kind: 'failed', reason: 'GET /large answered more than 64 KiB' },
    ],
  ])('%j', async (input, outcome) => {
    expect(await run('check/http', input)).toEqual(outcome);
  });
});

it('values are found by dotted path and by JSON pointer, own keys only', () => {
  const value = { a: { 'b.c': [{ d: 1 }] } };
  expect(valueAt(value, '/a/b.c/0/d')).toBe(1);
  expect(valueAt({ a: [{ d: 1 }] }, 'a.0.d')).toBe(1);
  expect(valueAt(value, 'constructor.name')).toBeUndefined();
});

describe('the settings of http', () => {
  it.each([
    [
      'a password in the open',
      { signIn: { path: '/in', body: { password: 'hunter2' } } },
      'signIn.body.password',
    ],
    [
      'a password in the place of its name',
      { signIn: { path: '/in', body: { password: { secret: 'Hunter 2!' } } } },
      'signIn.body.password.secret',
    ],
    ['a token in a header', { headers: { authorization: 'Bearer x' } }, 'headers.authorization'],
    ['a path to another host', { health: { path: '//elsewhere.example/' } }, 'health.path'],
    ['an unknown key', { helth: {} }, ''],
    ['both slots and url', { url: 'http://a.example' }, 'url'],
    ['a duration without a unit', { within: '60' }, 'within'],
  ])('refuse %s', (_name, change, path) => {
    const slots = { blue: 'http://127.0.0.1:1' };
    const issues = httpConfigSchema.safeParse({ slots, ...change }).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join('.'))).toContain(path);
  });
});
