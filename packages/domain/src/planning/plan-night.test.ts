import { describe, expect, it } from 'vitest';
import type { Instance } from '../fleet/fleet.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../time/instant.ts';
import type { Decision } from './decision.ts';
import {
  planSampleFleet as plan,
  tellDecision as told,
  vendorPolicy as vendor,
} from './plan-sample-fleet.ts';
import {
  SAMPLE_NOW,
  sampleFreeze,
  sampleHold,
  sampleInstance,
  samplePin,
  sampleRelease,
  sampleUpgrade,
} from './sample-fleet.ts';
import type { FleetSnapshot } from './snapshot.ts';

const OPENS_TOMORROW = SAMPLE_NOW + DAY_MS - 30 * MINUTE_MS;

function decide(instance: Instance, changes: Partial<FleetSnapshot> = {}, now?: number): Decision {
  const [decision] = plan([instance], changes, now);
  if (decision === undefined) throw new Error('no decision');
  return decision;
}

const OLD = sampleInstance('north-live', '5.0');
const NEW = sampleInstance('north-live', '5.2');

const target = (version: string): Partial<Instance> => ({ target: { kind: 'version', version } });
const withdrawn = { at: SAMPLE_NOW, by: 'mia', reason: 'loses orders' };

describe('one instance', () => {
  // prettier-ignore
  it.each<[string, Instance, Partial<FleetSnapshot>, string]>([
    ['runs its target', NEW, {}, 'up-to-date at-target'],
    ['is behind its target', OLD, {}, 'start differs-from-target'],
    ['was never seen', sampleInstance('north-live', null), {}, 'refuse not-observed'],
    ['answered with no version', { ...OLD, observed: { version: '<html>', healthy: true, at: SAMPLE_NOW, problem: null } }, {}, 'refuse not-observed'],
    ['was seen two days ago', { ...OLD, observed: { version: '5.0', healthy: true, at: SAMPLE_NOW - 2 * DAY_MS, problem: null } }, {}, 'hold observation-stale differs-from-target'],
    ['is not healthy', { ...OLD, observed: { version: '5.0', healthy: false, at: SAMPLE_NOW, problem: '500' } }, {}, 'hold unhealthy differs-from-target'],
    ['runs its target, unhealthy', { ...NEW, observed: { version: '5.2', healthy: false, at: SAMPLE_NOW, problem: '500' } }, {}, 'up-to-date at-target unhealthy'],
    ['is ahead of its channel (C12)', sampleInstance('north-live', '5.3'), {}, 'hold ahead-of-target'],
    ['is ahead of an exact version', sampleInstance('north-live', '5.3', target('5.2')), {}, 'hold ahead-of-target'],
    ['is on a channel without a version (C6)', { ...OLD, target: { kind: 'channel', channel: 'stable' } }, { placements: [] }, 'hold no-version-in-channel'],
    ['is on a channel that does not exist', { ...OLD, target: { kind: 'channel', channel: 'nope' } }, {}, 'refuse unknown-channel'],
    ['wants a version that does not exist', sampleInstance('north-live', '5.0', target('7')), {}, 'refuse unknown-version'],
    ['runs a version that nobody released, as wanted', sampleInstance('north-live', '7', target('7')), {}, 'up-to-date at-target'],
    ['runs 5.2.0 and wants 5.2', sampleInstance('north-live', '5.2.0'), {}, 'up-to-date at-target'],
    ['wants a withdrawn version', sampleInstance('north-live', '5.0', target('5.3')), { releases: [sampleRelease('5.3', { withdrawn })] }, 'refuse release-withdrawn differs-from-target'],
    ['runs a withdrawn version, as wanted (E26)', sampleInstance('north-live', '5.3', target('5.3')), { releases: [sampleRelease('5.3', { withdrawn })] }, 'up-to-date at-target release-withdrawn'],
    ['wants a version whose smoke test failed (C14)', sampleInstance('north-live', '5.0', target('5.3')), { releases: [sampleRelease('5.3', { smokeTest: 'failed' })] }, 'refuse smoke-test-failed differs-from-target'],
    ['wants a risky version (C14)', OLD, { releases: [sampleRelease('5.2', { risky: true })] }, 'hold needs-a-person-to-start differs-from-target'],
    ['is pinned above (C7)', OLD, { pins: [samplePin('north-live', '5.2.1')] }, 'start differs-from-target pinned'],
    ['is pinned where it is', OLD, { pins: [samplePin('north-live', '5.0')] }, 'hold pinned'],
    ['is pinned where its channel is too', NEW, { pins: [samplePin('north-live', '5.2')] }, 'up-to-date at-target pinned'],
    ['is pinned below what it runs', NEW, { pins: [samplePin('north-live', '5.0')] }, 'hold ahead-of-target pinned'],
    ['has a pin that ended (C8)', OLD, { pins: [samplePin('north-live', '5.0', { ends: { kind: 'at', at: SAMPLE_NOW } })] }, 'start differs-from-target pin-ended'],
    ['is frozen', OLD, { freezes: [sampleFreeze()] }, 'hold frozen differs-from-target'],
    ['is frozen but up to date', NEW, { freezes: [sampleFreeze()] }, 'up-to-date at-target'],
    ['was frozen until now', OLD, { freezes: [sampleFreeze({ untilAt: SAMPLE_NOW })] }, 'start differs-from-target'],
    ['belongs to another customer than the freeze', OLD, { freezes: [sampleFreeze({ scope: { kind: 'customer', customerId: 'cust_east' } })] }, 'start differs-from-target'],
    ['was rolled back last night (E27, E28)', OLD, { holds: [sampleHold('north-live')] }, 'hold held differs-from-target'],
    ['was rolled back from another release', OLD, { holds: [sampleHold('north-live', { releaseId: 'rel_5.3' })] }, 'start differs-from-target'],
    ['is held against everything', OLD, { holds: [sampleHold('north-live', { releaseId: null, kind: 'by-hand' })] }, 'hold held differs-from-target'],
    ['has a hold that ran out', OLD, { holds: [sampleHold('north-live', { untilAt: SAMPLE_NOW })] }, 'start differs-from-target'],
    ['has an open upgrade (C48)', OLD, { upgrades: [sampleUpgrade('north-live')] }, 'wait upgrade-in-progress differs-from-target'],
    ['has a booked upgrade (C48)', OLD, { upgrades: [ sampleUpgrade('north-live', { kind: 'booked', phase: 'planned', startsAt: SAMPLE_NOW + DAY_MS })], }, 'wait booked-upgrade differs-from-target'],
    ['has an upgrade that the night has just planned', OLD, { upgrades: [sampleUpgrade('north-live', { phase: 'planned' })] }, 'wait upgrade-in-progress differs-from-target'],
    ['has no window', OLD, { windows: [] }, 'refuse no-window differs-from-target'],
    ['needs no window by policy P3', OLD, { windows: [], ...vendor({ key: 'P3', value: 'any-time' }) }, 'start differs-from-target'],
    ['has a P3 that says something else', OLD, { windows: [], ...vendor({ key: 'P3', value: 'whenever' }) }, 'refuse no-window differs-from-target'],
    ['is in a zone that nobody knows', { ...OLD, zone: 'Mars/Olympus' }, {}, 'refuse no-window differs-from-target'],
    ['takes longer than any window', OLD, { forecasts: new Map([['app', { closedMs: 2 * HOUR_MS, wayBackMs: 1 }]]) }, 'refuse window-too-short differs-from-target'],
    ['takes longer than what is left', OLD, { forecasts: new Map([['app', { closedMs: 80 * MINUTE_MS, wayBackMs: 11 * MINUTE_MS }]]) }, 'wait window-too-short differs-from-target'],
    ['takes exactly what is left', OLD, { forecasts: new Map([['app', { closedMs: 80 * MINUTE_MS, wayBackMs: 10 * MINUTE_MS }]]) }, 'start differs-from-target'],
    ['is stopped with the world', OLD, { stopped: { at: SAMPLE_NOW, by: 'mia', reason: 'fire' } }, 'hold stopped differs-from-target'],
    ['finds no capacity', OLD, { upgradesAtOnce: 0 }, 'wait capacity-full differs-from-target'],
  ])('that %s', (_name, instance, changes, expected) => {
    expect(told(decide(instance, changes))).toBe(expected);
  });

  it('is told every reason at once', () => {
    const decision = decide(
      { ...OLD, observed: { version: '5.0', healthy: false, at: SAMPLE_NOW - 2 * DAY_MS, problem: null } },
      {
        releases: [sampleRelease('5.2', { risky: true })],
        freezes: [sampleFreeze()],
        holds: [sampleHold('north-live')],
        upgrades: [sampleUpgrade('north-live')],
        windows: [],
        stopped: { at: SAMPLE_NOW, by: 'mia', reason: 'fire' },
      },
    );
    expect(told(decision)).toBe(
      'refuse no-window observation-stale unhealthy needs-a-person-to-start stopped frozen held upgrade-in-progress differs-from-target',
    );
  });

  it.each([
    [
      'before the window opens',
      SAMPLE_NOW - HOUR_MS,
      'wait window-shut differs-from-target',
      SAMPLE_NOW - 30 * MINUTE_MS,
    ],
    ['as it opens', SAMPLE_NOW - 30 * MINUTE_MS, 'start differs-from-target', SAMPLE_NOW - 30 * MINUTE_MS],
    ['at the cut-off', SAMPLE_NOW + HOUR_MS, 'start differs-from-target', SAMPLE_NOW + HOUR_MS],
    ['after the cut-off', SAMPLE_NOW + HOUR_MS + 1, 'wait window-shut differs-from-target', OPENS_TOMORROW],
  ])('%s', (_name, now, expected, startsAt) => {
    const decision = decide(OLD, {}, now);
    expect([told(decision), decision.startsAt]).toEqual([expected, startsAt]);
  });

  it('a pinned one names owner, reason and end, and what it would run without the pin', () => {
    const ends = { kind: 'at', at: SAMPLE_NOW + 7 * DAY_MS } as const;
    expect(decide(OLD, { pins: [samplePin('north-live', '5.0', { ends })] }).reasons).toEqual([
      {
        code: 'pinned',
        detail:
          'pinned at 5.0 by ops@vendor.example, until Thu 2026-12-03 02:30 Europe/Amsterdam: waits for a fix; ' +
          'without the pin its target is channel release, which offers 5.2',
        clearsAt: SAMPLE_NOW + 7 * DAY_MS,
        clearedBy: 'the owner of the pin (ops@vendor.example)',
      },
    ]);
  });

  it('ahead of its target it is offered to wait or a downgrade with restore by a named approver, never a start (C12)', () => {
    const { reasons, startsAt } = decide(sampleInstance('north-live', '5.3'));
    expect(startsAt).toBeNull();
    expect(reasons[0]?.detail).toBe(
      'it runs 5.3, ahead of its target 5.2: nothing is taken back by itself; ' +
        'wait until release reaches 5.3, or downgrade with restore, approved by a named person',
    );
  });

  it('what was observed and what the last upgrade installed are both told when they differ', () => {
    expect(decide({ ...OLD, recordedVersion: '5.1' }).reasons[0]?.detail).toBe(
      'it runs 5.0 (the last upgrade installed 5.1), its target is channel release, which offers 5.2',
    );
  });

  it('a freeze names its end in the zone of the site, and the start is the first open window after it', () => {
    const decision = decide(OLD, { freezes: [sampleFreeze({ untilAt: SAMPLE_NOW + 5 * DAY_MS })] });
    expect(decision.reasons[0]).toEqual({
      code: 'frozen',
      detail: 'frozen until Tue 2026-12-01 02:30 Europe/Amsterdam by mia: year end',
      clearsAt: SAMPLE_NOW + 5 * DAY_MS,
      clearedBy: 'the owner of the freeze (mia)',
    });
    expect(decision.startsAt).toBe(SAMPLE_NOW + 5 * DAY_MS);
  });

  it('a freeze that will stand when the window opens is told beforehand', () => {
    const freeze = sampleFreeze({ fromAt: SAMPLE_NOW - 45 * MINUTE_MS, untilAt: SAMPLE_NOW + 2 * DAY_MS });
    const decision = decide(OLD, { freezes: [freeze] }, SAMPLE_NOW - HOUR_MS);
    expect([told(decision), decision.startsAt]).toEqual([
      'wait window-shut frozen differs-from-target',
      SAMPLE_NOW + 2 * DAY_MS,
    ]);
  });

  it('of several planned upgrades the emergency goes before the booked one, and that before the night', () => {
    const planned = (kind: 'emergency' | 'booked' | 'nightly', toVersion: string) =>
      sampleUpgrade('north-live', {
        upgradeId: `upg_${kind}`,
        kind,
        toVersion,
        phase: 'planned',
        startsAt: SAMPLE_NOW + DAY_MS,
      });
    const both = [planned('nightly', '5.2'), planned('booked', '5.3'), planned('emergency', '5.2.1')];
    expect(decide(OLD, { upgrades: both }).reasons[0]?.detail).toContain('an emergency upgrade to 5.2.1');
    expect(decide(OLD, { upgrades: both.slice(0, 2) }).reasons[0]?.detail).toContain(
      'a booked upgrade to 5.3',
    );
  });

  it('a forecast for next week does not call the observation stale for being about next week', () => {
    expect(told(decide(OLD, {}, SAMPLE_NOW + 7 * DAY_MS))).toBe('start differs-from-target');
    const ahead = { now: SAMPLE_NOW + 7 * DAY_MS };
    expect(told(decide(OLD, { ...ahead, readAt: SAMPLE_NOW }))).toBe('start differs-from-target');
    expect(told(decide(OLD, ahead))).toBe('hold observation-stale differs-from-target');
  });
});
