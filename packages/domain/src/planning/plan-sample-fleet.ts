/** For the tests of the planner: a sample fleet planned, with the second opinion asked every time. */
import type { Instance } from '../fleet/fleet.ts';
import type { PolicyEntry } from '../policy/policy.ts';
import type { EpochMs } from '../time/instant.ts';
import { checkPlan } from './check-plan.ts';
import type { Decision } from './decision.ts';
import { planNight } from './plan-night.ts';
import { sampleFleet } from './sample-fleet.ts';
import type { FleetSnapshot } from './snapshot.ts';

/** Throws when the second opinion has any note. */
export function planSampleFleet(
  instances: readonly Instance[],
  changes: Partial<FleetSnapshot> = {},
  now?: EpochMs,
): readonly Decision[] {
  const snapshot = sampleFleet(instances, changes);
  const night = planNight(snapshot, now);
  const notes = checkPlan(snapshot, night);
  if (notes.length > 0) throw new Error(notes.map((note) => note.text).join('\n'));
  return night.decisions;
}

/** `start differs-from-target`: the verdict, then the code of each reason. */
export function tellDecision(decision: Decision): string {
  return [decision.verdict, ...decision.reasons.map((one) => one.code)].join(' ');
}

export function vendorPolicy(
  ...entries: readonly (Pick<PolicyEntry, 'key' | 'value'> & Partial<PolicyEntry>)[]
): Pick<FleetSnapshot, 'policy'> {
  const vendor = entries.map((entry) => ({ role: null, kind: null, final: false, ...entry }));
  return { policy: { vendor, customers: new Map(), instances: new Map() } };
}
