/**
 * `npm run check`: format, lint (type-aware), types, architecture, dead code. One command, all failures shown, exit code 1 if any failed.
 */
import { spawnSync } from 'node:child_process';

const lanes: readonly (readonly [string, readonly string[]])[] = [
  ['format', ['prettier', '--check', '--log-level', 'warn', '.']],
  ['lint', ['oxlint', '--type-aware', '--quiet']],
  ['types: domain (no node, no DOM)', ['tsc', '-p', 'packages/domain']],
  ['types: node', ['tsc', '-p', '.']],
  ['types: web', ['tsc', '-p', 'packages/web']],
  ['architecture', ['vitest', 'run', 'test/architecture.test.ts', '--reporter=dot']],
  ['dead code', ['knip', '--no-progress']],
];

const failed: string[] = [];
for (const [name, [command, ...args]] of lanes) {
  const startedAt = performance.now();
  const { status } = spawnSync(command ?? '', args, { stdio: 'inherit' });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`check failed: ${failed.join(', ')}`);
  process.exit(1);
}
