/**
 * One run as it happens: `run` (the whole view, for this caller) whenever its journal has grown, `log` (new lines, numbered,
 * only for who may read output). Level-triggered from rows; resumes after the line that Last-Event-ID names. A run that has
 * ended is looked at rarely: only its notices still change.
 */
import type { LogLineView } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { every } from '../dispatch/every.ts';
import type { Caller } from '../people/caller.ts';
import { currentScopes } from '../people/current-scopes.ts';
import { getRun } from './views/run-detail-views.ts';
import { listLog } from './views/run-log-views.ts';
import type { EventStream } from './event-stream.ts';
import type { HttpLog } from './http-deps.ts';

const LOOK_EVERY_MS = 300;
/** Lines of one `log` event; a line has up to 4,000 characters. */
const LINES_AT_ONCE = 200;
/** See `LogQuery.settledMs`: longer than a batch of lines takes to commit. */
const SETTLED_MS = 250;
/** Looks between two authorizations of a reader to whom nothing happens, and between two looks at a run that has ended. */
const RARELY = 15;

async function markOf(db: Database, runId: string): Promise<{ mark: string; ended: boolean }> {
  const { rows } = await sql<{ last_seq: number; ended: boolean; notices: string | null }>`
    select r.last_seq, r.ended_at is not null as ended,
           (select string_agg(n.id || n.state, ',' order by n.id) from notice n where n.run_id = r.id) as notices
      from run r where r.id = ${runId}`.execute(db);
  const [row] = rows;
  return { mark: `${row?.last_seq ?? 0} ${row?.notices ?? ''}`, ended: row?.ended ?? true };
}

/** Sends until the reader goes, may no longer, or the server stops. */
export function startRunStream(
  db: Database,
  runId: string,
  caller: Caller,
  stream: EventStream,
  afterLine: number | null,
  log: HttpLog,
): void {
  let sentMark: string | null = null;
  let sentLine = afterLine ?? 0;
  let looks = 0;
  let ended = false;

  const nextLines = (): Promise<LogLineView[]> =>
    listLog(db, runId, { step: null, after: sentLine, limit: LINES_AT_ONCE, settledMs: SETTLED_MS });

  const look = async (): Promise<void> => {
    looks += 1;
    const rarely = looks % RARELY === 1;
    if (stream.closed() || stream.congested() || (ended && !rarely)) return;
    const now = await markOf(db, runId);
    let lines = await nextLines();
    if (now.mark === sentMark && lines.length === 0 && !rarely) return;
    const scopes = await currentScopes(db, caller);
    if (!scopes.includes('read')) return stream.close();
    for (let last = lines.at(-1); last !== undefined && !stream.congested(); last = lines.at(-1)) {
      if (scopes.includes('operate')) stream.send('log', lines, last.id);
      sentLine = last.id;
      lines = await nextLines();
    }
    if (now.mark !== sentMark) {
      const run = await getRun(db, runId, scopes);
      if (run === null) return stream.close();
      stream.send('run', run);
      sentMark = now.mark;
    }
    ended = now.ended && lines.length === 0;
  };

  const loop = every(LOOK_EVERY_MS, look, (error) =>
    log.error({ run: runId, cause: String(error) }, 'a run could not be looked at for its stream'),
  );
  stream.onClose(() => void loop.stop());
}
