/**
 * The console as people use it: a real browser, the real server, the real engine; only the sites are fakes. The stories
 * follow each other in one night, so a file is one session; none of them reloads a page to see something new.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkAccessibility } from './browser/check-accessibility.ts';
import { launchBrowser, openSeat, type Seat, type Theme } from './browser/browser.ts';
import { openConsoleBed, type ConsoleBed } from './browser/console-bed.ts';

const PASSWORD = 'a password of my own';
const THEMES: readonly Theme[] = ['dark', 'light'];
/** A page that does not show something by then does not show it. */
const PATIENCE_MS = 15_000;

let bed: ConsoleBed;
let browser: Browser;
let seat: Seat;
let page: Page;

beforeAll(async () => {
  [bed, browser] = await Promise.all([openConsoleBed(), launchBrowser()]);
  seat = await sitDown();
  page = seat.page;
});
afterAll(async () => {
  await browser?.close();
  await bed?.stop();
});

async function sitDown(options: { theme?: Theme; width?: number } = {}): Promise<Seat> {
  const taken = await openSeat(browser, bed.origin, options);
  taken.page.setDefaultTimeout(PATIENCE_MS);
  return taken;
}

/** Streams never fall silent, so a page has arrived when its heading is there. */
async function open(on: Page, path: string, heading: string): Promise<void> {
  await on.goto(path, { waitUntil: 'domcontentloaded' });
  await on.getByRole('heading', { level: 1, name: heading }).waitFor();
}

async function signIn(on: Page, password: string): Promise<void> {
  await on.getByLabel('E-mail').fill(bed.email);
  await on.getByLabel('Password').fill(password);
  await on.getByRole('button', { name: 'Sign in' }).click();
}

function rowOf(on: Page, site: string): ReturnType<Page['getByRole']> {
  return on.getByRole('row').filter({ hasText: site });
}

describe('the first sign-in', () => {
  it('tells a wrong password, takes the one-time one, and lets nobody in before it is replaced', async () => {
    await open(page, '/fleet', 'Sign in to Sitelift');
    await signIn(page, 'not the password');
    await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/password/i);
    await signIn(page, bed.oneTimePassword);
    await page.getByRole('heading', { name: 'Choose a password of your own' }).waitFor();
    await open(page, '/', 'Choose a password of your own');
    // After the reload the page has forgotten the one-time password, and asks for it.
    await page.getByLabel('The one-time password').fill(bed.oneTimePassword);
    await page.getByLabel('New password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Save and go on' }).click();
    await page.getByRole('heading', { level: 1, name: 'Tonight' }).waitFor();
  });
});

