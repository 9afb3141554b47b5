/** `node test/simulation/replay.ts --seed S`: plays one seed, prints its trace and, when it breaks a rule, what is left of its faults. */
import { parseArgs } from 'node:util';
import { EPOCH } from './event-loop.ts';
import { faultText } from './faults.ts';
import { entryText } from './world-log.ts';
import { runYard } from './yard.ts';

const { values } = parseArgs({ options: { seed: { type: 'string' }, count: { type: 'string' } } });
const first = Number(values.seed ?? 1);
if (values.count !== undefined) {
  const began = performance.now();
  const ends = new Map<string, number>();
  const rules = new Map<string, number[]>();
  for (let seed = first; seed < first + Number(values.count); seed += 1) {
    const result = await runYard({ seed });
    for (const end of Object.values(result.ends)) ends.set(end, (ends.get(end) ?? 0) + 1);
    for (const { rule, text } of result.breaches.slice(0, 1)) {
      const key = `${rule}: ${text.replaceAll(/\d+/g, 'N')}`;
      rules.set(key, [...(rules.get(key) ?? []), seed]);
    }
  }
  console.log(ends);
  for (const [rule, seeds] of [...rules].toSorted((a, b) => b[1].length - a[1].length))
    console.log(seeds.length, rule, seeds.slice(0, 5));
  console.log(`${((Number(values.count) * 1000) / (performance.now() - began)).toFixed(0)} seeds/s`);
} else {
  const result = await runYard({ seed: first, keepLog: true });
  for (const entry of result.log) console.log(entryText(entry, EPOCH));
  for (const fault of result.faults) console.log(faultText(fault));
  console.log(result.breaches, result.ends);
}
