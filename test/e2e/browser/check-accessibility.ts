/** axe-core on a page as it is now, with the rules of WCAG 2.2 AA and the best practices; what it finds, one line each. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

interface WithAxe {
  readonly axe: { run(options: object): Promise<AxeResults> };
}

export async function checkAccessibility(page: Page): Promise<readonly string[]> {
  // As a debugger evaluates, past the content security policy of the page.
  await page.evaluate(axe.source);
  const results = await page.evaluate(
    async (tags) => (globalThis as unknown as WithAxe).axe.run({ runOnly: { type: 'tag', values: tags } }), // as: put in above
    TAGS,
  );
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}
