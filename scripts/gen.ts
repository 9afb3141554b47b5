/**
 * `npm run gen`: writes what is derived from the sources (table types, the golden schema, JSON Schemas, OpenAPI). With
 * `--check` nothing is written and the exit code is 1 when a file is stale.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withMigratedServer } from './gen/migrated-server.ts';
import { OUTPUTS, ROOT } from './gen/outputs.ts';

const checkOnly = process.argv.includes('--check');
const stale: string[] = [];

await withMigratedServer(async (connection) => {
  for (const output of OUTPUTS) {
    const made = await output.generate(connection);
    if (typeof made !== 'string') {
      console.error(`${output.path}: not looked at, ${made.missing}`);
      continue;
    }
    const path = join(ROOT, output.path);
    if ((await readFile(path, 'utf8').catch(() => null)) === made) continue;
    stale.push(output.path);
    if (checkOnly) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, made);
  }
});

for (const path of stale) console.log(checkOnly ? `stale: ${path} (run npm run gen)` : `written: ${path}`);
if (checkOnly && stale.length > 0) process.exitCode = 1;
