/**
 * The export of what going back would lose: one JSON object a line with the table, what became of the row, its primary key and
 * the row; a row that was deleted as it is in the backup, any other as it is in the live database. It holds the customer's
 * data: mode 0600, in the run's own directory, under its own name only when it is complete and on the disk.
 */
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { RowChange } from '@sitelift/domain/run/loss.ts';
import { settleDump } from './backup-file.ts';
import { fromTable, type Side } from './compare-rows.ts';
import { quoteName, quoteText } from './open-server.ts';

export interface ExportedRow {
  readonly change: RowChange;
  /** JSON text; null for a table without a primary key. */
  readonly key: string | null;
  readonly row: string;
}

/**
 * The server writes the JSON, so that no number loses digits on the way. `row_to_json` keeps what a column of type json holds
 * letter by letter, line breaks included: between values they mean nothing, and within a string they cannot stand.
 */
const ONE_LINE = (json: string): string => `translate(${json}::text, E'\\n\\r', '  ')`;

/** Reads rows by their places, in no order. */
export async function readRows(
  side: Side,
  key: readonly string[] | null,
  places: readonly string[],
): Promise<readonly Omit<ExportedRow, 'change'>[]> {
  const pairs = (key ?? []).map((column) => `${quoteText(column)}, sitelift_row.${quoteName(column)}`);
  const keyText = key === null ? 'null' : ONE_LINE(`json_build_object(${pairs.join(', ')})`);
  const { rows } = await side.client.query<Omit<ExportedRow, 'change'>>(
    `select ${keyText} as key, ${ONE_LINE('row_to_json(sitelift_row)')} as row
       from ${fromTable(side.table)} sitelift_row where ctid = any($1::tid[])`,
    [places],
  );
  return rows;
}

export interface LossFile {
  write(table: string, rows: readonly ExportedRow[]): Promise<void>;
  /** Complete and durable; the path that it has now. */
  settle(): Promise<string>;
  /** Nothing is left of it unless it was settled. */
  close(): Promise<void>;
}

/** A run has one; the last measurement is the one that counts. */
const FILE_NAME = 'loss.jsonl';

export async function openLossFile(directory: string): Promise<LossFile> {
  const path = join(directory, FILE_NAME);
  const partial = join(directory, `.${FILE_NAME}.part`);
  await rm(partial, { force: true });
  let handle: FileHandle | null = await open(partial, 'wx', 0o600);
  const close = async (): Promise<void> => {
    await handle?.close();
    handle = null;
  };
  return {
    write: async (table, rows) => {
      const lines = rows.map(
        ({ change, key, row }) =>
          `{"table":${JSON.stringify(table)},"change":"${change}","key":${key ?? 'null'},"row":${row}}\n`,
      );
      await handle?.appendFile(lines.join(''));
    },
    settle: async () => {
      await close();
      await settleDump(partial, path);
      return path;
    },
    close: async () => {
      await close();
      await rm(partial, { force: true });
    },
  };
}
