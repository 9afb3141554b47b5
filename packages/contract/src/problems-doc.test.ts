import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { renderProblemsDoc } from './problems-doc.ts';

describe('docs/problems.md', () => {
  it('lists every code with what it means and what to do, as the table says', async () => {
    const path = new URL('../../../docs/problems.md', import.meta.url);
    expect(await readFile(path, 'utf8')).toBe(renderProblemsDoc());
  });
});
