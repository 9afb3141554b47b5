/**
 * `npm run bench -- <name> [--option value]`: runs one bench, prints a table for people and, last, one JSON line per figure.
 * A bench is no test: nothing here passes or fails. The figures are kept beside the commit that they speak of.
 */
import os from 'node:os';
import { parseOptions } from './options.ts';
import type { Bench, Figure } from './figure.ts';

/** Name, how it is loaded, what it measures. Loaded only when asked for: one bench must not need what another one does. */
const BENCHES: readonly (readonly [name: string, load: () => Promise<Bench>, what: string])[] = [
  [
    'planner',
    async () => (await import('./planner.ts')).benchPlanner,
    'planNight and checkPlan over generated fleets',
  ],
  [
    'dispatcher',
    async () => (await import('./dispatcher.ts')).benchDispatcher,
    'wake-up latency, idle cost and take-over of the queue library',
  ],
  [
    'yard',
    async () => (await import('./yard.ts')).benchYard,
    'worlds of the simulation played and judged in a second',
  ],
];

function usage(): string {
  const width = Math.max(...BENCHES.map(([name]) => name.length));
  return ['usage: npm run bench -- <name> [--option value]', '']
    .concat(BENCHES.map(([name, , what]) => `  ${name.padEnd(width)}  ${what}`))
    .join('\n');
}

function printTable(name: string, figures: readonly Figure[]): void {
  const [cpu] = os.cpus();
  const { node } = process.versions;
  console.log(
    `${name}: ${os.availableParallelism()} cores (${cpu?.model.trim() ?? 'unknown'}), Node ${node}\n`,
  );
  const rows = figures.map((one) => [
    one.metric,
    one.value.toFixed(one.value < 10 ? 2 : 0),
    one.unit,
    one.note ?? '',
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const [metric = '', value = '', unit = '', note = ''] of rows) {
    const cells = [
      metric.padEnd(widths[0] ?? 0),
      value.padStart(widths[1] ?? 0),
      unit.padEnd(widths[2] ?? 0),
      note,
    ];
    console.log(`  ${cells.join('  ').trimEnd()}`);
  }
  console.log();
}

const [wanted, ...rest] = process.argv.slice(2);
const found = BENCHES.find(([name]) => name === wanted);
if (found === undefined) {
  console.error(usage());
  process.exitCode = 2;
} else {
  const [name, load] = found;
  const bench = await load();
  const figures = await bench(parseOptions(rest));
  printTable(name, figures);
  for (const { metric, value } of figures) {
    console.log(JSON.stringify({ bench: name, metric, value: Math.round(value * 1000) / 1000 }));
  }
}
