/** What a world is made from, and what comes of it. */
import type { Breach } from './checker.ts';
import { createDice, type Dice } from './dice.ts';
import { drawFaults, type Fault } from './faults.ts';
import type { Sabotage } from './sabotage.ts';
import type { Entry } from './world-log.ts';

export interface YardOptions {
  readonly seed: number;
  /** Instead of the seed's own faults: what shrinking leaves of them. */
  readonly faults?: readonly Fault[];
  readonly sabotage?: Sabotage;
  /** Keeps every entry of the log, for a trace. */
  readonly keepLog?: boolean;
}

export interface YardResult {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly breaches: readonly Breach[];
  readonly log: readonly Entry[];
  /** Events of the loop and entries of the log: what the same seed must repeat. */
  readonly events: number;
  readonly ends: Readonly<Record<string, string>>;
}

/** What goes wrong in the world of a seed. */
export function faultsOf(seed: number): readonly Fault[] {
  return drawFaults(createDice(seed).fork('faults'), workersOf(createDice(seed)));
}

/** How many worker processes a world has. */
export function workersOf(dice: Dice): number {
  return dice.fork('workers').whole(2, 3);
}
