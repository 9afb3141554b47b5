/**
 * Builds the web bundle when it is missing or older than its sources, and says so only when it does. `npm start` and
 * `npm test` call it, so that nobody has to remember a third command.
 */
import { spawnSync } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WEB = join(ROOT, 'packages/web');
/** Everything that goes into the bundle. */
const SOURCES = ['packages/web', 'packages/contract/src', 'packages/domain/src', 'package-lock.json'];

async function newest(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const names = (await readdir(path)).filter((name) => name !== 'dist' && name !== 'node_modules');
  const times = await Promise.all(names.map((name) => newest(join(path, name))));
  return Math.max(0, ...times);
}

/** Resolves to null, or to one line that tells what went wrong. */
export async function buildWebIfStale(say: (line: string) => void): Promise<string | null> {
  const built = await stat(join(WEB, 'dist/index.html')).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  const sources = await Promise.all(SOURCES.map((path) => newest(join(ROOT, path))));
  if (built > Math.max(...sources)) return null;
  say('Building the web bundle (once).');
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
  const { status, stderr } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'error'], {
    cwd: WEB,
    encoding: 'utf8',
  });
  return status === 0 ? null : `the web bundle cannot be built: ${stderr.trim().split('\n')[0] ?? ''}`;
}

if (import.meta.main) {
  const problem = await buildWebIfStale(console.log);
  if (problem !== null) {
    console.error(problem);
    process.exit(1);
  }
}