describe('a night', () => {
  it('says why a site does not move, and who can change that', async () => {
    const frozen = rowOf(page, 'south-live');
    await expect.poll(() => frozen.textContent()).toContain('They count the shelves');
    expect(await frozen.textContent()).toContain('Held');
    expect(await frozen.textContent()).toContain('Cleared by the owner of the freeze (primary@south.test)');
    expect(await rowOf(page, 'north-live').textContent()).toContain('north-uat (uat) goes first');
  });

  it('shows a run as it happens: its steps, its lines, and a pause with its reason', async () => {
    const migrate = bed.gateAt('north-uat', 'database/migrate');
    // The night begins: a worker's first pass comes at once.
    await bed.server.work();
    await rowOf(page, 'north-uat').filter({ hasText: 'Running' }).waitFor();
    const log = await migrate.reached;
    await page.getByRole('link', { name: 'north-uat' }).click();
    const playbook = page.getByRole('region', { name: 'Playbook' });
    const current = playbook.locator('[aria-current=step]');
    await expect.poll(() => current.textContent()).toContain('Migrate the database');
    log.line('out', '127 migrations to run');
    await page.getByRole('log').getByText('127 migrations to run').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    const dialog = page.getByRole('dialog', { name: 'Pause north-uat' });
    expect(await dialog.textContent()).toContain('starts no further step');
    await dialog.getByRole('button', { name: 'Pause' }).click();
    // Without a reason nothing is sent.
    expect(await dialog.isVisible()).toBe(true);
    await dialog.getByLabel('Reason').fill('They still book');
    await dialog.getByRole('button', { name: 'Pause' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('The last one has booked');
    await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    migrate.open();
    await page.getByText('Upgraded').first().waitFor();
    expect(await page.getByRole('button', { name: 'Pause' }).isVisible()).toBe(false);
  });

  it('goes back when it is told to, says from where to where, and holds the site', async () => {
    const start = bed.gateAt('north-live', 'app/start');
    await page.getByRole('link', { name: 'Tonight' }).first().click();
    await bed.server.night.planNow();
    await start.reached;
    await page.getByRole('link', { name: 'north-live' }).click();
    await page.getByRole('button', { name: 'Roll back' }).click();
    const dialog = page.getByRole('dialog', { name: 'Roll back north-live' });
    await expect
      .poll(() => dialog.textContent())
      .toContain('restores the backup and reopens the old version');
    await dialog.getByLabel('Reason').fill('The night is too short');
    await dialog.getByRole('button', { name: 'Roll back' }).click();
    await dialog.waitFor({ state: 'hidden' });
    start.open();
    await page.getByText('Rolled back').first().waitFor();
    expect(await page.getByRole('region', { name: 'Playbook' }).textContent()).toContain(
      'restore-and-reopen',
    );
    await page.getByRole('link', { name: 'Fleet' }).click();
    await expect.poll(() => rowOf(page, 'north-live').textContent()).toContain('Held: ');
  });

  it('comes back by itself after the server was away', async () => {
    await bed.whileAway(async () => {
      await page.getByText('Reconnecting, nothing is lost').waitFor();
      // What was known stays, and says that it is old.
      expect(await rowOf(page, 'north-live').isVisible()).toBe(true);
    });
    await page.getByText('Reconnecting, nothing is lost').waitFor({ state: 'hidden' });
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Fleet');
  });
});

describe('the fleet', () => {
  it('keeps its search in the address, so that it can be sent to somebody', async () => {
    await page.getByRole('searchbox').fill('shoes live');
    await expect.poll(() => new URL(page.url()).searchParams.get('q')).toBe('shoes live');
    await expect.poll(() => page.getByRole('rowheader').allTextContents()).toEqual(['south-live']);
    await open(page, page.url(), 'Fleet');
    expect(await page.getByRole('searchbox').inputValue()).toBe('shoes live');
    await expect.poll(() => page.getByRole('rowheader').allTextContents()).toEqual(['south-live']);
    await page.getByRole('button', { name: '2.0.0' }).click();
    await expect.poll(() => page.getByRole('rowheader').allTextContents()).toEqual(['north-uat']);
    expect(await page.getByRole('searchbox').inputValue()).toBe('2.0.0');
    await page.getByRole('searchbox').fill('nobody');
    await page.getByText('Nothing matches “nobody”').waitFor();
  });
});

describe('a page', () => {
  it.each(THEMES)('is accessible in the %s theme, each of them', async (theme) => {
    const other = await sitDown({ theme });
    await open(other.page, '/', 'Sign in to Sitelift');
    expect(await checkAccessibility(other.page)).toEqual([]);
    await signIn(other.page, PASSWORD);
    await rowOf(other.page, 'south-live').waitFor();
    expect(await checkAccessibility(other.page)).toEqual([]);
    await other.page.getByRole('link', { name: 'north-live' }).click();
    await other.page.getByText('Put the new code').first().waitFor();
    expect(await checkAccessibility(other.page)).toEqual([]);
    await open(other.page, '/fleet', 'Fleet');
    await rowOf(other.page, 'south-live').waitFor();
    expect(await checkAccessibility(other.page)).toEqual([]);
    await open(other.page, '/runs/run_00000000000000000000000000', 'Run');
    await other.page.getByRole('alert').waitFor();
    expect(await checkAccessibility(other.page)).toEqual([]);
    expect(other.complaints).toEqual([]);
    await other.close();
  });

  it('that is not accessible would be found out', async () => {
    const other = await sitDown();
    await open(other.page, '/', 'Sign in to Sitelift');
    await other.page.evaluate(`document.querySelector('form').append(document.createElement('button'))`);
    expect((await checkAccessibility(other.page)).join()).toContain('button-name');
    await other.close();
  });

  it('has its theme before anything is drawn, and the one that was chosen over that of the system', async () => {
    const other = await sitDown({ theme: 'light' });
    // Only what stands before the bundle may decide.
    await other.page.route('**/assets/*.js', (route) => route.abort());
    const theme = (): Promise<unknown> =>
      other.page.locator('html').evaluate((html) => [
        (html as unknown as { dataset: { theme?: string } }).dataset.theme, // as: an element of the page
        (
          globalThis as unknown as { getComputedStyle(of: unknown): { colorScheme: string } }
        ).getComputedStyle(html).colorScheme,
      ]);
    await other.page.goto('/', { waitUntil: 'domcontentloaded' });
    expect(await theme()).toEqual(['light', 'light']);
    await other.page.evaluate(`localStorage.setItem('sitelift.theme', 'dark')`);
    await other.page.reload({ waitUntil: 'domcontentloaded' });
    expect(await theme()).toEqual(['dark', 'dark']);
    await other.close();
  });

  it('needs no sideways scrolling for the sign-in at 320 pixels', async () => {
    const other = await sitDown({ width: 320 });
    await open(other.page, '/', 'Sign in to Sitelift');
    expect(await other.page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    await other.close();
  });

  it('is used by keys alone, from the sign-in to a run', async () => {
    const other = await sitDown();
    const { keyboard } = other.page;
    const tabTo = async (name: string): Promise<void> => {
      for (let presses = 0; presses < 30; presses += 1) {
        await keyboard.press('Tab');
        const focused = other.page.locator(':focus');
        if (((await focused.getAttribute('aria-label')) ?? (await focused.textContent())) === name) return;
      }
      throw new Error(`no key leads to "${name}"`);
    };
    await open(other.page, '/', 'Sign in to Sitelift');
    await keyboard.type(bed.email);
    await keyboard.press('Tab');
    await keyboard.type(PASSWORD);
    await keyboard.press('Enter');
    await rowOf(other.page, 'north-live').waitFor();
    await tabTo('north-live');
    await keyboard.press('Enter');
    await other.page.getByRole('heading', { level: 1, name: 'north-live' }).waitFor();
    await tabTo('Output of the steps');
    expect(other.complaints).toEqual([]);
    await other.close();
  });
});

describe('the end', () => {
  it('signs out, leaves nothing to look at, and leads back to where one was', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to Sitelift' }).waitFor();
    await open(page, '/fleet?q=north', 'Sign in to Sitelift');
    await signIn(page, PASSWORD);
    await page.getByRole('heading', { level: 1, name: 'Fleet' }).waitFor();
    expect(new URL(page.url()).searchParams.get('q')).toBe('north');
  });

  it('nothing was asked of another origin, and nothing complained of the policy', () => {
    expect(seat.complaints).toEqual([]);
  });
});
