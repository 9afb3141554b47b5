/** What going back would lose, over the API: who sees what, and the rows as a file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunView } from '@sitelift/contract/views.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { createPgRunStore } from '../engine/pg-run-store.ts';
import { sampleDeps, startSampleServer, type SampleServer } from './sample-server.ts';

const LINES = '{"table":"shop.orders","change":"inserted","key":{"id":9001},"row":{"id":9001,"note":"ü"}}\n';

let test: TestDatabase;
let sample: SampleServer;
let dir: string;
beforeAll(async () => {
  test = await createTestDatabase();
  dir = await mkdtemp(join(tmpdir(), 'sitelift-loss-'));
  sample = await startSampleServer(test.db);
});
afterAll(async () => {
  await sample.server.stop();
  await test.drop();
  await rm(dir, { recursive: true, force: true });
});

async function get(path: string, role: 'viewer' | 'operator'): Promise<Response> {
  return sample.send('GET', `/api/v1/runs/${sample.fleet.runId}${path}`, await sample.people.cookieOf(role));
}

/** As a worker would journal it. */
async function measured(exportPath: string): Promise<void> {
  const store = createPgRunStore(test.db, sampleDeps(test.db, []).runHooks);
  const run = await store.claim(sample.fleet.runId, 'w1', 60_000);
  if (typeof run === 'string') throw new Error(run);
  const key = { id: 9001 };
  const counts = { inserted: 1, changed: 0, deleted: 0 };
  const table = { table: 'shop.orders', ...counts, rows: [{ change: 'inserted', key }], note: null } as const;
  const loss = { ...counts, tables: [table], more: 0, exportPath, sinceAt: 1_000, measuredAt: 2_000 };
  const body = { kind: 'loss-measured', lane: 'main', loss, problem: null } as const;
  expect(await store.release(await store.append(run, [{ kind: 'run-started' }, body]), null)).toBe(true);
}

describe('what going back would lose', () => {
  it('is nothing that anybody knows before it was measured', async () => {
    expect(await (await get('/loss', 'operator')).json()).toEqual({ loss: null });
    expect((await get('/loss/export', 'operator')).status).toBe(404);
  });

  it('is counted for who may read, listed by id for who may operate, and its rows come as a file, on record', async () => {
    const path = join(dir, 'loss.jsonl');
    await writeFile(path, LINES);
    await measured(path);
    const seen = (await (await get('', 'viewer')).json()) as RunView; // as: the route's own schema
    expect(seen.loss?.report).toMatchObject({ inserted: 1, tables: [{ table: 'shop.orders', rows: [] }] });
    expect(await (await get('/loss', 'operator')).json()).toMatchObject({
      loss: {
        problem: null,
        report: {
          sinceAt: '1970-01-01T00:00:01.000Z',
          tables: [{ rows: [{ change: 'inserted', key: { id: 9001 } }] }],
        },
      },
    });
    const file = await get('/loss/export', 'operator');
    expect(file.headers.get('content-type')).toBe('application/x-ndjson');
    expect(file.headers.get('content-disposition')).toMatch(/^attachment; filename="[\w-]+-loss\.jsonl"$/);
    expect(await file.text()).toBe(LINES);
    const { rows } = await sql`select object_id, after from event where verb = 'loss-exported'`.execute(
      test.db,
    );
    expect(rows).toEqual([{ object_id: sample.fleet.runId, after: { bytes: Buffer.byteLength(LINES) } }]);
  });

  it('an export that lies on another machine is said to', async () => {
    await rm(join(dir, 'loss.jsonl'));
    const answer = await get('/loss/export', 'operator');
    expect([answer.status, await answer.json()]).toMatchObject([404, { detail: expect.stringContaining('worker that wrote it') as string }]); // prettier-ignore
  });
});
