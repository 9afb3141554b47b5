/** Server-sent events as a reader sees them: nothing twice, nothing left out, and nothing that the reader may not see. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { AuditEventSchema, LogLineSchema, RunSchema, RunSummarySchema } from '@sitelift/contract/views.ts';
import { z } from 'zod';
import { recordEvent } from '../db/event-store.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { commandRun } from '../engine/command-run.ts';
import { startHttpServer } from './http-server.ts';
import { sampleDeps, startSampleServer, type SampleServer } from './sample-server.ts';

interface Sent {
  readonly event: string;
  readonly id: string | null;
  readonly data: unknown;
}

interface Reader {
  /** The next event of this name; skips others. */
  next(event: string): Promise<Sent>;
  /** Resolves when the server has ended the stream, with what came meanwhile. */
  rest(): Promise<readonly Sent[]>;
  /** Everything that `next` has read, skipped or not. */
  readonly seen: readonly Sent[];
  leave(): void;
}

let test: TestDatabase;
let sample: SampleServer;
let readers: Reader[] = [];
beforeEach(async () => {
  test = await createTestDatabase();
  sample = await startSampleServer(test.db);
  readers = [];
});
afterEach(async () => {
  for (const reader of readers) reader.leave();
  await sample.server.stop();
  await test.drop();
});

function parse(block: string): Sent | null {
  const fields = new Map(block.split('\n').map((line) => {
    const at = line.indexOf(': ');
    return [line.slice(0, at), line.slice(at + 2)] as const;
  })); // prettier-ignore
  const data = fields.get('data');
  if (data === undefined) return null;
  return { event: fields.get('event') ?? '', id: fields.get('id') ?? null, data: JSON.parse(data) };
}

async function* sentBy(answer: Response): AsyncGenerator<Sent> {
  let text = '';
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const sent = parse(text.slice(0, end));
      text = text.slice(end + 2);
      if (sent !== null) yield sent;
    }
  }
}

async function all(events: AsyncGenerator<Sent>): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  for await (const each of events) sent.push(each);
  return sent;
}

async function open(path: string, headers: Record<string, string>, lastId?: string): Promise<Reader> {
  const stop = new AbortController();
  const resume = lastId === undefined ? {} : { 'last-event-id': lastId };
  const answer = await fetch(`${sample.server.address}/api/v1${path}`, {
    headers: { ...headers, ...resume },
    signal: stop.signal,
  });
  expect([
    answer.status,
    answer.headers.get('content-type'),
    answer.headers.get('x-content-type-options'),
  ]).toEqual([200, 'text/event-stream; charset=utf-8', 'nosniff']);
  const events = sentBy(answer);
  const seen: Sent[] = [];
  const reader: Reader = {
    seen,
    next: async (event) => {
      for (;;) {
        const { value, done } = await events.next();
        if (done === true) throw new Error(`the stream ended before ${event} came`);
        seen.push(value);
        if (value.event === event) return value;
      }
    },
    rest: () => all(events),
    leave: () => stop.abort(),
  };
  readers.push(reader);
  return reader;
}

async function addLines(...texts: string[]): Promise<void> {
  for (const text of texts)
    await sql`
      insert into step_log (run_id, lane, step_id, attempt, line, stream, text)
      select ${sample.fleet.runId}, 'main', 'stage', 1, 1 + count(*), 'out', ${text} from step_log`.execute(
      test.db,
    );
}

async function tell(verb: 'pause' | 'resume'): Promise<void> {
  const command = { verb, step: null, actor: 'ada', reason: 'look', evidence: null, as: null };
  await commandRun({ db: test.db, hooks: sampleDeps(test.db, []).runHooks }, sample.fleet.runId, command);
}

/** Reads `log` events until this many lines are there. */
async function lines(reader: Reader, count: number): Promise<{ texts: string[]; lastId: string }> {
  const texts: string[] = [];
  let lastId = '';
  while (texts.length < count) {
    const sent = await reader.next('log');
    const batch = z.array(LogLineSchema).parse(sent.data);
    texts.push(...batch.map((line) => line.text));
    expect(sent.id).toBe(String(batch.at(-1)?.id));
    lastId = sent.id ?? '';
  }
  return { texts, lastId };
}

const runPath = (): string => `/runs/${sample.fleet.runId}/stream`;

