import { describe, expect, it } from 'vitest';
import { planNight } from './plan-night.ts';
import type { KnownBadPair } from './known-bad-pair.ts';
import { SAMPLE_NOW, sampleFleet, sampleInstance } from './sample-fleet.ts';

const PAIR: KnownBadPair = {
  instanceId: 'inst_north-live',
  fromVersion: '5.0',
  releaseId: 'rel_5.2',
  reason: 'the write check failed',
  sinceAt: SAMPLE_NOW - 86_400_000,
  holdId: 'hold_1',
};
const OLD = sampleInstance('north-live', '5.0');

describe('a pair that is known to be bad', () => {
  it.each<[string, Partial<KnownBadPair>, typeof OLD, string]>([
    ['the same pair', {}, OLD, 'hold known-bad-pair differs-from-target'],
    [
      'the same version in other words',
      { fromVersion: '5.0.0' },
      OLD,
      'hold known-bad-pair differs-from-target',
    ],
    ['another instance', { instanceId: 'inst_east-live' }, OLD, 'start differs-from-target'],
    ['another release', { releaseId: 'rel_5.3' }, OLD, 'start differs-from-target'],
    ['another version to come from', { fromVersion: '4.9' }, OLD, 'start differs-from-target'],
    ['an instance that is there already', {}, sampleInstance('north-live', '5.2'), 'up-to-date at-target'],
  ])('%s', (_, change, instance, expected) => {
    const snapshot = { ...sampleFleet([instance]), badPairs: [{ ...PAIR, ...change }] };
    const [decision] = planNight(snapshot).decisions;
    expect([decision?.verdict, ...(decision?.reasons.map(({ code }) => code) ?? [])].join(' ')).toBe(
      expected,
    );
  });

  it('says why, since when, and who clears it how', () => {
    const [decision] = planNight({ ...sampleFleet([OLD]), badPairs: [PAIR] }).decisions;
    const [reason] = decision?.reasons ?? [];
    expect(reason?.detail).toBe(
      'from 5.0 to 5.2 by this very playbook was taken back Wed 2026-11-25 02:30 Europe/Amsterdam: the write check failed; no night tries the same again',
    );
    expect(reason?.clearedBy).toMatch(/sitelift clear-hold hold_1 --try-again/);
  });
});
