/**
 * One Chromium for a whole test file, from npm (no apt): unpacked once into the temporary directory of the machine. Every
 * page keeps a record of what it must never do: complain in the console (a violated content security policy does), throw,
 * or ask another origin for anything.
 */
import sparticuz from '@sparticuz/chromium';
import { chromium, type Browser, type Page } from 'playwright-core';

export type Theme = 'dark' | 'light';

/** Nothing of Chromium's own goes to the network. */
const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]; // prettier-ignore

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await sparticuz.executablePath(), args: ARGS });
}

export interface Seat {
  readonly page: Page;
  /** What the page complained about so far. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Takes a seat at the browser: a session of its own, with what the system of that person prefers. */
export async function openSeat(
  browser: Browser,
  origin: string,
  options: { readonly theme?: Theme; readonly width?: number; readonly height?: number } = {},
): Promise<Seat> {
  const { theme = 'dark', width = 1440, height = 900 } = options;
  const context = await browser.newContext({
    baseURL: origin,
    colorScheme: theme,
    reducedMotion: 'reduce',
    viewport: { width, height },
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // The browser itself logs every refused request; a refusal is an answer, and the page shows it.
    const isRefusal = message.text().startsWith('Failed to load resource');
    if ((message.type() === 'error' || message.type() === 'warning') && !isRefusal)
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`asks elsewhere: ${request.url()}`);
  });
  return { page, complaints, close: () => context.close() };
}
