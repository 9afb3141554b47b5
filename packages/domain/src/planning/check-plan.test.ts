import { describe, expect, it } from 'vitest';
import type { Instance } from '../fleet/fleet.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../time/instant.ts';
import { checkPlan } from './check-plan.ts';
import type { Decision, NightPlan } from './decision.ts';
import { planNight } from './plan-night.ts';
import { vendorPolicy } from './plan-sample-fleet.ts';
import {
  SAMPLE_NOW, SAMPLE_WINDOW, sampleFleet, sampleFreeze, sampleHold, sampleInstance, samplePin, samplePlacement, sampleRelease,
  sampleUpgrade,
} from './sample-fleet.ts'; // prettier-ignore
import type { FleetSnapshot } from './snapshot.ts';

const LIVE = sampleInstance('north-live', '5.0');
const UAT = sampleInstance('north-uat', '5.0');

/** What the second opinion says of a plan that was made for a world without `changes`. */
function notesOn(changes: Partial<FleetSnapshot>, instance: Instance = LIVE): readonly string[] {
  const plan = planNight(sampleFleet([LIVE]));
  expect(plan.decisions.map((one) => one.verdict)).toEqual(['start']);
  return checkPlan(sampleFleet([instance], changes), plan).map((note) => `${note.severity}: ${note.text}`);
}

function seen(changes: Partial<NonNullable<Instance['observed']>>): Instance {
  return { ...LIVE, observed: { version: '5.0', healthy: true, at: SAMPLE_NOW, problem: null, ...changes } };
}

const P28 = vendorPolicy({ key: 'P28', value: ['uat'] });
const withdrawn = { at: SAMPLE_NOW, by: 'mia', reason: 'loses orders' };

