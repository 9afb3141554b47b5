/** What a stranger, a careless script or an attacker sends (the bad-input list of the security bar, by its rows). */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemSchema, problemCodeOf, type ProblemDocument } from '@sitelift/contract/problems.ts';
import { BODY_BYTES } from '@sitelift/contract/routes.ts';
import { newId } from '../db/new-id.ts';
import { openDatabase } from '../db/database.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { startHttpServer } from './http-server.ts';
import { sampleDeps, startSampleServer, type LoggedLine, type SampleServer } from './sample-server.ts';

let test: TestDatabase;
let sample: SampleServer;
let admin: Record<string, string>;
beforeAll(async () => {
  test = await createTestDatabase();
  sample = await startSampleServer(test.db, {
    planNow: async () => {
      throw new Error('could not plan', { cause: new Error('password=hunter2 at /etc/secret') });
    },
  });
  admin = await sample.people.tokenOf('admin', ['read', 'operate', 'promote', 'admin']);
});
afterAll(async () => {
  await sample.server.stop();
  await test.drop();
});

interface Told {
  readonly status: number;
  readonly code: string | null;
  readonly problem: ProblemDocument;
  readonly headers: Headers;
  readonly text: string;
}

async function told(answer: Response): Promise<Told> {
  const text = await answer.text();
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const problem = ProblemSchema.parse(JSON.parse(text));
  expect(problem.status).toBe(answer.status);
  return { status: answer.status, code: problemCodeOf(problem.type), problem, headers: answer.headers, text };
}

/** Sends these bytes as a body to `PUT /stop`, which takes `{reason}`. */
function raw(
  body: string | Blob | Uint8Array<ArrayBuffer>,
  type: string | null = 'application/json',
): Promise<Told> {
  const headers = { ...admin, ...(type === null ? {} : { 'content-type': type }) };
  return fetch(`${sample.server.address}/api/v1/stop`, { method: 'PUT', headers, body }).then(told);
}

