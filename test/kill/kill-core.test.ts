/**
 * `kill -9` at every boundary, of a worker, of the server and of PostgreSQL, as real processes: 36 cases, the kinds of steps
 * in turn. Every case with every kind: `npm run test:kill`.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { findServerBinaries } from '@sitelift/server/drivers/postgres/test-cluster.ts';
import { playCases, type Played } from './beds.ts';
import { CORE_CASES } from './kill-cases.ts';

/** Twice what the busiest machine seen needed. */
const LIMIT_MS = 600_000;
/** I-12: nobody waits longer than this for a lost worker; here leases are short, and it must be far less. */
const TAKE_OVER_MS = 20_000;

const binaries = await findServerBinaries();

describe.skipIf(binaries === null)('kill -9', () => {
  const played = new Map<string, Played>();
  beforeAll(async () => {
    await playCases(binaries ?? '', CORE_CASES, 2, (each) => void played.set(each.each.slug, each));
  }, LIMIT_MS);

  it.each(CORE_CASES)('at $boundary of $victim, a step that is $kind: nothing is lost, nothing is done twice', ({ slug, victim }) => {
    const result = played.get(slug)?.result;
    expect(result).toMatchObject({ state: 'succeeded', breaches: [] });
    if (victim === 'worker') expect(result?.takenOverMs ?? 0).toBeLessThan(TAKE_OVER_MS);
  }); // prettier-ignore
});
