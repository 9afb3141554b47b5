/**
 * What going back would lose: every row that was inserted, changed or deleted since the backup's snapshot was begun, not since
 * it ended (E1, C57). Measured by `database/loss`, which also writes exactly those rows into a file of the run. The journal
 * keeps counts and the keys of the first rows; rows themselves stay in the file.
 */
import type { EpochMs } from '../time/instant.ts';
import type { Json, JsonObject } from './plan.ts';

export const ROW_CHANGES = ['inserted', 'changed', 'deleted'] as const;
export type RowChange = (typeof ROW_CHANGES)[number];

type Counts = { readonly [change in RowChange]: number };

export interface TableLoss extends Counts {
  /** `schema.table`. */
  readonly table: string;
  /** Some of them by primary key, all where they are few; none for a table without one. */
  readonly rows: readonly { readonly change: RowChange; readonly key: JsonObject }[];
  /** What makes these numbers different from what users wrote, e.g. a column that the backup does not have. */
  readonly note: string | null;
}

export interface LossReport extends Counts {
  /** Only tables that differ, those with most rows first. */
  readonly tables: readonly TableLoss[];
  /** How many more tables differ than are listed. */
  readonly more: number;
  /** The rows, one JSON object a line. Null when whoever measured wrote none. */
  readonly exportPath: string | null;
  readonly sinceAt: EpochMs;
  readonly measuredAt: EpochMs;
}

/** A journal is no place for a list of rows: at most this many tables, and keys of each. */
export const LISTED_TABLES = 50;
export const LISTED_ROWS = 20;

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function count(from: JsonObject, name: string): number {
  const value = from[name];
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0;
}

function counts(from: JsonObject): Counts {
  return {
    inserted: count(from, 'inserted'),
    changed: count(from, 'changed'),
    deleted: count(from, 'deleted'),
  };
}

function readTable(value: Json): TableLoss | null {
  if (!isObject(value)) return null;
  const { table, rows, note } = value;
  if (typeof table !== 'string') return null;
  const listed = (Array.isArray(rows) ? (rows as readonly Json[]) : []).flatMap((row) => {
    if (!isObject(row)) return [];
    const { key } = row;
    const change = ROW_CHANGES.find((name) => name === row['change']);
    return change === undefined || !isObject(key) ? [] : [{ change, key }];
  });
  return {
    table,
    ...counts(value),
    rows: listed.slice(0, LISTED_ROWS),
    note: typeof note === 'string' ? note : null,
  };
}

/**
 * The report in an action's output, which may be a script's: what is not understood is left out, and an output that is no
 * report at all is null, never "nothing would be lost".
 */
export function readLoss(output: JsonObject, sinceAt: EpochMs, measuredAt: EpochMs): LossReport | null {
  const { tables, exportPath } = output;
  if (!Array.isArray(tables)) return null;
  for (const change of ROW_CHANGES) if (typeof output[change] !== 'number') return null;
  const read = (tables as readonly Json[]).flatMap((table) => readTable(table) ?? []);
  return {
    ...counts(output),
    tables: read.slice(0, LISTED_TABLES),
    more: count(output, 'more') + Math.max(0, read.length - LISTED_TABLES),
    exportPath: typeof exportPath === 'string' ? exportPath : null,
    sinceAt,
    measuredAt: count(output, 'measuredAt') || measuredAt,
  };
}

/** `5 rows of 1 table: 5 inserted` for a sentence. */
export function tellLoss(loss: LossReport): string {
  const total = loss.inserted + loss.changed + loss.deleted;
  if (total === 0) return 'nothing was written since the backup';
  const tables = loss.tables.length + loss.more;
  const parts = ROW_CHANGES.flatMap((change) => (loss[change] === 0 ? [] : [`${loss[change]} ${change}`]));
  return `${total} ${total === 1 ? 'row' : 'rows'} of ${tables} ${tables === 1 ? 'table' : 'tables'} (${parts.join(', ')})`;
}
