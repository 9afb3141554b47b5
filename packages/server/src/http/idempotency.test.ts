/** A repeated request starts nothing twice, and of many people who say the same at once one is heard (rows 5 to 8). */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { startSampleServer, type SampleServer } from './sample-server.ts';

let test: TestDatabase;
let sample: SampleServer;
let admin: Record<string, string>;
/** Every start that got through; `gate` holds them back, `failure` makes them fail. */
let starts = 0;
let gate: Promise<void> = Promise.resolve();
let failure: Error | null = null;
let verdict: readonly string[] | null = null;

beforeAll(async () => {
  test = await createTestDatabase();
  sample = await startSampleServer(test.db, {
    startUpgrade: async () => {
      starts += 1;
      await gate;
      if (failure !== null) throw failure;
      if (verdict !== null) return { refused: verdict };
      return { upgradeId: `upg_${starts}`, runId: `run_${starts}` };
    },
  });
  admin = await sample.people.tokenOf('admin', ['read', 'operate']);
  // north-uat can be started: its hold is gone.
  await sql`update hold set cleared_at = app_now()`.execute(test.db);
});
afterAll(async () => {
  await sample.server.stop();
  await test.drop();
});
beforeEach(() => {
  starts = 0;
  gate = Promise.resolve();
  failure = null;
  verdict = null;
});

let keys = 0;
const freshKey = (): string => `key-${(keys += 1)}`;

function start(key: string | null, body: object = {}, who = admin): Promise<Response> {
  const headers = { ...who, ...(key === null ? {} : { 'idempotency-key': key }) };
  const request = { instance: 'north-uat', reason: 'now', anyTime: true, ...body };
  return sample.send('POST', '/api/v1/upgrades', headers, request);
}

async function codeOf(answer: Response): Promise<string> {
  const { type } = (await answer.json()) as { type: string }; // as: a problem document
  return type.slice(type.indexOf('#') + 1);
}

describe('a request that starts something', () => {
  it('needs a key', async () => {
    const answer = await start(null);
    expect([answer.status, await codeOf(answer), starts]).toEqual([400, 'idempotency-key-missing', 0]);
  });

  it('gets the first answer when it comes again, in whatever order its fields stand', async () => {
    const key = freshKey();
    const first = await start(key);
    const again = await sample.send(
      'POST',
      '/api/v1/upgrades',
      { ...admin, 'idempotency-key': key },
      { anyTime: true, reason: 'now', instance: 'north-uat' },
    );
    expect([first.status, again.status, starts]).toEqual([200, 200, 1]);
    expect(await again.json()).toEqual(await first.json());
    expect(again.headers.get('idempotency-replayed')).toBe('true');
  });

  it('is refused under a key that was used for another one', async () => {
    const key = freshKey();
    await start(key);
    const other = await start(key, { reason: 'another' });
    expect([other.status, await codeOf(other), starts]).toEqual([422, 'idempotency-key-reused', 1]);
  });

  it('is told to wait while the first one runs', async () => {
    const key = freshKey();
    let open = (): void => {};
    gate = new Promise((resolve) => (open = resolve));
    const first = start(key);
    await expect.poll(() => starts).toBe(1);
    const second = await start(key);
    expect([second.status, second.headers.get('retry-after')]).toEqual([409, '1']);
    expect(await codeOf(second)).toBe('idempotency-in-progress');
    open();
    expect((await first).status).toBe(200);
    expect([(await start(key)).status, starts]).toEqual([200, 1]);
  });

  it('gets its first refusal again, with the same id', async () => {
    const key = freshKey();
    verdict = ['no'];
    const first = await (await start(key)).json();
    verdict = null;
    const again = await start(key);
    expect([again.status, await again.json(), starts]).toEqual([409, first, 1]);
  });

  it('may be tried again after a failure of ours', async () => {
    const key = freshKey();
    failure = new Error('boom');
    expect((await start(key)).status).toBe(500);
    failure = null;
    expect([(await start(key)).status, starts]).toEqual([200, 2]);
  });

  it('takes over a key whose server was lost before it answered, after two minutes', async () => {
    const key = freshKey();
    await start(key);
    await sql`update idempotency_key set status = null, body = null where key = ${key}`.execute(test.db);
    expect((await start(key)).status).toBe(409);
    await sql`update idempotency_key set created_at = app_now() - interval '121 s' where key = ${key}`.execute(
      test.db,
    );
    expect((await start(key)).status).toBe(200);
  });

  it('shares no key with other people', async () => {
    const key = freshKey();
    await start(key);
    await start(key, {}, await sample.people.tokenOf('operator', ['operate']));
    expect(starts).toBe(2);
  });
});

describe('two hundred people who pause one run at once', () => {
  it('one is heard, and the others are told who was', async () => {
    const path = `/api/v1/runs/${sample.fleet.runId}/commands`;
    const answers = await Promise.all(
      Array.from({ length: 200 }, () =>
        sample.send(
          'POST',
          path,
          { ...admin, 'idempotency-key': freshKey() },
          { verb: 'pause', reason: 'me' },
        ),
      ),
    );
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 409)).toHaveLength(199);
    const { rows } = await sql<{ events: number; audit: number }>`
      select (select count(*) from run_event where body ->> 'kind' = 'paused') as events,
             (select count(*) from event where verb = 'run-pause') as audit`.execute(test.db);
    expect(rows).toEqual([{ events: 1, audit: 1 }]);
  });
});
