/**
 * What a restore writes on the database itself, in its comment, so that anybody who looks can tell what was done: the next
 * worker after a crash, and `observe`. The comment that was there stays before it.
 */
import type pg from 'pg';

export interface RestoreMarker {
  /** `restoring`: being filled. `ready`: filled and compared, not in place yet. `restored`: it is the site's database. */
  readonly state: 'restoring' | 'ready' | 'restored';
  readonly run: string;
  readonly step: string;
  readonly backup: string;
  /** Of the worker that wrote it; a lower one has no business here any more (I-2). */
  readonly fence: number;
}

const MARKER = /\s*\[sitelift (restoring|ready|restored) run=(\S+) step=(\S+) backup=(\S+) fence=(\d+)\]/;

export function writeMarkedComment(comment: string | null, marker: RestoreMarker): string {
  const { state, run, step, backup, fence } = marker;
  const own = (comment ?? '').replace(MARKER, '');
  return `${own}${own === '' ? '' : ' '}[sitelift ${state} run=${run} step=${step} backup=${backup} fence=${fence}]`;
}

export function parseMarker(comment: string | null): RestoreMarker | null {
  const [, state, run, step, backup, fence] = MARKER.exec(comment ?? '') ?? [];
  if (state !== 'restoring' && state !== 'ready' && state !== 'restored') return null;
  if (run === undefined || step === undefined || backup === undefined) return null;
  return { state, run, step, backup, fence: Number(fence) };
}

/** True when both speak of the same step of the same run with the same backup, whoever carries it out. */
export function sameRestore(a: RestoreMarker, b: Omit<RestoreMarker, 'state' | 'fence'>): boolean {
  return a.run === b.run && a.step === b.step && a.backup === b.backup;
}

/** The marker on a database; null without one, or without the database. */
export async function readMarker(client: pg.Client, database: string): Promise<RestoreMarker | null> {
  const { rows } = await client.query<{ comment: string | null }>(
    `select shobj_description(oid, 'pg_database') as comment from pg_database where datname = $1`,
    [database],
  );
  return parseMarker(rows[0]?.comment ?? null);
}
