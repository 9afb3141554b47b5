/** docs/coverage.md names every requirement once, and only tests that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const REQUIREMENTS = 108;

const rows = readFileSync(resolve(ROOT, 'docs/coverage.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| C\d+ /.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, number = '', status = '', what = '', test = '']) => ({ number, status, what, test }));

describe('docs/coverage.md', () => {
  it('lists every requirement exactly once, in order', () => {
    expect(rows.map(({ number }) => number)).toEqual(
      Array.from({ length: REQUIREMENTS }, (_, index) => `C${index + 1}`),
    );
  });

  it('claims nothing without a test that exists', () => {
    for (const { number, status, test } of rows) {
      expect(['automatic', 'manual', 'part', 'missing'], number).toContain(status);
      const path = /`([^`]+)`/.exec(test)?.[1];
      if (status === 'automatic' || status === 'part')
        expect(path !== undefined && existsSync(resolve(ROOT, path)), `${number}: ${test}`).toBe(true);
    }
  });
});
