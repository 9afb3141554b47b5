/**
 * Judges a world by its log: what receivers did, rows as they were committed, the calendar. Separate code on purpose: it shares
 * no function with the engine or its core, so a rule that is wrong there is not wrong here in the same way (reliability, Test
 * design 5). One breach is enough; the world stops at it.
 */
import { checkEnds } from './check-ends.ts';
import { checkJournals } from './check-journals.ts';
import { checkSites } from './check-sites.ts';
import { checkStarts } from './check-starts.ts';
import type { YardPlan } from './playbooks.ts';
import type { Entry } from './world-log.ts';

export interface Breach {
  /** `I-3`, `semantics 14`: where the promise stands. */
  readonly rule: string;
  readonly text: string;
  readonly at: number;
}

/** Sees the entries in order; says a breach through `fail`. */
export interface Check {
  readonly see: (entry: Entry) => void;
}

export type Fail = (rule: string, text: string) => void;

/** What a check knows of a run beforehand: the plan that people signed. `run_1` and `run_1b` share one. */
export type PlanOf = (run: string) => YardPlan;

export interface Checker extends Check {
  readonly breaches: Breach[];
}

export function createChecker(plans: readonly YardPlan[]): Checker {
  const breaches: Breach[] = [];
  let at = 0;
  const fail: Fail = (rule, text) => {
    breaches.push({ rule, text, at });
  };
  const planOf: PlanOf = (run) => {
    const found = plans[Number(/\d+/.exec(run)?.[0]) - 1];
    if (found === undefined) throw new Error(`the log speaks of ${run}`);
    return found;
  };
  const checks = [
    checkSites(planOf, fail),
    checkJournals(planOf, fail),
    checkStarts(planOf, fail),
    checkEnds(planOf, fail),
  ];
  return {
    breaches,
    see: (entry) => {
      ({ at } = entry);
      for (const check of checks) check.see(entry);
    },
  };
}
