/** The two rules that only a crowd has, over the planner itself; 5.0 runs, the channel offers 5.2. */
import { describe, expect, it } from 'vitest';
import type { Instance } from '@sitelift/domain/fleet/fleet.ts';
import { planNight } from '@sitelift/domain/planning/plan-night.ts';
import {
  SAMPLE_NOW,
  sampleFleet,
  sampleFreeze,
  sampleHold,
  sampleInstance,
  samplePin,
  sampleRelease,
  sampleUpgrade,
} from '@sitelift/domain/planning/sample-fleet.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';
import { DAY_MS } from '@sitelift/domain/time/instant.ts';
import type { PersonalWish } from './personal-upgrade.ts';
import { decideSelection, type SelectedUpgrade } from './upgrade-selection.ts';

const NORTH = [sampleInstance('north-live', '5.0'), sampleInstance('north-uat', '5.0')];
const WISH: PersonalWish = { version: null, anyTime: false };
const P28: Partial<FleetSnapshot> = {
  policy: {
    vendor: [{ key: 'P28', role: 'live', kind: null, value: ['uat'], final: false }],
    customers: new Map(),
    instances: new Map(),
  },
};

function decide(
  instances: readonly Instance[],
  changes: Partial<FleetSnapshot> = {},
  wish: Partial<PersonalWish> = {},
  chosen: readonly Instance[] = instances,
): readonly SelectedUpgrade[] {
  const snapshot = sampleFleet(instances, changes);
  return decideSelection(snapshot, planNight, chosen, { ...WISH, ...wish });
}

function told(items: readonly SelectedUpgrade[]): readonly string[] {
  return items.map(({ instance, verdict, reasons }) => {
    const codes = verdict === 'start' ? [] : reasons.map(({ code }) => code ?? 'sentence');
    return [instance.slug, verdict, ...codes].join(' ');
  });
}

const details = (items: readonly SelectedUpgrade[], slug: string): string =>
  items.find(({ instance }) => instance.slug === slug)?.reasons.map(({ detail }) => detail).join('\n') ?? ''; // prettier-ignore

describe('stages (P28)', () => {
  it('live does not start together with its uat', () => {
    const items = decide(NORTH, P28);
    expect(told(items)).toEqual(['north-uat start', 'north-live wait stage-pending']);
    expect(details(items, 'north-live')).toMatch(/goes first .* and the night starts it afterwards/);
  });

  it('also when the uat of the selection goes to another version than live', () => {
    const uat = sampleInstance('north-uat', '5.0', { target: { kind: 'channel', channel: 'alpha' } });
    const releases = ['5.0', '5.2', '5.3'].map((version) => sampleRelease(version, { risky: version === '5.3' }));
    // Alone, the night holds the risky uat, and live need not wait for it.
    const fleet = [sampleInstance('north-live', '5.0'), uat];
    expect(told(decide(fleet, { ...P28, releases }, {}, fleet.slice(0, 1)))).toEqual(['north-live start']);
    expect(told(decide(fleet, { ...P28, releases }))).toEqual(['north-uat start', 'north-live wait stage-pending']);
  }); // prettier-ignore

  it('also when there is no room for the uat', () => {
    expect(told(decide(NORTH, { ...P28, upgradesAtOnce: 0 }))).toEqual([
      'north-uat wait capacity-full',
      'north-live wait stage-pending',
    ]);
  });

  it('both start where no policy puts one before the other', () => {
    expect(told(decide(NORTH))).toEqual(['north-uat start', 'north-live start']);
  });

  it('live starts when its uat is done, and is held when it failed', () => {
    const done = [sampleInstance('north-live', '5.0'), sampleInstance('north-uat', '5.2')];
    expect(told(decide(done, P28))).toEqual(['north-uat up-to-date at-target', 'north-live start']);
    const failed = decide(NORTH, { ...P28, holds: [sampleHold('north-uat')] });
    expect(told(failed)).toEqual(['north-uat hold held', 'north-live hold stage-failed']);
  });
});

