import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WEEKDAYS, type Instance, type Scope } from '../fleet/fleet.ts';
import { compareVersions, isVersion } from '../fleet/version-order.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../time/instant.ts';
import { inScope } from '../time/window-occurrences.ts';
import { checkPlan } from './check-plan.ts';
import type { Decision, ReasonCode } from './decision.ts';
import { planNight } from './plan-night.ts';
import { SAMPLE_WINDOW, sampleFleet, sampleFreeze, sampleHold, sampleInstance, samplePin, samplePlacement, sampleRelease, sampleUpgrade } from './sample-fleet.ts'; // prettier-ignore
import type { FleetSnapshot } from './snapshot.ts';

const VERSIONS = ['4.9', '5.0', '5.2-rc.1', '5.2', '5.2.1', '5.3'] as const;
const SLUGS = ['a-live', 'a-uat', 'a-test', 'b-live', 'b-uat', 'c-live'] as const;
/** A spring night, an autumn night and an ordinary one, all in Amsterdam; other zones change on other nights. */
const NIGHTS = [Date.UTC(2026, 2, 29), Date.UTC(2026, 9, 25), Date.UTC(2026, 10, 26)] as const;

const version = fc.constantFrom(...VERSIONS);
const channel = fc.constantFrom('alpha', 'beta', 'release', 'stable');
const rarely = fc.integer({ min: 0, max: 9 }).map((die) => die === 0);
const mostly = rarely.map((is) => !is);
/** The same for a whole fleet, so that a night has starts at all. */
const hours = (least: number, most: number) =>
  fc.integer({ min: least * 4, max: most * 4 }).map((quarter) => (quarter * HOUR_MS) / 4);

const scope: fc.Arbitrary<Scope> = fc.oneof(
  fc.constant<Scope>({ kind: 'fleet' }),
  fc.constant<Scope>({ kind: 'label', label: 'early' }),
  fc
    .constantFrom('cust_a' as const, 'cust_b' as const)
    .map((customerId): Scope => ({ kind: 'customer', customerId })),
  fc.constantFrom(...SLUGS).map((slug): Scope => ({ kind: 'instance', instanceId: `inst_${slug}` })),
);

function anyInstance(slug: string, now: number): fc.Arbitrary<Instance> {
  return fc
    .record({
      runs: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom('4.9', '5.0', '5.0', '5.2-rc.1', '5.2', '5.3') },
        { weight: 1, arbitrary: fc.constantFrom('latest', null) },
      ),
      target: fc.oneof(
        { weight: 4, arbitrary: channel.map((channel) => ({ kind: 'channel' as const, channel })) },
        {
          weight: 1,
          arbitrary: fc
            .constantFrom(...VERSIONS, '6.6')
            .map((version) => ({ kind: 'version' as const, version })),
        },
      ),
      zone: fc.constantFrom(
        'Europe/Amsterdam',
        'Europe/London',
        'America/New_York',
        'Australia/Lord_Howe',
        'Asia/Tokyo',
      ),
      isEarly: fc.boolean(),
      healthy: mostly,
      isStale: rarely,
    })
    .map(({ runs, target, zone, isEarly, healthy, isStale }) => ({
      ...sampleInstance(slug, runs),
      target,
      zone,
      labels: isEarly ? ['early'] : [],
      observed:
        runs === null
          ? null
          : { version: runs, healthy, at: isStale ? now - 2 * DAY_MS : now, problem: null },
    }));
}

const window = fc
  .record({
    start: fc.constantFrom('00:30', '01:00', '02:00', '02:30', '03:00', '22:00'),
    lengthMs: hours(1, 8),
    cutOffMs: hours(0, 1),
    scope,
    zone: fc.constantFrom('site', 'site', 'Europe/Amsterdam'),
    days: fc.oneof(fc.constant(WEEKDAYS), fc.subarray([...WEEKDAYS], { minLength: 1 })),
  })
  .map((changes) => ({ ...SAMPLE_WINDOW, ...changes }));

/** Wide enough that most fleets have a start in it at most of the hours tried. */
const ALL_NIGHT = { ...SAMPLE_WINDOW, start: '22:00', lengthMs: 12 * HOUR_MS };

const policy = fc
  .record({
    stages: fc.constantFrom<readonly string[]>([], ['uat'], ['uat', 'test'], ['uta']),
    isAnyTime: fc.boolean(),
    isFinal: fc.boolean(),
    kind: fc.constantFrom(null, 'minor' as const, 'major' as const),
  })
  .map(({ stages, isAnyTime, isFinal, kind }): FleetSnapshot['policy'] => ({
    vendor: [
      { key: 'P28', role: 'live', kind, value: stages, final: false },
      { key: 'P3', role: null, kind: null, value: 'window', final: isFinal },
    ],
    customers: new Map([
      ['cust_a', isAnyTime ? [{ key: 'P3', role: null, kind: null, value: 'any-time', final: false }] : []],
    ]),
    instances: new Map(),
  }));

