import { describe, expect, it } from 'vitest';
import { findServerBinaries } from '@sitelift/server/drivers/postgres/test-cluster.ts';
import { playTwoWorkers } from './two-workers.ts';

const binaries = await findServerBinaries();
/** `npm run test:kill` plays 200. */
const RUNS = 50;

describe.skipIf(binaries === null)('two workers, one killed and one frozen for longer than its lease', () => {
  it('finish every run, and what may not be repeated happens once', async () => {
    const result = await playTwoWorkers(binaries ?? '', RUNS);
    expect(result).toMatchObject({ breaches: [], effects: 2 * RUNS });
    expect(result.heldByFrozen).toBeGreaterThan(0);
    expect(result.takenOver).toBeGreaterThan(0);
  }, 300_000);
});
