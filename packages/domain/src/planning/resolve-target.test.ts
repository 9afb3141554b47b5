import { describe, expect, it } from 'vitest';
import type { Instance, Pin, Release } from '../fleet/fleet.ts';
import { DAY_MS } from '../time/instant.ts';
import { indexReleases, resolveTarget } from './resolve-target.ts';
import {
  SAMPLE_NOW,
  sampleFleet,
  sampleInstance,
  samplePin,
  samplePlacement,
  sampleRelease,
} from './sample-fleet.ts';
import type { FleetSnapshot } from './snapshot.ts';

const FLEET = sampleFleet([]);

function resolve(
  target: Instance['target'],
  changes: Partial<FleetSnapshot> = {},
  pin?: Pin,
  now = SAMPLE_NOW,
): string {
  const index = indexReleases({ ...FLEET, ...changes });
  const { choice } = resolveTarget(index, { ...sampleInstance('north-live', '5.0'), target }, pin, now);
  return choice.kind === 'found' ? choice.version : choice.code;
}

const onChannel = (channel: string): Instance['target'] => ({ kind: 'channel', channel });

function changed(version: string, changes: Partial<Release>): Partial<FleetSnapshot> {
  return { releases: FLEET.releases.map((one) => (one.version === version ? { ...one, ...changes } : one)) };
}

const WITHDRAWN = { at: SAMPLE_NOW, by: 'mia', reason: 'loses orders' };

describe('what a channel offers', () => {
  it.each([
    ['alpha', '5.3'],
    ['beta', '5.2'],
    ['release', '5.2'],
    ['stable', '5.0'],
    ['nightly', 'unknown-channel'],
  ])('%s offers %s (C6)', (channel, version) => {
    expect(resolve(onChannel(channel))).toBe(version);
  });

  it('with nothing stable yet, stable has no version', () => {
    const placements = FLEET.placements.filter((one) => one.channel !== 'stable');
    expect(resolve(onChannel('stable'), { placements })).toBe('no-version-in-channel');
  });

  it('stable stays what it is however long a build has been in release', () => {
    expect(resolve(onChannel('stable'), {}, undefined, SAMPLE_NOW + 4000 * DAY_MS)).toBe('5.0');
  });

  it('a withdrawn release is not offered; the channel falls back', () => {
    expect(resolve(onChannel('release'), changed('5.2', { withdrawn: WITHDRAWN }))).toBe('5.0');
  });

  it('a release whose smoke test failed is not offered, even where it lies (C14)', () => {
    expect(resolve(onChannel('alpha'), changed('5.3', { smokeTest: 'failed' }))).toBe('5.2');
  });

  it('of several in one channel the highest counts, not the one placed last', () => {
    const placements = [
      ...FLEET.placements,
      samplePlacement('5.2.1', 'release'),
      samplePlacement('4.9', 'release', 0),
    ];
    expect(resolve(onChannel('release'), { placements })).toBe('5.2.1');
  });

  it('a channel never offers less than one nearer to production', () => {
    const placements = [...FLEET.placements, samplePlacement('5.2.1', 'stable')];
    expect(['alpha', 'beta', 'release', 'stable'].map((one) => resolve(onChannel(one), { placements }))).toEqual(
      ['5.3', '5.2.1', '5.2.1', '5.2.1'],
    ); // prettier-ignore
  });

  it('another product sees nothing of it', () => {
    const releases = [...FLEET.releases, sampleRelease('9.0', { id: 'rel_other', productId: 'prod_other' })];
    const placements = [
      ...FLEET.placements,
      { ...samplePlacement('9.0', 'release'), releaseId: 'rel_other' as const },
    ];
    expect(resolve(onChannel('release'), { releases, placements })).toBe('5.2');
    expect(resolve({ kind: 'version', version: '9.0' }, { releases })).toBe('unknown-version');
  });
});

describe('exact versions and pins', () => {
  it('an exact version is taken whether or not it lies in a channel', () => {
    expect(resolve({ kind: 'version', version: '4.9' })).toBe('4.9');
  });

  it.each<[string, Pin['ends'], string]>([
    ['stands without an end', { kind: 'never' }, '5.2.1'],
    ['stands before its end', { kind: 'at', at: SAMPLE_NOW + 1 }, '5.2.1'],
    ['ends at its instant', { kind: 'at', at: SAMPLE_NOW }, '5.2'],
    ['stands until the channel reaches it', { kind: 'channel-reaches', channel: 'release' }, '5.2.1'],
    ['ends when the channel is past it', { kind: 'channel-reaches', channel: 'alpha' }, '5.2'],
    ['stands when its channel is not known', { kind: 'channel-reaches', channel: 'gone' }, '5.2.1'],
  ])('a pin %s (C7, C8)', (_name, ends, version) => {
    expect(resolve(onChannel('release'), {}, samplePin('north-live', '5.2.1', { ends }))).toBe(version);
  });

  it('a pin ends when its channel offers exactly its version, and says so', () => {
    const pin = samplePin('north-live', '5.2', { ends: { kind: 'channel-reaches', channel: 'release' } });
    const target = resolveTarget(indexReleases(FLEET), sampleInstance('north-live', '5.0'), pin, SAMPLE_NOW);
    expect(target).toMatchObject({ pin: null, ended: { why: 'channel release has reached it with 5.2' } });
  });

  it('a pin at a version that nobody released is a problem, not a fall back to the channel', () => {
    expect(resolve(onChannel('release'), {}, samplePin('north-live', '6.6'))).toBe('unknown-version');
  });
});
