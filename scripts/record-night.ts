/**
 * Records the terminal's night into `docs/night.svg`: looks on, through the API, at a night that a demo plays now, draws it
 * with the very functions of the demo, and turns each drawing into one picture of an animation.
 *
 *   SITELIFT_DATA_DIR=/tmp/demo bin/sitelift start &
 *   node scripts/record-night.ts /tmp/demo docs/night.svg
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient, type Client } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import { watchNight } from '../demo/night.ts';
import type { Screen } from '../demo/terminal/screen.ts';
import { drawTerminal, type Frame } from './draw-terminal.ts';

/** A demo on an empty directory installs the versions first. */
const PATIENCE_MS = 15 * 60_000;
const LOOK_EVERY_MS = 250;
const TITLE =
  'A night of eight sites in the terminal: four upgraded, one rolled back, two held, one up to date';

/** Waits for the server and for its first run. */
async function connect(dataDir: string, signal: AbortSignal): Promise<Client> {
  for (;;) {
    const text = await readFile(join(dataDir, 'local-token'), 'utf8').catch(() => null);
    if (text !== null) {
      const { url, token } = JSON.parse(text) as { url: string; token: string }; // as: written by the server
      const client = createClient({ baseUrl: url, token });
      const found = await client.call(routes.listRuns, { query: { limit: 1 } }).catch(() => null);
      if (found !== null && found.runs.length > 0) return client;
    }
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
}

const [dataDir, out] = process.argv.slice(2);
if (dataDir === undefined || out === undefined) {
  console.error('usage: node scripts/record-night.ts <data directory of a running demo> <file.svg>');
  process.exit(64);
}
// Colours also when nobody looks: `styleText` asks the environment at each call.
process.env['FORCE_COLOR'] = '1';
const limit = AbortSignal.timeout(PATIENCE_MS);
const client = await connect(dataDir, limit);
const frames: Frame[] = [];
const startedAt = performance.now();
const camera: Screen = {
  draw: (lines) => void frames.push({ atMs: performance.now() - startedAt, lines }),
  say: () => {},
  close: () => {},
};
await watchNight(client, camera, 'Tonight', limit);
await writeFile(out, drawTerminal(frames, TITLE));
console.log(`${out}: ${frames.length} drawings of ${Math.round((performance.now() - startedAt) / 1000)} s`);
