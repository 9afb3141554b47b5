/**
 * The Yard bites: with any one guard out it finds a broken promise within a bounded number of seeds. Where a guard stands twice,
 * one copy out changes nothing and both out are found. The figures are in `docs/simulation.md`.
 */
import { describe, expect, it } from 'vitest';
import { GUARDS, HINTS, together, TWOFOLD_GUARDS, type Sabotage } from './sabotage.ts';
import { runYard } from './yard.ts';

/** A guard that is out is missed by then; the slowest took 791 (docs/simulation.md). */
const FOUND_WITHIN = 2_500;
/** Worlds in which one copy of a guard, or a mere hint, is missed by nobody. */
const CLEAN_SEEDS = 60;

async function firstBreach(sabotage: Sabotage, seeds: number): Promise<string | null> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const [breach] = (await runYard({ seed, sabotage })).breaches;
    if (breach !== undefined) return `${breach.rule}: ${breach.text}`;
  }
  return null;
}

describe('a guard that is out is missed', () => {
  it.each(GUARDS.map((guard) => [guard.rule, guard.name, guard] as const))(
    '%s: %s',
    async (_rule, _name, { without }) => {
      expect(await firstBreach(without, FOUND_WITHIN)).not.toBeNull();
    },
    120_000,
  );
});

describe('a guard that stands twice', () => {
  it.each(TWOFOLD_GUARDS.map((guard) => [guard.name, guard] as const))(
    '%s: one copy holds alone, without both it is missed',
    async (_name, { decision, transaction }) => {
      expect(await firstBreach(decision, CLEAN_SEEDS)).toBeNull();
      expect(await firstBreach(transaction, CLEAN_SEEDS)).toBeNull();
      expect(await firstBreach(together(decision, transaction), CLEAN_SEEDS)).not.toBeNull();
    },
    120_000,
  );
});

describe('a hint is only a hint', () => {
  it.each(HINTS.map((hint) => [hint.name, hint] as const))(
    '%s: without it everything still holds',
    async (_name, { without }) => {
      expect(await firstBreach(without, CLEAN_SEEDS)).toBeNull();
    },
    120_000,
  );
});