describe('the stream of a run', () => {
  it('begins with how it stands and tells whenever its journal has grown', async () => {
    const reader = await open(runPath(), await sample.people.cookieOf('operator'));
    expect(RunSchema.parse((await reader.next('run')).data).state).toBe('planned');
    await tell('pause');
    expect(RunSchema.parse((await reader.next('run')).data).state).toBe('paused');
  });

  it('resumes its log after the line that was seen last, without a gap and without a repeat', async () => {
    const operator = await sample.people.cookieOf('operator');
    await addLines('one', 'two');
    const first = await open(runPath(), operator);
    const seen = await lines(first, 2);
    expect(seen.texts).toEqual(['one', 'two']);
    first.leave();
    await addLines('three', 'four');
    const again = await open(runPath(), operator, seen.lastId);
    expect((await lines(again, 2)).texts).toEqual(['three', 'four']);
    await addLines('five');
    expect((await lines(again, 1)).texts).toEqual(['five']);
  });

  it('carries a long log in order', async () => {
    await sql`
      insert into step_log (run_id, lane, step_id, attempt, line, stream, text)
      select ${sample.fleet.runId}, 'main', 'stage', 1, n, 'out', n || repeat(' x', 300) from generate_series(1, 3000) n`.execute(
      test.db,
    );
    const reader = await open(runPath(), await sample.people.cookieOf('operator'));
    const { texts } = await lines(reader, 3_000);
    expect(texts.map((text) => Number(text.split(' ')[0]))).toEqual(
      Array.from({ length: 3_000 }, (_, n) => n + 1),
    );
  });

  it('gives no output to who may not read it elsewhere, and offers nothing', async () => {
    await addLines('a line that a viewer may not see');
    const viewer = await open(runPath(), await sample.people.cookieOf('viewer'));
    const run = RunSchema.parse((await viewer.next('run')).data);
    expect(run.actions.every((action) => !action.allowed)).toBe(true);
    // Once an operator has it, the next look of the viewer's stream has seen it too.
    await lines(await open(runPath(), await sample.people.cookieOf('operator')), 1);
    await tell('pause');
    await viewer.next('run');
    expect(viewer.seen.map((sent) => sent.event)).toEqual(['run', 'run']);
  });

  it.each([
    ['the session ends', sql`update session set expires_at = app_now()`],
    ['the account is disabled', sql`update account set disabled_at = app_now()`],
  ])('ends before the next event when %s', async (_, end) => {
    const reader = await open(runPath(), await sample.people.cookieOf('operator'));
    await reader.next('run');
    await end.execute(test.db);
    await addLines('secret');
    await tell('pause');
    expect(await reader.rest()).toEqual([]);
  });

  it('ends with its token, even when nothing happens', async () => {
    const reader = await open(runPath(), await sample.people.tokenOf('admin', ['read']));
    await reader.next('run');
    await sql`update api_token set revoked_at = app_now()`.execute(test.db);
    expect(await reader.rest()).toEqual([]);
  });

  it('ends when the server stops, which does not wait for it', async () => {
    const other = await startSampleServerBeside();
    const answer = await fetch(`${other.address}/api/v1${runPath()}`, {
      headers: await sample.people.cookieOf('operator'),
    });
    const events = sentBy(answer);
    await events.next();
    await other.stop();
    expect((await all(events)).every((sent) => sent.event === 'run')).toBe(true);
  });
});

async function startSampleServerBeside(): Promise<{ address: string; stop: () => Promise<void> }> {
  return startHttpServer(sampleDeps(test.db, []), { host: '127.0.0.1', port: 0 });
}

describe('the stream of the fleet', () => {
  it('begins with the open runs and tells all its readers when one has changed', async () => {
    const viewer = await sample.people.cookieOf('viewer');
    const both = [await open('/stream', viewer), await open('/stream', viewer)];
    for (const reader of both) {
      const runs = z.array(RunSummarySchema).parse((await reader.next('runs')).data);
      expect(runs.map((run) => [run.id, run.state])).toEqual([[sample.fleet.runId, 'planned']]);
    }
    await tell('pause');
    for (const reader of both) {
      const runs = z.array(RunSummarySchema).parse((await reader.next('runs')).data);
      expect(runs.map((run) => run.state)).toEqual(['paused']);
      expect(AuditEventSchema.parse((await reader.next('audit')).data).verb).toBe('run-pause');
    }
  });

  it('resumes the audit trail after the event that was seen last', async () => {
    const viewer = await sample.people.cookieOf('viewer');
    const first = await open('/stream', viewer);
    await first.next('runs');
    await tell('pause');
    const { id } = await first.next('audit');
    first.leave();
    await tell('resume');
    await tell('pause');
    const again = await open('/stream', viewer, id ?? '');
    const verbs = [await again.next('audit'), await again.next('audit')].map(
      (sent) => AuditEventSchema.parse(sent.data).verb,
    );
    expect(verbs).toEqual(['run-resume', 'run-pause']);
  });

  it('tells an event that was numbered first and committed last before the later one', async () => {
    const reader = await open('/stream', await sample.people.cookieOf('viewer'));
    await reader.next('runs');
    const note = (verb: string, customerId: string | null) =>
      ({
        actor: 'x',
        verb,
        object: { kind: 'x', id: 'x' },
        customerId,
        before: null,
        after: null,
        reason: null,
      }) as const;
    const { rows } = await sql<{ id: string }>`select id from customer`.execute(test.db);
    await test.db.transaction().execute(async (tx) => {
      await recordEvent(tx, note('slow', null));
      // Another chain, so it need not wait for this transaction.
      await test.db.transaction().execute((other) => recordEvent(other, note('quick', rows[0]?.id ?? null)));
      // Whoever comes now is served by a look that sees only the later one, after the reader who was there before.
      await (await open('/stream', await sample.people.cookieOf('viewer'))).next('runs');
    });
    const verbs = [await reader.next('audit'), await reader.next('audit')].map(
      (sent) => AuditEventSchema.parse(sent.data).verb,
    );
    expect(verbs).toEqual(['slow', 'quick']);
  });

  it('ends with the session', async () => {
    const reader = await open('/stream', await sample.people.cookieOf('viewer'));
    await reader.next('runs');
    await sql`update session set expires_at = app_now()`.execute(test.db);
    await tell('pause');
    expect(await reader.rest()).toEqual([]);
  });
});
