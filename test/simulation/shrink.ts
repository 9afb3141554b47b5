/** Drops faults from a failing seed, one at a time, as long as the same rule stays broken; what is left is the story to tell. */
import { EPOCH } from './event-loop.ts';
import { faultText, type Fault } from './faults.ts';
import { entryText } from './world-log.ts';
import { runYard } from './yard.ts';
import type { YardOptions, YardResult } from './yard-options.ts';

/** The same breach with as few faults as it needs. */
export async function shrink(options: YardOptions, failed: YardResult): Promise<YardResult> {
  const rule = failed.breaches[0]?.rule;
  let best = failed;
  let faults: readonly Fault[] = failed.faults;
  for (let shorter = true; shorter;) {
    shorter = false;
    for (let index = 0; index < faults.length; index += 1) {
      const fewer = faults.toSpliced(index, 1);
      const result = await runYard({ ...options, faults: fewer });
      if (result.breaches[0]?.rule !== rule) continue;
      best = result;
      faults = fewer;
      shorter = true;
      break;
    }
  }
  return runYard({ ...options, faults: best.faults, keepLog: true });
}

/** The last entries are what a person reads first; the whole trace is one command away. */
const LAST_ENTRIES = 60;

/** How to see it again, what is left of the faults, which promise was broken, and how it came to that. */
export function explain(result: YardResult): string {
  const log = result.log.filter(({ kind }) => kind !== 'written');
  return [
    `yard --seed ${result.seed}   (node test/simulation/replay.ts --seed ${result.seed})`,
    ...result.breaches.map(({ rule, text }) => `BROKEN ${rule}: ${text}`),
    `faults that it needs: ${result.faults.length === 0 ? 'none' : ''}`,
    ...result.faults.map((fault) => `  - ${faultText(fault)}`),
    ...(log.length > LAST_ENTRIES ? [`… ${log.length - LAST_ENTRIES} entries before`] : []),
    ...log.slice(-LAST_ENTRIES).map((entry) => entryText(entry, EPOCH)),
  ].join('\n');
}
