/** The plan says where a version is rehearsed before live gets it (C2): with the roles that the customer has, and no others. */
import { describe, expect, it } from 'vitest';
import type { Instance } from '../fleet/fleet.ts';
import {
  planSampleFleet as plan,
  tellDecision as told,
  vendorPolicy as vendor,
} from './plan-sample-fleet.ts';
import { sampleHold, sampleInstance as site, samplePin } from './sample-fleet.ts';
import type { FleetSnapshot } from './snapshot.ts';

const P28 = vendor({ key: 'P28', value: ['validation', 'test', 'uat'], role: 'live' });
const UAT_ONLY = vendor({ key: 'P28', value: ['uat'], role: 'live' });

function liveOf(
  customer: string,
  instances: readonly Instance[],
  changes: Partial<FleetSnapshot>,
): readonly [verdict: string, stages: string | undefined] {
  const decision = plan(instances, changes).find((one) => one.instanceId === `inst_${customer}-live`);
  if (decision === undefined) throw new Error(`${customer} has no live instance`);
  return [told(decision), decision.reasons.find(({ code }) => code === 'stages')?.detail];
}

describe('what the plan of a live instance says of its stages', () => {
  const P = [site('p-live', '5.0'), site('p-uat', '5.2')];
  const Q = [site('q-live', '5.0'), site('q-test', '5.2'), site('q-validation', '5.2')];
  const START = 'start differs-from-target stages';

  it('P has live and uat, Q has live, test and validation: each by the roles that it has', () => {
    const fleet = [...P, ...Q];
    expect(liveOf('p', fleet, P28)).toEqual([
      START,
      'p-uat (uat) already runs 5.2; it has none of validation, test',
    ]);
    expect(liveOf('q', fleet, P28)).toEqual([
      START,
      'q-validation (validation) already runs 5.2; q-test (test) already runs 5.2; it has no uat',
    ]);
  });

  it('nobody rehearses on the instance of another customer, or on one of a role that is not listed', () => {
    const fleet = [...P, ...Q];
    expect(liveOf('q', fleet, UAT_ONLY)).toEqual([START, 'it has no uat: nothing rehearses 5.2']);
  });

  const live = site('p-live', '5.0');
  const uat = site('p-uat', '5.0');
  // prettier-ignore
  const rows: readonly [string, readonly Instance[], Partial<FleetSnapshot>, string, string | undefined][] = [
    ['has to come first', [uat], {}, 'wait stage-pending differs-from-target stages', 'it follows p-uat (uat); it has none of validation, test'],
    ['failed with it', [uat], { holds: [sampleHold('p-uat')] }, 'hold stage-failed differs-from-target stages', 'it follows p-uat (uat); it has none of validation, test'],
    ['is pinned below it', [uat], { pins: [samplePin('p-uat', '5.0')] }, START, 'p-uat (uat) stays on 5.0 and does not rehearse 5.2; it has none of validation, test'],
    ['is past it', [site('p-uat', '5.3')], {}, START, 'p-uat (uat) is past 5.2 with 5.3; it has none of validation, test'],
    ['was never seen and wants another', [site('p-uat', null, { target: { kind: 'channel', channel: 'alpha' } })], {}, START, 'what p-uat (uat) runs is not known, so it rehearses nothing; it has none of validation, test'],
    ['is not there', [], {}, START, 'it has none of validation, test, uat: nothing rehearses 5.2'],
    ['writes its version in another way', [site('p-uat', '5.2.0')], {}, START, 'p-uat (uat) already runs 5.2; it has none of validation, test'],
  ];
  it.each(rows)('when its uat %s', (_name, others, changes, decision, stages) => {
    expect(liveOf('p', [live, ...others], { ...P28, ...changes })).toEqual([decision, stages]);
  });

  it('two of one role are both named', () => {
    const [first, second] = [
      site('p-uat', '5.2'),
      site('p-uat', '5.2', { id: 'inst_p-uat2', slug: 'p-uat2' }),
    ];
    expect(liveOf('p', [live, first, second], UAT_ONLY)[1]).toBe(
      'p-uat (uat) already runs 5.2; p-uat2 (uat) already runs 5.2',
    );
  });

  it('nothing is said without the policy, of what is up to date, and of what is not live', () => {
    expect(liveOf('p', P, {})).toEqual(['start differs-from-target', undefined]);
    expect(liveOf('p', [site('p-live', '5.2'), uat], P28)).toEqual(['up-to-date at-target', undefined]);
    const [first] = plan([live, uat], P28);
    expect(first && [first.instanceId, told(first)]).toEqual(['inst_p-uat', 'start differs-from-target']);
  });
});
