/**
 * How long the planner takes over 10,000 and 100,000 instances, indexing included, and its second opinion after it. Median of
 * `--runs` (5), each over a fleet of its own seed, so that nothing remembered from the run before makes it look fast; the
 * first run is cold and counts like any other.
 */
import { checkPlan } from '@sitelift/domain/planning/check-plan.ts';
import { planNight } from '@sitelift/domain/planning/plan-night.ts';
import { median, numberOption, type Bench, type Figure } from './figure.ts';
import { generateFleet } from './generate-fleet.ts';

const SIZES = [10_000, 100_000] as const;
const MIB = 2 ** 20;

function took(work: () => void): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}

function measure(size: number, runs: number): readonly Figure[] {
  const planned: number[] = [];
  const checked: number[] = [];
  let verdicts = '';
  for (let seed = 1; seed <= runs; seed += 1) {
    const fleet = generateFleet(size, seed);
    let plan = planNight({ ...fleet, instances: [] });
    planned.push(took(() => (plan = planNight(fleet))));
    let notes: ReturnType<typeof checkPlan> = [];
    checked.push(took(() => (notes = checkPlan(fleet, plan))));
    if (notes.length > 0) throw new Error(`the second opinion refuses a plan: ${notes[0]?.text ?? ''}`);
    const counts = new Map<string, number>();
    for (const { verdict } of plan.decisions) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    verdicts = [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(', ');
  }
  const spread = (values: readonly number[]): string =>
    `median of ${runs}: ${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
  return [
    {
      metric: `plan-${size}-ms`,
      value: median(planned),
      unit: 'ms',
      note: `${spread(planned)}; ${verdicts}`,
    },
    { metric: `check-${size}-ms`, value: median(checked), unit: 'ms', note: spread(checked) },
  ];
}

export const bench: Bench = async (options) => {
  const runs = numberOption(options, 'runs', 5);
  const figures = SIZES.flatMap((size) => measure(size, runs));
  return [
    ...figures,
    {
      metric: 'rss-mib',
      value: process.memoryUsage().rss / MIB,
      unit: 'MiB',
      note: 'with the last fleet and its plan in memory',
    },
  ];
};
