/**
 * Which rows of a table differ between two databases, in one pass over both and in bounded memory. Neither server can join
 * across databases, and no sort order can be trusted to be the same in both places: so each side sorts hashes, which compare
 * as bytes, and the two streams are merged here. A table with a primary key is compared row by row; one without, as a multiset
 * of whole rows, where a change is a row that went and one that came.
 */
import type { RowChange } from '@sitelift/domain/run/loss.ts';
import type pg from 'pg';
import type { TableRow } from './database-facts.ts';
import { quoteName } from './open-server.ts';

/** Rows fetched at once; a row is two hashes and a place here. */
const FETCH_ROWS = 2_000;

interface RowMark {
  /** Hash of the key; of the whole row where there is none. */
  readonly k: string;
  readonly h: string;
  /** Where the row lies, valid within the snapshot. */
  readonly place: string;
}

/** One row that differs, and where to read it: in the live database, or, when it is gone there, in the copy. */
export interface RowDifference {
  readonly change: RowChange;
  readonly place: string;
}

export interface Side {
  /** In a transaction with one snapshot for all that it reads. */
  readonly client: pg.Client;
  readonly table: TableRow;
}

function rowText(columns: readonly string[]): string {
  return `row(${columns.map(quoteName).join(', ')})::text`;
}

export function fromTable({ schema, name }: TableRow): string {
  return `only ${quoteName(schema)}.${quoteName(name)}`;
}

async function* rowMarks(
  { client, table }: Side,
  columns: readonly string[],
  key: readonly string[] | null,
): AsyncGenerator<RowMark> {
  await client.query(
    `declare sitelift_rows no scroll cursor for
       select md5(${rowText(key ?? columns)}) collate "C" as k, md5(${rowText(columns)}) as h, ctid::text as place
         from ${fromTable(table)} order by 1`,
  );
  try {
    for (;;) {
      const { rows } = await client.query<RowMark>(`fetch ${FETCH_ROWS} from sitelift_rows`);
      yield* rows;
      if (rows.length < FETCH_ROWS) return;
    }
  } finally {
    // Fails only with the connection or the transaction, and then the cursor is gone as well.
    await client.query('close sitelift_rows').catch(() => {});
  }
}

/** A side that does not have the table has no rows of it. */
async function* none(): AsyncGenerator<RowMark> {}

/** What is compared: the columns that both have, by the primary key if both have the same. */
export function comparedBy(
  live: TableRow | null,
  copy: TableRow | null,
): { readonly columns: readonly string[]; readonly key: readonly string[] | null } {
  const one = live ?? copy;
  if (one === null) return { columns: [], key: null };
  const other = copy ?? one;
  const columns = one.columns.filter((column) => other.columns.includes(column));
  const sameKey = JSON.stringify(one.key) === JSON.stringify(other.key);
  return { columns, key: sameKey ? one.key : null };
}

/** Both streams are sorted by `k`; a key that stands in one only came or went, one with two hashes was changed. */
export async function* compareRows(live: Side | null, copy: Side | null): AsyncGenerator<RowDifference> {
  const { columns, key } = comparedBy(live?.table ?? null, copy?.table ?? null);
  const after = live === null ? none() : rowMarks(live, columns, key);
  const before = copy === null ? none() : rowMarks(copy, columns, key);
  try {
    let [a, b] = [await after.next(), await before.next()];
    while (a.done !== true || b.done !== true) {
      if (b.done === true || (a.done !== true && a.value.k < b.value.k)) {
        if (a.done !== true) yield { change: 'inserted', place: a.value.place };
        a = await after.next();
      } else if (a.done === true || b.value.k < a.value.k) {
        yield { change: 'deleted', place: b.value.place };
        b = await before.next();
      } else {
        if (a.value.h !== b.value.h) yield { change: 'changed', place: a.value.place };
        [a, b] = [await after.next(), await before.next()];
      }
    }
  } finally {
    await Promise.allSettled([after.return(undefined), before.return(undefined)]);
  }
}