describe('checkPlan finds a start', () => {
  // prettier-ignore
  it.each<[string, Partial<FleetSnapshot>, Instance, string]>([
    ['inside a freeze', { freezes: [sampleFreeze()] }, LIVE, 'it is frozen: year end'],
    ['inside a freeze of its customer', { freezes: [sampleFreeze({ scope: { kind: 'customer', customerId: 'cust_north' } })] }, LIVE, 'it is frozen: year end'],
    ['of what is held', { holds: [sampleHold('north-live')] }, LIVE, 'it is held: the write check failed'],
    ['of what has an open upgrade', { upgrades: [sampleUpgrade('north-live')] }, LIVE, 'upgrade upg_north-live of it is open'],
    ['of what has a booked upgrade', { upgrades: [sampleUpgrade('north-live', { phase: 'planned', kind: 'booked' })] }, LIVE, 'upgrade upg_north-live of it is planned'],
    ['of what is pinned elsewhere', { pins: [samplePin('north-live', '5.0')] }, LIVE, 'its pin of ops@vendor.example says 5.0, not 5.2'],
    ['of what is pinned until a channel that has not reached it', { pins: [samplePin('north-live', '5.2.1', { ends: { kind: 'channel-reaches', channel: 'release' } })] }, LIVE, 'its pin of ops@vendor.example says 5.2.1, not 5.2'],
    ['of another version than its channel offers', { placements: [samplePlacement('5.2.1', 'stable')] }, LIVE, 'channel release says 5.2.1, not 5.2'],
    ['of another version than its target', {}, { ...LIVE, target: { kind: 'version', version: '5.3' } }, 'its target says 5.3, not 5.2'],
    ['of what has no version to run', { placements: [] }, LIVE, 'nothing says what it should run'],
    ['of a withdrawn release', { releases: [sampleRelease('5.2', { withdrawn }), sampleRelease('5.0')] }, LIVE, 'release 5.2 was withdrawn'],
    ['of a release whose smoke test failed', { releases: [sampleRelease('5.2', { smokeTest: 'failed' })] }, LIVE, 'the smoke test of release 5.2 failed'],
    ['of a risky release', { releases: [sampleRelease('5.2', { risky: true })] }, LIVE, 'release 5.2 is risky and needs a person to start it'],
    ['of a release that nobody knows', { releases: [] }, LIVE, 'no known release is named'],
    ['of a release of another product', { releases: [sampleRelease('5.2', { productId: 'prod_other' })] }, LIVE, 'release 5.2 is one of another product'],
    ['that goes to a lower version', {}, seen({ version: '5.3' }), '5.2 is not above 5.3, which it runs'],
    ['that goes nowhere', {}, seen({ version: '5.2.0' }), '5.2 is not above 5.2.0, which it runs'],
    ['from a version that it does not run', {}, seen({ version: '5.1' }), 'it runs 5.1, not 5.0'],
    ['of what was never seen', {}, sampleInstance('north-live', null), 'nobody has seen what it runs'],
    ['of what was seen two days ago', {}, seen({ at: SAMPLE_NOW - 2 * DAY_MS }), 'it was seen too long ago'],
    ['of what is not healthy', {}, seen({ healthy: false }), 'it is not healthy'],
    ['while the world is stopped', { stopped: { at: SAMPLE_NOW, by: 'mia', reason: 'fire' } }, LIVE, 'everything is stopped by mia'],
    ['without any window', { windows: [] }, LIVE, 'no maintenance window speaks of it'],
    ['outside its window', { windows: [{ ...SAMPLE_WINDOW, start: '02:31' }] }, LIVE, 'no maintenance window is open for as long as it needs, with its cut-off still to come'],
    ['outside the window of its own', { windows: [SAMPLE_WINDOW, { ...SAMPLE_WINDOW, start: '05:00', scope: { kind: 'instance', instanceId: LIVE.id } }] }, LIVE, 'no maintenance window is open for as long as it needs, with its cut-off still to come'],
    ['on another day than its window', { windows: [{ ...SAMPLE_WINDOW, days: ['wed', 'fri'] }] }, LIVE, 'no maintenance window is open for as long as it needs, with its cut-off still to come'],
    ['after the cut-off', { windows: [{ ...SAMPLE_WINDOW, cutOffMs: 91 * MINUTE_MS }] }, LIVE, 'no maintenance window is open for as long as it needs, with its cut-off still to come'],
    ['that does not fit any more', { forecasts: new Map([['app', { closedMs: HOUR_MS, wayBackMs: HOUR_MS }]]) }, LIVE, 'no maintenance window is open for as long as it needs, with its cut-off still to come'],
    ['in a zone that nobody knows', {}, { ...LIVE, zone: 'Mars/Olympus' }, 'its maintenance window cannot be placed in time (Invalid time zone specified: Mars/Olympus)'],
    ['with a list of stages that cannot be read', vendorPolicy({ key: 'P28', value: 'uta' }), LIVE, 'policy P28 lists "uta", which is no role'],
  ])('%s', (_name, changes, instance, text) => {
    expect(notesOn(changes, instance)).toContain(`fatal: north-live must not start: ${text}`);
  });

  it('and says nothing of the plan as it was made', () => {
    expect(notesOn({})).toEqual([]);
  });

  it.each([
    ['the spring night, on which 02:30 does not exist', '2026-03-29T00:00Z', '01:00', '01:29'],
    ['the autumn night, on which it comes twice', '2026-10-25T00:00Z', '00:30', '00:59'],
    ['an ordinary night', '2026-11-26T00:00Z', '01:30', '01:59'],
  ])('outside 02:30 to 03:00 in Amsterdam on %s', (_name, midnight, first, last) => {
    const windows = [{ ...SAMPLE_WINDOW, start: '02:30', lengthMs: 30 * MINUTE_MS, cutOffMs: 0 }];
    const [start] = planNight(sampleFleet([LIVE])).decisions as [Decision]; // one instance, one decision
    const silent: string[] = [];
    for (let at = Date.parse(midnight); at < Date.parse(midnight) + 6 * HOUR_MS; at += MINUTE_MS) {
      const fleet = { windows, now: at, readAt: SAMPLE_NOW, forecasts: new Map() };
      const notes = checkPlan(sampleFleet([LIVE], fleet), { now: at, decisions: [start] });
      if (notes.length === 0) silent.push(new Date(at).toISOString().slice(11, 16));
      const [decided] = planNight(sampleFleet([LIVE], fleet)).decisions;
      expect(decided?.verdict === 'start').toBe(notes.length === 0);
    }
    expect([silent[0], silent.at(-1), silent.length]).toEqual([first, last, 30]);
  });

  it('over capacity', () => {
    const notes = notesOn({ upgrades: [sampleUpgrade('east-live')], upgradesAtOnce: 1 });
    expect(notes).toEqual(['fatal: 1 starts beside 1 upgrades under way: more than 1 at once']);
  });

  it.each<[string, Partial<FleetSnapshot>, Instance, boolean]>([
    ['beside its stage', {}, UAT, true],
    [
      'before its stage has ended',
      { upgrades: [sampleUpgrade('north-uat')] },
      sampleInstance('north-uat', '5.2'),
      true,
    ],
    ['after its stage', {}, sampleInstance('north-uat', '5.2'), false],
    [
      'after its stage failed',
      { holds: [sampleHold('north-uat')] },
      sampleInstance('north-uat', '5.2'),
      true,
    ],
    [
      'while its stage is frozen',
      { freezes: [sampleFreeze({ scope: { kind: 'instance', instanceId: UAT.id } })] },
      UAT,
      true,
    ],
  ])('of live %s: %s', (_name, changes, stage, isFatal) => {
    const start = planNight(sampleFleet([LIVE])).decisions;
    const snapshot = sampleFleet([LIVE, stage], { ...P28, ...changes });
    const others = planNight(snapshot).decisions.filter((one) => one.instanceId !== LIVE.id);
    const notes = checkPlan(snapshot, { now: SAMPLE_NOW, decisions: [...others, ...start] });
    expect(notes.some((note) => note.severity === 'fatal')).toBe(isFatal);
  });
});

describe('checkPlan finds a plan in which', () => {
  const snapshot = sampleFleet([LIVE, UAT]);
  const good = planNight(snapshot);
  const [first, second] = good.decisions as [Decision, Decision]; // two instances, two decisions

  it.each<[string, readonly Decision[], string]>([
    ['an instance is missing', [first], 'north-live has 0 decisions instead of one'],
    ['an instance is decided twice', [first, second, second], 'north-live has 2 decisions instead of one'],
    ['a decision has no reason', [first, { ...second, reasons: [] }], 'the decision gives no reason'],
    [
      'an unknown instance is decided',
      [first, second, { ...second, instanceId: 'inst_ghost' }],
      'the decision is about an instance that the snapshot does not have',
    ],
    [
      'the release is not the version',
      [first, { ...second, toVersion: '5.3' }],
      'north-live must not start: the release named is 5.2, not 5.3',
    ],
  ])('%s', (_name, decisions, text) => {
    const plan: NightPlan = { now: SAMPLE_NOW, decisions };
    expect(checkPlan(snapshot, plan)).toContainEqual(expect.objectContaining({ severity: 'fatal', text }));
  });

  it('somebody is called up to date who is not: a warning, for it endangers no site', () => {
    const plan: NightPlan = { now: SAMPLE_NOW, decisions: [first, { ...second, verdict: 'up-to-date' }] };
    expect(checkPlan(snapshot, plan)).toEqual([
      {
        severity: 'warning',
        instanceId: LIVE.id,
        text: 'north-live is called up to date, but runs 5.0 and channel release says 5.2',
      },
    ]);
  });
});
