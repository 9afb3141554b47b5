/**
 * `npm test`: everything, in lanes, and one closing line that counts. What the tests need beyond npm is installed here
 * (Debian as root) or named in one line. Words after `npm test --` go to vitest: a path runs only that file.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureSystemPrograms } from '../demo/system-packages.ts';
import { buildWebIfStale } from './build-web.ts';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
}

/** Lanes run one after the other: who starts real processes, or kills them, wants the machine to himself. */
const LANES = [
  { name: 'unit, store, API', args: ['--exclude', 'test/e2e/**', '--exclude', 'test/kill/**'] },
  { name: 'kill -9', args: ['test/kill', '--no-file-parallelism'] },
  { name: 'journeys', args: ['test/e2e', '--no-file-parallelism'] },
] as const;

function runLane(name: string, args: readonly string[]): Counts {
  const dir = mkdtempSync(join(tmpdir(), 'sitelift-report-'));
  const report = join(dir, 'report.json');
  const startedAt = performance.now();
  const { status } = spawnSync(
    'vitest',
    ['run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    { stdio: 'inherit' },
  );
  console.log(`lane ${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  try {
    const found = JSON.parse(readFileSync(report, 'utf8')) as VitestReport; // as: vitest's own format
    // A file that could not even be loaded has no test to fail; it counts as one, and so does a runner that crashed.
    const silent = status !== 0 && found.numFailedTests === 0 ? Math.max(1, found.numFailedTestSuites) : 0;
    return {
      passed: found.numPassedTests,
      failed: found.numFailedTests + silent,
      skipped: found.numPendingTests + found.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

try {
  await ensureSystemPrograms(console.log);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
const notBuilt = await buildWebIfStale(console.log);
if (notBuilt !== null) {
  console.error(notBuilt);
  process.exit(1);
}
const wanted = process.argv.slice(2);
const lanes = wanted.length === 0 ? LANES : [{ name: wanted.join(' '), args: wanted }];
const total = lanes
  .map(({ name, args }) => runLane(name, args))
  .reduce((sum, lane) => ({
    passed: sum.passed + lane.passed,
    failed: sum.failed + lane.failed,
    skipped: sum.skipped + lane.skipped,
  }));
const skipped = total.skipped === 0 ? '' : `, ${total.skipped} skipped`;
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
