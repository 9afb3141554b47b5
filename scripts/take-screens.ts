/**
 * Takes the pictures of the console for the documentation, in both themes, of a demo that runs on this machine: signed in by
 * the token that its server left in the data directory, so no password is needed and nothing is changed.
 *
 *   SITELIFT_DATA_DIR=/tmp/demo bin/sitelift start &      (and wait for the end of its night)
 *   node scripts/take-screens.ts /tmp/demo docs/screens
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import type { Browser } from 'playwright-core';
import { launchBrowser, openSeat, type Theme } from '../test/e2e/browser/browser.ts';

const SIZE = { width: 1440, height: 810 } as const;

interface Screen {
  readonly name: string;
  readonly path: string;
  /** In sight when the page is complete. */
  readonly shows: string;
  readonly signedIn: boolean;
}

async function listScreens(url: string, token: string): Promise<readonly Screen[]> {
  const { runs } = await createClient({ baseUrl: url, token }).call(routes.listRuns, {
    query: { limit: 200 },
  });
  // A run that went back shows the most: both lanes, the reason, what was restored.
  const run = runs.find(({ state }) => state === 'recovered') ?? runs[0];
  if (run === undefined) throw new Error('this demo has no run yet');
  return [
    { name: 'sign-in', path: '/', shows: 'text=Sign in to Sitelift', signedIn: false },
    { name: 'tonight', path: '/', shows: 'table >> text=north-live', signedIn: true },
    { name: 'fleet', path: '/fleet', shows: 'table >> text=north-live', signedIn: true },
    { name: 'run', path: `/runs/${run.id}`, shows: '[role=log] .mono', signedIn: true },
  ];
}

async function take(
  browser: Browser,
  url: string,
  token: string,
  screen: Screen,
  theme: Theme,
  file: string,
) {
  const seat = await openSeat(browser, url, { theme, ...SIZE });
  if (screen.signedIn) await seat.page.setExtraHTTPHeaders({ authorization: `Bearer ${token}` });
  await seat.page.goto(screen.path, { waitUntil: 'domcontentloaded' });
  await seat.page.locator(screen.shows).first().waitFor();
  await seat.page.evaluate('document.fonts.ready.then(() => {})');
  await seat.page.screenshot({ path: file });
  await seat.close();
  if (seat.complaints.length > 0) throw new Error(`${screen.name}: ${seat.complaints.join('; ')}`);
  console.log(file);
}

const [dataDir, out] = process.argv.slice(2);
if (dataDir === undefined || out === undefined) {
  console.error(
    'usage: node scripts/take-screens.ts <data directory of a running demo> <directory of the pictures>',
  );
  process.exit(64);
}
// as: written by the server
const local = JSON.parse(await readFile(join(dataDir, 'local-token'), 'utf8')) as {
  url: string;
  token: string;
};
await mkdir(out, { recursive: true });
const browser = await launchBrowser();
try {
  for (const screen of await listScreens(local.url, local.token))
    for (const theme of ['dark', 'light'] as const)
      await take(browser, local.url, local.token, screen, theme, join(out, `${screen.name}-${theme}.png`));
} finally {
  await browser.close();
}
