/**
 * The file of a backup and what is known of it. A dump gets its own name only when it is complete and on the disk (fsync
 * before rename), and beside it lies what it must hold, so that it can be judged even if our own database were lost.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { ActionContext } from '../driver.ts';
import { databaseFactsSchema } from './database-facts.ts';
import { databasePropertiesSchema } from './database-properties.ts';
import { codeOf, StepFailure } from './step-failure.ts';

/** The output of `database/backup`, as the journal keeps it and `database/prove` and `database/restore` read it. */
export const backupOutputSchema = z.object({
  path: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  instance: z.string(),
  database: z.string(),
  systemIdentifier: z.string(),
  serverVersion: z.string(),
  /** How many tables. */
  tables: z.int(),
  rows: z.int(),
  /** Rows per table that the checksums cover; the copy is read the same way. */
  sampleRows: z.int(),
  ...databaseFactsSchema.shape,
  properties: databasePropertiesSchema,
  dumpMs: z.number(),
});
export type BackupOutput = z.infer<typeof backupOutputSchema>;

const manifestSchema = z.object({
  backupId: z.string(),
  stepId: z.string(),
  attempt: z.int(),
  fence: z.int(),
  begunAt: z.number(),
  output: backupOutputSchema,
});
export type BackupManifest = z.infer<typeof manifestSchema>;

/** Left free for everything else that lives on this disk. */
const SPARE_BYTES = 64 * 1024 * 1024;
const MIB = 1024 * 1024;

/** Refuses a dump that may not fit: a disk that fills up takes more than the backup with it. */
export async function checkFreeSpace(directory: string, dataBytes: number): Promise<void> {
  const disk = await statfs(directory);
  const free = disk.bavail * disk.bsize;
  const needed = dataBytes + SPARE_BYTES;
  if (free >= needed) return;
  const mib = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`;
  throw new StepFailure(
    `not enough space for a backup in ${directory}: ${mib(free)} are free and it may need ${mib(needed)}; ` +
      'nothing was begun: make room, or give Sitelift a larger data directory',
  );
}

/** Takes away what an attempt of this step that was killed has left half-written. */
export async function removePartialDumps(directory: string, stepId: string): Promise<void> {
  const names = await readdir(directory);
  const partial = names.filter((name) => name.startsWith(`.${stepId}-`) && name.endsWith('.part'));
  await Promise.all(partial.map((name) => rm(join(directory, name), { force: true })));
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer); // as: no encoding was set
  return hash.digest('hex');
}

/** Makes a finished dump durable under its own name. */
export async function settleDump(partial: string, path: string): Promise<void> {
  await syncPath(partial);
  await rename(partial, path);
  await syncPath(dirname(path));
}

export async function writeManifest(directory: string, manifest: BackupManifest): Promise<void> {
  const path = join(directory, `${manifest.backupId}.json`);
  await writeFile(`${path}.part`, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  await settleDump(`${path}.part`, path);
}

/** The manifest of the dump that this very attempt finished, if it did. */
export async function findManifest(context: ActionContext): Promise<BackupManifest | null> {
  const names = await readdir(context.workDir).catch(() => []);
  for (const name of names
    .filter((entry) => /^bkp_\w+\.json$/.test(entry))
    .sort()
    .reverse()) {
    const text = await readFile(join(context.workDir, name), 'utf8');
    const manifest = manifestSchema.safeParse(JSON.parse(text));
    if (!manifest.success) continue;
    const { stepId, attempt } = manifest.data;
    if (stepId === context.stepId && attempt === context.attempt) return manifest.data;
  }
  return null;
}

/**
 * The backup that a step is to work with, after every check that needs no server: it is of this instance and this database,
 * and the file is byte for byte the one that was written.
 */
export async function openBackup(
  context: ActionContext,
  database: string,
): Promise<{ readonly backupId: string; readonly output: BackupOutput }> {
  const { backup, instance } = context.target;
  if (backup === null) throw new StepFailure('this run has no backup');
  const parsed = backupOutputSchema.safeParse(backup.output);
  if (!parsed.success) throw new StepFailure(`backup ${backup.backupId} is not one of a PostgreSQL database`);
  const output = parsed.data;
  const { path } = output;
  if (output.instance !== instance.id)
    throw new StepFailure(
      `backup ${backup.backupId} is of another instance (${output.instance}), not of ${instance.slug}`,
    );
  if (output.database !== database)
    throw new StepFailure(`backup ${backup.backupId} is of database ${output.database}, not of ${database}`);
  const size = await stat(path).then(
    (found) => found.size,
    (error: unknown) => {
      throw codeOf(error) === 'ENOENT' ? new StepFailure(`the backup's file is gone: ${path}`) : error;
    },
  );
  if (size !== output.bytes)
    throw new StepFailure(
      `the backup's file is not as it was written: ${size} bytes, not ${output.bytes} (${path})`,
    );
  if ((await sha256Of(path, context.signal)) !== output.sha256)
    throw new StepFailure(`the backup's file is not as it was written: its SHA-256 differs (${path})`);
  return { backupId: backup.backupId, output };
}