const times = fc.record({
  night: fc.constantFrom(...NIGHTS),
  shift: fc.integer({ min: -3 * 60, max: 12 * 60 }),
});

const fleet: fc.Arbitrary<FleetSnapshot> = times.chain(({ night, shift }) => {
  const now = night + shift * MINUTE_MS;
  const slug = fc.constantFrom(...SLUGS);
  const until = fc.oneof(
    fc.constant(null),
    hours(-5, 60).map((ms) => now + ms),
  );
  return fc
    .record({
      instances: fc.tuple(...SLUGS.map((slug) => anyInstance(slug, now))),
      releases: fc.tuple(
        ...VERSIONS.map((version) =>
          fc
            .record({ risky: rarely, failed: rarely, withdrawn: rarely })
            .map(({ risky, failed, withdrawn }) =>
              sampleRelease(version, {
                risky,
                smokeTest: failed ? 'failed' : 'passed',
                withdrawn: withdrawn ? { at: now, by: 'mia', reason: 'bad' } : null,
              }),
            ),
        ),
      ),
      placements: fc
        .array(fc.tuple(version, channel), { maxLength: 4 })
        .map((more) => [
          samplePlacement('5.2', 'release'),
          ...more.map(([version, channel]) => samplePlacement(version, channel)),
        ]),
      pins: fc.array(
        fc.record({ slug, version, ends: fc.oneof(
          fc.constant({ kind: 'never' as const }),
          hours(-5, 5).map((ms) => ({ kind: 'at' as const, at: now + ms })),
          channel.map((channel) => ({ kind: 'channel-reaches' as const, channel })),
        ) }).map(({ slug, version, ends }) => samplePin(slug, version, { ends })),
        { maxLength: 2 },
      ), // prettier-ignore
      freezes: fc.array(
        fc
          .record({ scope, from: hours(-10, 10), lasts: fc.oneof(fc.constant(null), hours(1, 40)) })
          .map(({ scope, from, lasts }) =>
            sampleFreeze({ scope, fromAt: now + from, untilAt: lasts === null ? null : now + from + lasts }),
          ),
        { maxLength: 2 },
      ),
      holds: fc.array(
        fc
          .record({ slug, version: fc.option(version), until })
          .map(({ slug, version, until }) =>
            sampleHold(slug, { releaseId: version === null ? null : `rel_${version}`, untilAt: until }),
          ),
        { maxLength: 2 },
      ),
      upgrades: fc.array(
        fc
          .record({
            slug: fc.constantFrom(...SLUGS, 'z-live'),
            kind: fc.constantFrom(
              'emergency' as const,
              'booked' as const,
              'nightly' as const,
              'requested' as const,
            ),
            phase: fc.constantFrom('planned' as const, 'open' as const),
            startsAt: until,
          })
          .map(({ slug, ...changes }) => sampleUpgrade(slug, changes)),
        { maxLength: 2 },
      ),
      windows: fc
        .array(window, { maxLength: 3 })
        .chain((few) => mostly.map((has) => (has ? [ALL_NIGHT, ...few] : few))),
      policy,
      closedMs: hours(0, 2),
      upgradesAtOnce: fc.integer({ min: 0, max: 8 }),
      isStopped: rarely,
    })
    .map(({ instances, isStopped, closedMs, ...changes }) =>
      sampleFleet(instances, {
        ...changes,
        now,
        forecasts: new Map([['app', { closedMs, wayBackMs: closedMs / 2 }]]),
        stopped: isStopped ? { at: now, by: 'mia', reason: 'fire' } : null,
      }),
    );
});

const RUNS = { numRuns: 600, seed: 2026 } as const;

const OF_THE_HOUR: readonly ReasonCode[] = [
  'differs-from-target',
  'window-shut',
  'window-too-short',
  'frozen',
];
let waited = 0;

/** Counts the starts it saw: a property that never saw one proves nothing. */
function promise(
  name: string,
  check: (snapshot: FleetSnapshot, decisions: readonly Decision[]) => void,
): void {
  it(name, () => {
    let starts = 0;
    fc.assert(
      fc.property(fleet, (snapshot) => {
        const { decisions } = planNight(snapshot);
        starts += decisions.filter((one) => one.verdict === 'start').length;
        check(snapshot, decisions);
      }),
      RUNS,
    );
    expect(starts).toBeGreaterThan(100);
  });
}