describe('rows 1 to 4: bodies', () => {
  it.each([
    ['broken JSON', '{"reason": '],
    ['a byte order mark', '\ufeff{"reason":"x"}'],
    ['a key twice', '{"reason":"x","reason":"y"}'],
    ['a key twice, once with an escape', '{"reason":"x","r\\u0065ason":"y"}'],
    ['a key twice deep inside', '{"reason":"x","deep":[{"a":1,"b":{"c":1,"c":2}}]}'],
    ['__proto__', '{"reason":"x","__proto__":{"admin":true}}'],
    ['a hundred and one levels', `{"reason":${'['.repeat(101)}${']'.repeat(101)}}`],
    ['nothing at all', ''],
  ])('%s is malformed', async (_, body) => {
    const { status, code, text } = await raw(body);
    expect([status, code]).toEqual([400, 'malformed-body']);
    expect(text).not.toContain('reason');
  });

  it('bytes that are not UTF-8 are malformed', async () => {
    expect((await raw(new Uint8Array([0x22, 0xff, 0xfe, 0x22]))).code).toBe('malformed-body');
  });

  it('brackets, quotes and commas inside strings are no structure', async () => {
    const reason = '{"a":1,"a":2} \\ [[[ "';
    expect((await raw(JSON.stringify({ reason, extra: 1 }))).problem.errors).toEqual([
      { pointer: '/extra', detail: 'there is no such field' },
    ]);
  });

  it.each([
    ['an unknown field', { reason: 'x', surprise: 'the-value' }, '/surprise'],
    ['a number as text', { reason: 17 }, '/reason'],
    ['an empty reason', { reason: '' }, '/reason'],
    ['nothing where a field is needed', {}, '/reason'],
    ['a list instead of an object', [], '/'],
  ])('%s is pointed at', async (_, body, pointer) => {
    const { status, code, problem, text } = await raw(JSON.stringify(body));
    expect([status, code]).toEqual([422, 'invalid-field']);
    expect(problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
    expect(text).not.toContain('the-value');
  });

  it('a number beyond all numbers is refused', async () => {
    const answer = await fetch(`${sample.server.address}/api/v1/tokens`, {
      method: 'POST',
      headers: { ...admin, 'content-type': 'application/json' },
      body: '{"name":"x","scopes":["read"],"days":1e400}',
    }).then(told);
    expect([answer.code, answer.problem.errors?.[0]?.pointer]).toEqual(['invalid-field', '/days']);
  });

  it('a value that was sent is not repeated, whatever is wrong with it', async () => {
    const body = { verb: 'my-secret-value', reason: 'x', as: 'my-secret-value', ['x'.repeat(5_000)]: 1 };
    const answer = await sample.send('POST', `/api/v1/runs/${sample.fleet.runId}/commands`, { ...admin, 'idempotency-key': 'a' }, body); // prettier-ignore
    const { text, status } = await told(answer);
    expect(status).toBe(422);
    expect(text).not.toContain('my-secret-value');
    expect(text.length).toBeLessThan(2_000);
  });

  it('a byte too many is too large, and a fleet directory may have more', async () => {
    const reason = 'x'.repeat(BODY_BYTES);
    expect((await raw(JSON.stringify({ reason }))).code).toBe('too-large');
    const files = [{ path: 'a.yaml', text: '#'.repeat(2 * BODY_BYTES) }];
    expect((await sample.send('POST', '/api/v1/fleet/apply', admin, { files })).status).toBe(200);
  });

  it.each([
    null,
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=utf-7',
    'nonsense',
  ])('content type %s is not read', async (type) => {
    const body = new Blob(['{"reason":"x"}'], type === null ? {} : { type });
    expect((await raw(body, type)).code).toBe('unsupported-media-type');
  });
});

describe('rows 10 to 13: who and what', () => {
  it.each(['inst', 'upg', 'rel'] as const)('an id of kind %s is no run', async (kind) => {
    const { status, code } = await sample.send('GET', `/api/v1/runs/${newId(kind)}`, admin).then(told);
    expect([status, code]).toEqual([422, 'wrong-id-kind']);
  });

  it.each([
    `/api/v1/runs/${newId('run')}`,
    `/api/v1/runs/${newId('run')}/stream`,
    '/api/v1/runs/run_x',
    '/api/v1/runs/%2e%2e%2fsecrets',
    '/api/v1/instances/nobody',
    '/api/v1/instances/nobody/why',
    '/api/v1/nothing',
    '/api/v2/runs',
  ])('%s is not found', async (path) => {
    expect((await sample.send('GET', path, admin).then(told)).code).toBe('not-found');
  });

  it('who is not signed in is told how, who may not is told which role may', async () => {
    const nobody = await sample.send('GET', '/api/v1/runs').then(told);
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="sitelift"']);
    const viewer = await sample.people.cookieOf('viewer');
    const refused = await sample.send('POST', '/api/v1/plan', viewer, {}).then(told);
    expect([refused.code, refused.problem.detail]).toEqual([
      'forbidden',
      'this needs the role operator or one above it',
    ]);
  });

  it('who may not is refused before the body is read', async () => {
    const viewer = await sample.people.cookieOf('viewer');
    const answer = await fetch(`${sample.server.address}/api/v1/fleet/apply`, {
      method: 'POST',
      headers: { ...viewer, 'content-type': 'application/json' },
      body: '{"broken',
    }).then(told);
    expect(answer.code).toBe('forbidden');
  });
});

describe('row 37: queries', () => {
  it.each([
    'limit=1000000000',
    'limit=0',
    'limit=x',
    'limit=1&limit=2',
    'before=run_x%27',
    'surprise=1',
    'state=%25',
  ])('%s is refused', async (query) => {
    const { status } = await sample.send('GET', `/api/v1/runs?${query}`, admin).then(told);
    expect([404, 422]).toContain(status);
  });

  it('signs that mean something to SQL are text', async () => {
    for (const text of ["'; drop table run; --", '%', '_', '{{7*7}}', '$(id)']) {
      const answer = await sample.send('GET', `/api/v1/runs?instance=${encodeURIComponent(text)}`, admin);
      expect(await answer.json()).toEqual({ runs: [] });
    }
  });

  it.each(['0001-01-01T00:00:00Z', '9999-01-01T00:00:00Z', 'tomorrow'])('nobody plans for %s', async (at) => {
    expect((await sample.send('GET', `/api/v1/plan?at=${at}`, admin).then(told)).code).toBe('invalid-field');
  });
});

describe('rows 42 to 44: HTTP itself', () => {
  it.each(['PATCH', 'PUT', 'HEAD', 'OPTIONS'])('%s is no method of the list of runs', async (method) => {
    const answer = await sample.send(method, '/api/v1/runs', admin);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
  });

  it('another method in a header is ignored', async () => {
    const headers = { ...admin, 'x-http-method-override': 'DELETE' };
    expect((await sample.send('GET', '/api/v1/session', headers)).status).toBe(200);
    expect((await sample.send('GET', '/api/v1/session', admin)).status).toBe(200);
  });

  /** The whole answer to bytes that no client library would send. */
  function rawRequest(text: string): Promise<string> {
    return new Promise((done, fail) => {
      const socket = connect(sample.server.port, '127.0.0.1', () => socket.write(text));
      let answer = '';
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => (answer += chunk));
      socket.on('close', () => done(answer));
      socket.on('error', fail);
    });
  }

  it.each([
    [
      'two lengths',
      'POST /api/v1/plan HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      400,
    ],
    ['a bare line feed', 'GET /api/v1/health HTTP/1.1\nHost: x\n\n', 400],
    [
      'a header of 64 KB',
      `GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(65_536)}\r\n\r\n`,
      431,
    ],
    ['no HTTP', 'hello\r\n\r\n', 400],
  ])('%s is refused and the connection closed', async (_, text, status) => {
    const answer = await rawRequest(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain('application/problem+json');
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('TRACE does not echo', async () => {
    const answer = await rawRequest(
      'TRACE /api/v1/runs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Secret: abc\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer).not.toContain('abc');
  });

  it('spoofed forwarding headers change nothing that is answered', async () => {
    const headers = {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    };
    const answer = await sample.send('GET', '/', { ...headers, accept: 'text/html' });
    expect(await answer.text()).not.toContain('evil');
    expect(answer.headers.get('strict-transport-security')).toBeNull();
  });
});

describe('row 48 and defects of ours', () => {
  it('a defect gives an id and nothing else; the log has the whole chain under that id', async () => {
    const { status, code, problem, text } = await sample.send('POST', '/api/v1/plan', admin, {}).then(told);
    expect([status, code]).toEqual([500, 'internal']);
    expect(text).not.toMatch(/hunter2|could not plan|\.ts/);
    const line = sample.logged.find(
      ({ facts }) => (facts as { request?: string }).request === problem.instance,
    );
    expect(JSON.stringify(line)).toContain('could not plan');
    expect(JSON.stringify(line)).toContain('hunter2');
  });

  it('a database that is away is "unavailable", nothing is done, and health says so', async () => {
    const away = openDatabase({ connection: { host: '/nowhere/at/all', user: 'x', database: 'x' } });
    const logged: LoggedLine[] = [];
    const server = await startHttpServer(sampleDeps(away, logged), { host: '127.0.0.1', port: 0 });
    const answer = await fetch(`${server.address}/api/v1/runs`, { headers: admin }).then(told);
    expect([answer.status, answer.code, answer.headers.get('retry-after')]).toEqual([
      503,
      'unavailable',
      '5',
    ]);
    const health = (await (await fetch(`${server.address}/api/v1/health`)).json()) as { status: string }; // as: our own
    expect(health.status).toBe('unavailable');
    await server.stop();
    await away.destroy();
  });
});

describe('pages', () => {
  it('carry the headers that keep a page to itself', async () => {
    const { headers } = await sample.send('GET', '/problems');
    expect(headers.get('content-security-policy')?.replace(/'nonce-[^']{24}'/, "'nonce'")).toBe(
      "default-src 'none';script-src 'self';style-src 'self' 'nonce';img-src 'self';font-src 'self';connect-src 'self';" +
        "form-action 'self';frame-ancestors 'none';base-uri 'none';require-trusted-types-for 'script'",
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
  });

  it('every problem type leads to an entry', async () => {
    const page = await (await sample.send('GET', '/problems')).text();
    expect(page).toContain('id="not-found"');
  });

  it('a browser is told when the bundle is not built; a script is told that there is nothing', async () => {
    const page = await sample.send('GET', '/runs/x', { accept: 'text/html' });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('npm run build:web')]);
    expect((await sample.send('GET', '/runs/x', { accept: 'application/json' }).then(told)).code).toBe(
      'not-found',
    );
    expect((await sample.send('GET', '/api/v1/nothing', { accept: 'text/html' }).then(told)).code).toBe(
      'not-found',
    );
  });

  it('the OpenAPI document is there', async () => {
    const document = (await (await sample.send('GET', '/openapi.json')).json()) as { openapi: string }; // as: our own
    expect(document.openapi).toBe('3.1.0');
  });
});
