/** What going back would lose, as last measured: counts per table, the keys of some rows, whether the rows can be had. */
import { ROW_CHANGES } from '@sitelift/domain/run/loss.ts';
import { z } from 'zod';

const Counts = { inserted: z.int(), changed: z.int(), deleted: z.int() };

export const LossSchema = z.object({
  ...Counts,
  tables: z.array(
    z.object({
      table: z.string(),
      ...Counts,
      /** Some of them, by primary key; only for who may operate. */
      rows: z.array(z.object({ change: z.enum(ROW_CHANGES), key: z.record(z.string(), z.unknown()) })),
      note: z.string().nullable(),
    }),
  ),
  /** How many more tables differ than are listed. */
  moreTables: z.int(),
  /** When the backup was begun: what was written since is what a restore loses. */
  sinceAt: z.iso.datetime(),
  measuredAt: z.iso.datetime(),
  /** The rows themselves can be had (`runLossExport`). */
  exported: z.boolean(),
});
export type LossView = z.infer<typeof LossSchema>;

/** `problem`: why the last measurement gave no numbers; older ones may still stand. */
export const MeasuredLossSchema = z.object({ report: LossSchema.nullable(), problem: z.string().nullable() });
export type MeasuredLossView = z.infer<typeof MeasuredLossSchema>;

/** One line of the export: a deleted row as it is in the backup, any other as it is in the live database. */
export const LostRowSchema = z.object({
  table: z.string(),
  change: z.enum(ROW_CHANGES),
  key: z.record(z.string(), z.unknown()).nullable(),
  row: z.record(z.string(), z.unknown()),
});