function startsOf(snapshot: FleetSnapshot, decisions: readonly Decision[]): readonly Instance[] {
  const ids = new Set(decisions.filter((one) => one.verdict === 'start').map((one) => one.instanceId));
  return snapshot.instances.filter((one) => ids.has(one.id));
}

describe('whatever the fleet', () => {
  promise(
    'everyone gets one decision with a reason, and every reason is a sentence',
    (snapshot, decisions) => {
      expect(decisions.map((one) => one.instanceId).sort()).toEqual(
        snapshot.instances.map((one) => one.id).sort(),
      );
      for (const { reasons } of decisions) {
        expect(reasons.length).toBeGreaterThan(0);
        for (const { detail } of reasons) expect(detail).toMatch(/^[^\s].{8,}[^\s.]$/);
      }
    },
  );

  promise('the second opinion has nothing to say', (snapshot, decisions) => {
    expect(checkPlan(snapshot, { now: snapshot.now, decisions })).toEqual([]);
  });

  promise('the second opinion refuses every start that was not one', (snapshot, decisions) => {
    for (const [at, one] of decisions.entries()) {
      if (one.verdict === 'start') continue;
      const turned = decisions.with(at, { ...one, verdict: 'start' });
      const notes = checkPlan(snapshot, { now: snapshot.now, decisions: turned });
      expect([one.verdict, one.reasons, notes.filter((note) => note.severity === 'fatal').length > 0]).toEqual([
        one.verdict, one.reasons, true,
      ]); // prettier-ignore
    }
  });

  promise('a frozen instance never starts', (snapshot, decisions) => {
    for (const instance of startsOf(snapshot, decisions)) {
      const frozen = snapshot.freezes.filter(
        ({ scope, fromAt, untilAt }) =>
          inScope(scope, instance) && fromAt <= snapshot.now && (untilAt === null || snapshot.now < untilAt),
      );
      expect(frozen).toEqual([]);
    }
  });

  promise('a version never goes down, and what was not seen never moves', (_snapshot, decisions) => {
    for (const { verdict, fromVersion, toVersion } of decisions) {
      if (verdict !== 'start') continue;
      expect(isVersion(fromVersion ?? '')).toBe(true);
      expect(compareVersions(fromVersion ?? '', toVersion ?? '')).toBeLessThan(0);
    }
  });

  promise(
    'no more start than there is capacity, and nobody with an upgrade under way',
    (snapshot, decisions) => {
      const starts = startsOf(snapshot, decisions);
      const open = new Set(
        snapshot.upgrades.filter((one) => one.phase === 'open').map((one) => one.instanceId),
      );
      expect(starts.length).toBeLessThanOrEqual(Math.max(0, snapshot.upgradesAtOnce - open.size));
      for (const { id } of starts) expect(snapshot.upgrades.some((one) => one.instanceId === id)).toBe(false);
    },
  );

  promise('running the planner again after its starts starts nothing more', (snapshot, decisions) => {
    const started = startsOf(snapshot, decisions).map((one) => sampleUpgrade(one.slug, { phase: 'planned' }));
    const again = planNight({ ...snapshot, upgrades: [...snapshot.upgrades, ...started] });
    expect(startsOf(snapshot, again.decisions)).toEqual([]);
  });

  promise('the order in which the fleet was read changes nothing', (snapshot, decisions) => {
    expect(planNight({ ...snapshot, instances: snapshot.instances.toReversed() }).decisions).toEqual(
      decisions,
    );
  });

  promise(
    'who only waits for the hour starts at the instant that was promised, and not a minute before',
    (read, _all) => {
      const vendor = read.policy.vendor.filter((entry) => entry.key !== 'P28');
      const snapshot = {
        ...read,
        upgradesAtOnce: 100,
        upgrades: [],
        pins: [],
        policy: { ...read.policy, vendor },
      };
      for (const { instanceId, verdict, startsAt, reasons } of planNight(snapshot).decisions) {
        const isTheHour = reasons.every((one) => OF_THE_HOUR.includes(one.code));
        if (verdict === 'start' || !isTheHour || startsAt === null) continue;
        const at = (now: number) =>
          planNight(snapshot, now).decisions.find((one) => one.instanceId === instanceId)?.verdict;
        expect(at(startsAt)).toBe('start');
        if (startsAt - MINUTE_MS > snapshot.now) expect(at(startsAt - MINUTE_MS)).not.toBe('start');
        waited += 1;
      }
    },
  );

  it('and that last promise was looked at often enough', () => {
    expect(waited).toBeGreaterThan(200);
  });
});
