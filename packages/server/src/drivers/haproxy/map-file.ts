/**
 * The map file that HAProxy reads when it starts: what it says is what a restart brings back. Lines of other sites, comments
 * and all, stay as they are. A comment line of ours keeps the highest fence per site; HAProxy skips comments.
 */
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const DEFAULT_MODE = 0o644;
const PERMISSIONS = 0o777;

/** The receiver has seen a newer worker: this one is powerless (I-2). Nothing was written. */
export class OlderFence extends Error {}

const fenceLine = (key: string, fence: number): string => `#sitelift-fence ${key} ${fence}`;

function fenceOf(lines: readonly string[], key: string): number {
  const prefix = `#sitelift-fence ${key} `;
  return lines
    .filter((line) => line.startsWith(prefix))
    .reduce((highest, line) => Math.max(highest, Number(line.slice(prefix.length)) || 0), 0);
}

function isEntryOf(line: string, key: string): boolean {
  return !line.startsWith('#') && line.trim().split(/\s+/)[0] === key;
}

async function readLines(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8');
  return text.split('\n').filter((line, index, all) => index < all.length - 1 || line !== '');
}

/** What the file says for a key: its value (may be empty), or null. Rejects when there is no such file. */
export async function readMapFile(path: string, key: string): Promise<string | null> {
  const line = (await readLines(path)).find((entry) => isEntryOf(entry, key));
  return line === undefined ? null : (line.trim().split(/\s+/)[1] ?? '');
}

async function replaceFile(path: string, text: string): Promise<void> {
  const { mode, uid, gid } = await stat(path).catch(() => ({ mode: DEFAULT_MODE, uid: -1, gid: -1 }));
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  try {
    const file = await open(temporary, 'w', mode & PERMISSIONS);
    try {
      await file.chmod(mode & PERMISSIONS);
      // Best effort: only root may give a file away, and who may not is its owner already.
      if (uid !== -1) await file.chown(uid, gid).catch(() => {});
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Writes one key (null: takes it out) under the caller's lock. A crash leaves the old file or the new one, never half. */
export async function writeMapFile(
  path: string,
  key: string,
  value: string | null,
  fence: number,
): Promise<void> {
  const lines = await readLines(path);
  const seen = fenceOf(lines, key);
  if (fence < seen)
    throw new OlderFence(
      `${path} was written by a newer worker (fence ${seen}; this one has ${fence}): nothing was changed`,
    );
  const others = lines.filter((line) => !isEntryOf(line, key) && !line.startsWith(`#sitelift-fence ${key} `));
  const ours = [fenceLine(key, fence), ...(value === null ? [] : [`${key} ${value}`])];
  await replaceFile(path, `${[...others, ...ours].join('\n')}\n`);
}
