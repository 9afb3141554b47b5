/**
 * How many worlds of the Yard (`test/simulation`) one core plays in a second, checkers included. `--seeds` (1000), from seed
 * `--from` (1). `--sabotage` instead: how many seeds each guard's absence takes to be found, the figures of docs/simulation.md.
 */
import { GUARDS, together, TWOFOLD_GUARDS, type Sabotage } from '../test/simulation/sabotage.ts';
import { runYard } from '../test/simulation/yard.ts';
import { median, numberOption, type Bench, type Figure } from './figure.ts';

/** A guard that is not missed by then is reported as the limit. */
const SABOTAGE_LIMIT = 2_000;
/** The search begins at these seeds; the median of what they take is told. */
const STARTS = [1, 100_001, 200_001] as const;

async function seedsUntilFound(sabotage: Sabotage, from: number): Promise<number> {
  for (let seed = from; seed < from + SABOTAGE_LIMIT; seed += 1) {
    if ((await runYard({ seed, sabotage })).breaches.length > 0) return seed - from + 1;
  }
  return SABOTAGE_LIMIT;
}

async function benchSabotage(): Promise<readonly Figure[]> {
  const all = [
    ...GUARDS.map(({ name, without }) => [name, without] as const),
    ...TWOFOLD_GUARDS.map((guard) => [guard.name, together(guard.decision, guard.transaction)] as const),
  ];
  const figures: Figure[] = [];
  for (const [name, sabotage] of all) {
    const took: number[] = [];
    for (const from of STARTS) took.push(await seedsUntilFound(sabotage, from));
    const metric = `${name.replaceAll(/[^a-z]+/gi, '-')}-seeds`;
    figures.push({ metric, value: median(took), unit: 'seeds', note: took.join(', ') });
  }
  return figures;
}

export const benchYard: Bench = async (options) => {
  if (options.has('sabotage')) return benchSabotage();
  const seeds = numberOption(options, 'seeds', 1_000);
  const from = numberOption(options, 'from', 1);
  const cpuBefore = process.cpuUsage();
  const beganAt = performance.now();
  const broken: number[] = [];
  let runs = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { breaches, ends } = await runYard({ seed });
    runs += Object.keys(ends).length;
    if (breaches.length > 0) broken.push(seed);
  }
  const seconds = (performance.now() - beganAt) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const note = broken.length === 0 ? 'no promise broken' : `BROKEN in seeds ${broken.join(' ')}`;
  return [
    { metric: 'yard-seeds-per-second', value: seeds / seconds, unit: '1/s', note },
    { metric: 'yard-runs-per-second', value: runs / seconds, unit: '1/s' },
    { metric: 'yard-cpu-ms-per-seed', value: (user + system) / 1_000 / seeds, unit: 'ms' },
    { metric: 'yard-broken-seeds', value: broken.length, unit: 'seeds' },
  ];
};
