/**
 * `node test/simulation/replay.ts --seed S [--whole]`: plays one seed; when it breaks a promise prints what is left of its faults
 * and how it came to that (`--whole`: every entry, unshrunk). `--count N` plays N seeds from S on and says which broke what.
 */
import { parseArgs } from 'node:util';
import { EPOCH } from './event-loop.ts';
import { faultText } from './faults.ts';
import { explain, shrink } from './shrink.ts';
import { entryText } from './world-log.ts';
import { runYard } from './yard.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string' },
    whole: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function playMany(count: number): Promise<void> {
  const beganAt = performance.now();
  const ends = new Map<string, number>();
  const broken = new Map<string, number[]>();
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await runYard({ seed });
    for (const end of Object.values(result.ends)) ends.set(end, (ends.get(end) ?? 0) + 1);
    const [breach] = result.breaches;
    if (breach === undefined) continue;
    const key = `${breach.rule}: ${breach.text.replaceAll(/\d+/g, 'N')}`;
    broken.set(key, [...(broken.get(key) ?? []), seed]);
  }
  print(JSON.stringify(Object.fromEntries(ends)));
  for (const [what, seeds] of broken) print(`${what} [seeds ${seeds.join(' ')}]`);
  print(`${((count * 1_000) / (performance.now() - beganAt)).toFixed(0)} seeds per second`);
  if (broken.size > 0) process.exitCode = 1;
}

if (values.count !== undefined) await playMany(Number(values.count));
else {
  const options = { seed: first };
  const result = await runYard({ ...options, keepLog: true });
  if (values.whole || result.breaches.length === 0) {
    for (const entry of result.log) print(entryText(entry, EPOCH));
    for (const fault of result.faults) print(faultText(fault));
    print(JSON.stringify(result.ends));
  }
  if (result.breaches.length > 0) {
    print(explain(await shrink(options, result)));
    process.exitCode = 1;
  }
}