describe('room', () => {
  const FOUR = ['a-live', 'b-live', 'c-live', 'd-live'].map((slug) => sampleInstance(slug, '5.0'));

  it('starts as many as fit, in the order of the night, and says of the rest who starts it', () => {
    const items = decide(FOUR, { upgradesAtOnce: 2 });
    expect(told(items)).toEqual([
      'a-live start',
      'b-live start',
      'c-live wait capacity-full',
      'd-live wait capacity-full',
    ]);
    expect(details(items, 'c-live')).toBe(
      '2 upgrades at once are allowed and all of them are taken or come before this one; it was not started, and the night starts it afterwards, because its own target says so',
    );
  });

  it('is not waited for by a version that the target does not say', () => {
    const items = decide(FOUR, { upgradesAtOnce: 3 }, { version: '5.3' });
    expect(details(items, 'd-live')).toMatch(/no night starts it by itself: ask again afterwards$/);
  });

  it('nor by a risky release, which needs a person', () => {
    const releases = ['5.0', '5.2'].map((version) => sampleRelease(version, { risky: true }));
    expect(details(decide(FOUR, { releases, upgradesAtOnce: 3 }), 'd-live')).toMatch(/no night starts it/);
  });

  it.each([
    ['one that is open', {}, 1],
    ['one that waits for its window', { kind: 'requested', phase: 'planned', startsAt: SAMPLE_NOW + DAY_MS }, 1],
    ['no booking for another day', { kind: 'booked', phase: 'planned', startsAt: SAMPLE_NOW + DAY_MS }, 2],
  ] as const)('is taken by %s', (_, upgrade, left) => {
    const fleet = [...FOUR, sampleInstance('z-live', '5.0')];
    const items = decide(fleet, { upgrades: [sampleUpgrade('z-live', upgrade)], upgradesAtOnce: 2 }, {}, FOUR);
    expect(items.filter(({ verdict }) => verdict === 'start')).toHaveLength(left);
  }); // prettier-ignore

  it('is not taken by instances that nobody selected', () => {
    expect(told(decide(FOUR, { upgradesAtOnce: 1 }, {}, FOUR.slice(3)))).toEqual(['d-live start']);
  });
});

describe('each one', () => {
  const LIVE = [sampleInstance('north-live', '5.0')];
  const AWAY = SAMPLE_NOW - DAY_MS / 2;

  it.each<[string, Partial<FleetSnapshot>, Partial<PersonalWish>, string]>([
    ['starts though it is risky: a person asks', { releases: [sampleRelease('5.2', { risky: true })] }, {}, 'start'],
    ['starts before its window, and waits for it in its run', { now: AWAY, readAt: SAMPLE_NOW }, {}, 'start'],
    ['is refused without a window', { windows: [] }, {}, 'refuse no-window'],
    ['starts without one at any time', { windows: [] }, { anyTime: true }, 'start'],
    ['is held by a freeze, not refused, at any time', { windows: [], freezes: [sampleFreeze()] }, { anyTime: true }, 'hold frozen'],
    ['waits for its own upgrade, at any time too', { windows: [], upgrades: [sampleUpgrade('north-live')] }, { anyTime: true }, 'wait upgrade-in-progress'],
    ['is held where it is pinned', { pins: [samplePin('north-live', '5.0')] }, {}, 'hold pinned'],
    ['is held by a pin to another version than was asked for', { pins: [samplePin('north-live', '5.2.1')] }, { version: '5.3' }, 'hold sentence differs-from-target pinned'],
    ['is refused a version that its product does not have', {}, { version: '9' }, 'refuse unknown-version'],
    ['is up to date', {}, { version: '5.0' }, 'up-to-date at-target'],
    ['is held while everything is stopped', { stopped: { at: 1, by: 'mia', reason: 'fire' } }, {}, 'hold stopped'],
  ])('%s', (_, changes, wish, expected) => {
    expect(told(decide(LIVE, changes, wish))).toEqual([`north-live ${expected}`]);
  }); // prettier-ignore
});
