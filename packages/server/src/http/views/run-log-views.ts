/** Output of steps and the journal of a run, in the order in which they were written. */
import type { JournalEventSchema, LogLineView } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { z } from 'zod';
import type { Database } from '../../db/database.ts';
import { loadJournal } from '../../engine/pg-run-store.ts';

export interface LogQuery {
  readonly step: string | null;
  /** Id of the last line already seen. */
  readonly after: number;
  readonly limit: number;
  /**
   * Leaves out lines younger than this. Two steps that write at once may commit in another order than their ids say, and
   * whoever resumes after the last id that he saw would miss the earlier one.
   */
  readonly settledMs: number;
}

export async function listLog(db: Database, runId: string, query: LogQuery): Promise<LogLineView[]> {
  const { step, after, limit, settledMs } = query;
  const { rows } = await sql<{
    id: number;
    lane: LogLineView['lane'];
    step_id: string;
    attempt: number;
    at: Date;
    stream: LogLineView['stream'];
    text: string;
  }>`
    select id, lane, step_id, attempt, at, stream, text from step_log
     where run_id = ${runId} and id > ${after} and ${step === null ? sql`true` : sql`step_id = ${step}`}
       and ${settledMs === 0 ? sql`true` : sql`at <= app_now() - ${settledMs} * interval '1 ms'`}
     order by id limit ${limit}`.execute(db);
  return rows.map(({ id, lane, step_id, attempt, at, stream, text }) => ({
    id,
    lane,
    step: step_id,
    attempt,
    at: at.toISOString(),
    stream,
    text,
  }));
}

export async function listJournal(
  db: Database,
  runId: string,
  after: number,
): Promise<z.infer<typeof JournalEventSchema>[]> {
  const journal = await loadJournal(db, runId, after);
  return journal.map(({ seq, at, fence, body: { kind, ...body } }) => ({
    seq,
    at: at.toISOString(),
    fence,
    kind,
    body,
  }));
}

export async function runExists(db: Database, runId: string): Promise<boolean> {
  const { rows } = await sql`select 1 from run where id = ${runId}`.execute(db);
  return rows.length > 0;
}
