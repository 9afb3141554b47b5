import { describe, expect, it } from 'vitest';
import type { Instance } from '../fleet/fleet.ts';
import { HOUR_MS, MINUTE_MS } from '../time/instant.ts';
import {
  planSampleFleet as plan,
  tellDecision as told,
  vendorPolicy as vendor,
} from './plan-sample-fleet.ts';
import {
  SAMPLE_NOW,
  SAMPLE_WINDOW,
  sampleFreeze,
  sampleHold,
  sampleInstance,
  samplePin,
  samplePlacement,
  sampleRelease,
  sampleUpgrade,
} from './sample-fleet.ts';
import type { FleetSnapshot } from './snapshot.ts';

function night(
  instances: readonly Instance[],
  changes: Partial<FleetSnapshot> = {},
): Readonly<Record<string, string>> {
  return Object.fromEntries(plan(instances, changes).map((one) => [one.instanceId.slice(5), told(one)]));
}

const OLD = sampleInstance('north-live', '5.0');
const withdrawn = { at: SAMPLE_NOW, by: 'mia', reason: 'loses orders' };

describe('stages before live (P28)', () => {
  const P28 = vendor({ key: 'P28', value: ['uat'], role: 'live' });
  const uat = sampleInstance('north-uat', '5.0');
  const rows: readonly [string, readonly Instance[], Partial<FleetSnapshot>, string][] = [
    ['uat has its upgrade to come', [uat], {}, 'wait stage-pending differs-from-target stages'],
    ['uat is done', [sampleInstance('north-uat', '5.2')], {}, 'start differs-from-target stages'],
    [
      'uat is done but its upgrade is still open',
      [sampleInstance('north-uat', '5.2')],
      { upgrades: [sampleUpgrade('north-uat')] },
      'wait stage-pending differs-from-target stages',
    ],
    [
      'uat failed with the same release',
      [uat],
      { holds: [sampleHold('north-uat')] },
      'hold stage-failed differs-from-target stages',
    ],
    [
      'uat failed with another release',
      [{ ...uat, target: { kind: 'channel', channel: 'alpha' } }],
      { holds: [sampleHold('north-uat', { releaseId: 'rel_5.3' })] },
      'start differs-from-target stages',
    ],
    [
      'uat is pinned where it is',
      [uat],
      { pins: [samplePin('north-uat', '5.0')] },
      'start differs-from-target stages',
    ],
    [
      'uat is frozen',
      [uat],
      { freezes: [sampleFreeze({ scope: { kind: 'instance', instanceId: 'inst_north-uat' } })] },
      'hold stage-pending differs-from-target stages',
    ],
    [
      'uat was never seen',
      [sampleInstance('north-uat', null)],
      {},
      'hold stage-pending differs-from-target stages',
    ],
    ['uat is ahead', [sampleInstance('north-uat', '5.3')], {}, 'start differs-from-target stages'],
    ['there is no uat', [], {}, 'start differs-from-target stages'],
    [
      'only the uat of another customer is behind',
      [sampleInstance('east-uat', '5.0')],
      {},
      'start differs-from-target stages',
    ],
    [
      'only a role that is not listed is behind',
      [sampleInstance('north-test', '5.0')],
      {},
      'start differs-from-target stages',
    ],
  ];

  it.each(rows)('live, when %s', (_name, others, changes, expected) => {
    expect(night([OLD, ...others], { ...P28, ...changes })['north-live']).toBe(expected);
  });

  it('without the policy nobody waits', () => {
    expect(night([OLD, uat])).toEqual({
      'north-live': 'start differs-from-target',
      'north-uat': 'start differs-from-target',
    });
  });

  it('an emergency may skip the stages by policy, a list that cannot be read stops live', () => {
    const releases = [sampleRelease('5.2', { kind: 'emergency' })];
    const skip = vendor(
      { key: 'P28', value: ['uat'], role: 'live' },
      { key: 'P28', value: [], kind: 'emergency' },
    );
    expect(night([OLD, uat], { ...skip, releases })['north-live']).toBe('start differs-from-target');
    const broken = vendor({ key: 'P28', value: ['uta'] });
    expect(night([OLD, uat], broken)['north-live']).toBe('hold policy-unreadable differs-from-target');
  });
});

describe('the whole night', () => {
  const fleet = ['b-live', 'a-live', 'b-uat', 'a-uat', 'c-test'].map((slug) => sampleInstance(slug, '5.0'));

  it('starts non-production before live, then by customer; who finds no capacity waits', () => {
    expect(night(fleet, { upgradesAtOnce: 4, upgrades: [sampleUpgrade('d-live')] })).toEqual({
      'a-uat': 'start differs-from-target',
      'b-uat': 'start differs-from-target',
      'c-test': 'start differs-from-target',
      'a-live': 'wait capacity-full differs-from-target',
      'b-live': 'wait capacity-full differs-from-target',
    });
    expect(plan(fleet).map((one) => one.instanceId.slice(5))).toEqual([
      'a-uat',
      'b-uat',
      'c-test',
      'a-live',
      'b-live',
    ]);
  });

  it('three of five differ, exactly three start, none again at once, and a preview listed the same three (C5)', () => {
    const five = fleet.map((one, index) => (index < 2 ? sampleInstance(one.slug, '5.2') : one));
    const startsAt = SAMPLE_NOW - 30 * MINUTE_MS;
    const preview = plan(five, { now: SAMPLE_NOW - 8 * HOUR_MS }, startsAt).filter(
      (one) => one.verdict === 'start',
    );
    const evening = plan(five, { now: SAMPLE_NOW - 8 * HOUR_MS }).filter((one) => one.startsAt === startsAt);
    const starts = plan(five, { now: startsAt }).filter((one) => one.verdict === 'start');
    expect(starts).toHaveLength(3);
    expect(preview).toEqual(starts);
    expect(evening.map((one) => one.instanceId)).toEqual(starts.map((one) => one.instanceId));
    const upgrades = starts.map((one) => sampleUpgrade(one.instanceId.slice(5), { phase: 'planned' }));
    expect(plan(five, { now: startsAt, upgrades }).filter((one) => one.verdict === 'start')).toEqual([]);
  });

  it('a release that was withdrawn at 01:55 starts nowhere at 02:00 (E25)', () => {
    const releases = [sampleRelease('5.2', { withdrawn }), sampleRelease('5.0')];
    const now = SAMPLE_NOW - 30 * MINUTE_MS;
    expect(plan(fleet, { releases }, now).map((one) => one.verdict)).toEqual(Array(5).fill('up-to-date'));
  });

  it('only the pinned customer gets the early fix (C7)', () => {
    const placed = { pins: [samplePin('a-live', '5.2.1')], placements: [samplePlacement('5.0', 'release')] };
    expect(night(fleet, placed)).toMatchObject({
      'a-live': 'start differs-from-target pinned',
      'a-uat': 'up-to-date at-target',
      'b-live': 'up-to-date at-target',
    });
  });

  it('each site starts in its own night', () => {
    const zones = ['Asia/Tokyo', 'Europe/Amsterdam', 'America/New_York'];
    const sites = zones.map((zone, index) => sampleInstance(`c${index}-live`, '5.0', { zone }));
    const starts = plan(sites, { windows: [{ ...SAMPLE_WINDOW, start: '02:30', cutOffMs: 0 }] });
    expect(starts.map((one) => (one.startsAt ?? 0) - SAMPLE_NOW)).toEqual([16 * HOUR_MS, 0, 6 * HOUR_MS]);
  });
});
