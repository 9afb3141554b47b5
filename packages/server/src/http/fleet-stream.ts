/**
 * The fleet as it happens, for any number of readers from one look at the rows: every half second the server asks whether
 * a run or the audit trail has changed and tells whoever listens. Level-triggered: nothing is kept between looks but the
 * number of the last event, so a restart or a lost look loses nothing. Before anything is sent the reader is authorized anew.
 */
import type { AuditEventView, RunSummary } from '@sitelift/contract/views.ts';
import type { Database } from '../db/database.ts';
import { every } from '../dispatch/every.ts';
import { currentScopes } from '../people/current-scopes.ts';
import type { Caller } from '../people/caller.ts';
import { eventsAfter, newestEventId } from './views/audit-views.ts';
import { listLiveRuns, liveRunsMark } from './views/runs-views.ts';
import type { EventStream } from './event-stream.ts';
import type { HttpLog } from './http-deps.ts';

const LOOK_EVERY_MS = 500;
/** Events that a reader who resumes gets at once; the rest follows with the next looks. */
const EVENTS_AT_ONCE = 200;
/** Readers to whom nothing happens are authorized anew this often. */
const CHECK_EVERY_LOOKS = 10;
/** A missing number is waited for this long: its transaction may still commit; afterwards it was rolled back. */
const GAP_MS = 2_000;

interface Reader {
  readonly stream: EventStream;
  readonly caller: Caller;
  /** Number of the last event that it has; null: from now on. */
  lastId: number | null;
  /** The mark of the runs that it was sent last. */
  mark: string | null;
}

export interface FleetStream {
  /** `lastId`: from Last-Event-ID; null for a reader that comes fresh. */
  add(stream: EventStream, caller: Caller, lastId: number | null): void;
  stop(): Promise<void>;
}

/**
 * Numbers are given before a transaction commits, so a later one may be seen first. Whoever resumed after it would miss the
 * earlier one: what follows a young gap waits.
 */
export function settledEvents(
  events: readonly AuditEventView[],
  afterId: number,
  nowMs: number,
): readonly AuditEventView[] {
  let expected = afterId + 1;
  for (const [index, event] of events.entries()) {
    if (event.id !== expected && nowMs - Date.parse(event.at) < GAP_MS) return events.slice(0, index);
    expected = event.id + 1;
  }
  return events;
}

export function startFleetStream(
  db: Database,
  decisionNow: () => Promise<number>,
  log: HttpLog,
): FleetStream {
  const readers = new Set<Reader>();
  let looks = 0;

  const mayRead = async (reader: Reader): Promise<boolean> => {
    if ((await currentScopes(db, reader.caller)).includes('read')) return true;
    reader.stream.close();
    readers.delete(reader);
    return false;
  };

  const look = async (): Promise<void> => {
    if (readers.size === 0) return;
    looks += 1;
    const mark = await liveRunsMark(db);
    const newest = await newestEventId(db);
    const now = await decisionNow();
    let runs: RunSummary[] | null = null;
    const events = new Map<number, readonly AuditEventView[]>();
    for (const reader of readers) {
      reader.lastId ??= newest;
      const hasNews = reader.mark !== mark || reader.lastId < newest;
      if (!hasNews && looks % CHECK_EVERY_LOOKS !== 0) continue;
      if (!(await mayRead(reader)) || !hasNews || reader.stream.congested()) continue;
      if (reader.mark !== mark) {
        runs ??= await listLiveRuns(db);
        reader.stream.send('runs', runs);
        reader.mark = mark;
      }
      const from = reader.lastId;
      let fresh = events.get(from);
      if (fresh === undefined) {
        fresh = settledEvents(await eventsAfter(db, from, EVENTS_AT_ONCE), from, now);
        events.set(from, fresh);
      }
      for (const event of fresh) {
        reader.stream.send('audit', event, event.id);
        reader.lastId = event.id;
      }
    }
  };

  const loop = every(LOOK_EVERY_MS, look, (error) =>
    log.error({ cause: String(error) }, 'the fleet could not be looked at for its streams'),
  );
  return {
    add: (stream, caller, lastId) => {
      const reader: Reader = { stream, caller, lastId, mark: null };
      readers.add(reader);
      stream.onClose(() => readers.delete(reader));
      loop.kick();
    },
    stop: () => loop.stop(),
  };
}
