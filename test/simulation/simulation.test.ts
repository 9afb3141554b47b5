/** The Yard, a fixed number of seeds: every promise holds in each, and a seed is a trace. */
import { describe, expect, it } from 'vitest';
import { explain, shrink } from './shrink.ts';
import { GUARDS } from './sabotage.ts';
import { runYard } from './yard.ts';
import type { YardOptions } from './yard-options.ts';

/** Seconds that this file may take on two shared cores, and what one of them plays there at the least. */
const BUDGET_SECONDS = 18;
const SEEDS_PER_SECOND = 70;
const SEEDS = BUDGET_SECONDS * SEEDS_PER_SECOND;
/** Played in portions, so that a red one is told before all are done. */
const PORTION = SEEDS / 6;

async function firstBroken(
  from: number,
  count: number,
  options: Partial<YardOptions> = {},
): Promise<string | null> {
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await runYard({ ...options, seed });
    if (result.breaches.length > 0) return explain(await shrink({ ...options, seed }, result));
  }
  return null;
}

describe('the Yard', () => {
  it.each(Array.from({ length: SEEDS / PORTION }, (_, index) => 1 + index * PORTION))(
    `keeps every promise in ${PORTION} worlds from seed %i on`,
    async (from) => {
      expect(await firstBroken(from, PORTION)).toBeNull();
    },
    120_000,
  );

  it('repeats a seed event by event', async () => {
    for (const seed of [3, 14, 159]) {
      const [once, again] = [await runYard({ seed, keepLog: true }), await runYard({ seed, keepLog: true })];
      expect(again.log).toEqual(once.log);
      expect(again.events).toBe(once.events);
    }
  });

  it('reaches every end: succeeded, rolled back, cancelled, recovered, waiting for a person', async () => {
    const ends = new Set<string>();
    for (let seed = 1; seed <= 150; seed += 1) {
      for (const end of Object.values((await runYard({ seed })).ends)) ends.add(end);
    }
    expect([...ends].toSorted()).toEqual(
      expect.arrayContaining(['cancelled', 'recovered', 'rolled-back', 'succeeded', 'waiting']),
    );
  });

  it('tells a broken promise with the faults that it needs and no other', async () => {
    const guard = GUARDS.find(({ name }) => name === 'a pause stops the run');
    if (guard === undefined) throw new Error('no such guard');
    const text = await firstBroken(1, 50, { sabotage: guard.without });
    expect(text).toMatch(/^yard --seed \d+/);
    expect(text).toContain('BROKEN I-10');
    const faults = /faults that it needs: \n((?: {2}- .*\n)+)/
      .exec(text ?? '')?.[1]
      ?.trim()
      .split('\n');
    expect(faults).toHaveLength(1);
  });
});
