/** `npx sitelift`, as the README writes it: through a link, from the checkout, with the Node that came with it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

it('npx finds the command in the checkout', () => {
  const { status, stdout, stderr } = spawnSync('npx', ['--no-install', 'sitelift', '--help'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  expect(stdout).toContain('Usage: sitelift');
});

it('a link from anywhere leads to it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sitelift-link-'));
  try {
    symlinkSync(join(ROOT, 'bin/sitelift'), join(dir, 'sitelift'));
    const { status, stdout, stderr } = spawnSync(join(dir, 'sitelift'), ['--help'], {
      cwd: dir,
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('Usage: sitelift');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
