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

interface Took {
  readonly wallMs: number;
  /** Of all threads of this process, garbage collection included: what stays comparable on a machine that is not idle. */
  readonly cpuMs: number;
}

function took(work: () => void): Took {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  work();
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs, cpuMs: (user + system) / 1000 };
}

function measure(size: number, runs: number): readonly Figure[] {
  const planned: Took[] = [];
  const checked: Took[] = [];
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
  const figure = (metric: string, values: readonly number[], more = ''): Figure => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const note = `median of ${runs}: ${least.toFixed(0)} to ${most.toFixed(0)}${more}`;
    return { metric, value: median(values), unit: 'ms', note };
  };
  const wall = (all: readonly Took[]): readonly number[] => all.map((one) => one.wallMs);
  const cpu = (all: readonly Took[]): readonly number[] => all.map((one) => one.cpuMs);
  return [
    figure(`plan-${size}-ms`, wall(planned), `; ${verdicts}`),
    figure(`plan-${size}-cpu-ms`, cpu(planned)),
    figure(`check-${size}-ms`, wall(checked)),
  ];
}

export const benchPlanner: Bench = async (options) => {
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
