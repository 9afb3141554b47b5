/**
 * A small fleet for the tests of the planner, in the middle of its night: Thursday 2026-11-26, 02:30 in Amsterdam, with a
 * window from 02:00 to 04:00 (cut-off 03:30). Product `app` as in requirement C6: 5.3 in alpha, 5.2 in release, 5.0 in stable.
 */
import type {
  Customer,
  Freeze,
  Hold,
  Instance,
  MaintenanceWindow,
  Pin,
  Placement,
  Product,
  Release,
} from '../fleet/fleet.ts';
import { WEEKDAYS } from '../fleet/fleet.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../time/instant.ts';
import type { FleetSnapshot, UpgradeInProgress } from './snapshot.ts';

export const SAMPLE_NOW = Date.UTC(2026, 10, 26, 1, 30);

export const SAMPLE_CHANNELS = [
  { name: 'alpha', rank: 4 },
  { name: 'beta', rank: 3 },
  { name: 'release', rank: 2 },
  { name: 'stable', rank: 1 },
] as const;

export const SAMPLE_PRODUCT: Product = { id: 'prod_app', slug: 'app', name: 'App', playbook: 'overnight' };

export function sampleRelease(version: string, changes: Partial<Release> = {}): Release {
  return {
    id: `rel_${version}`,
    productId: SAMPLE_PRODUCT.id,
    version,
    kind: 'minor',
    artefact: { kind: 'npm', package: 'app', version, integrity: null },
    notes: null,
    needsDowntime: true,
    risky: false,
    smokeTest: 'passed',
    publishedAt: SAMPLE_NOW - 30 * DAY_MS,
    withdrawn: null,
    ...changes,
  };
}

export function samplePlacement(version: string, channel: string, ageMs = 20 * DAY_MS): Placement {
  return {
    id: `plc_${version}_${channel}`,
    releaseId: `rel_${version}`,
    channel,
    placedAt: SAMPLE_NOW - ageMs,
    placedBy: 'mia',
    reason: 'looks good',
  };
}

/** `north-live` belongs to `cust_north` and is live; what follows the last dash is the role. */
export function sampleInstance(slug: string, runs: string | null, changes: Partial<Instance> = {}): Instance {
  const [customer = '', role = 'live'] = slug.split('-');
  return {
    id: `inst_${slug}`,
    slug,
    customerId: `cust_${customer}`,
    productId: SAMPLE_PRODUCT.id,
    role: role as Instance['role'], // the tests name their instances
    url: `https://${slug}.example`,
    zone: 'Europe/Amsterdam',
    labels: [],
    host: null,
    target: { kind: 'channel', channel: 'release' },
    observed:
      runs === null ? null : { version: runs, healthy: true, at: SAMPLE_NOW - MINUTE_MS, problem: null },
    recordedVersion: runs,
    ...changes,
  };
}

export function samplePin(instance: string, version: string, changes: Partial<Pin> = {}): Pin {
  return {
    id: `pin_${instance}`,
    instanceId: `inst_${instance}`,
    version,
    owner: 'ops@vendor.example',
    reason: 'waits for a fix',
    setAt: SAMPLE_NOW - DAY_MS,
    ends: { kind: 'never' },
    ...changes,
  };
}

export function sampleFreeze(changes: Partial<Freeze> = {}): Freeze {
  return {
    id: 'frz_1',
    scope: { kind: 'fleet' },
    fromAt: SAMPLE_NOW - DAY_MS,
    untilAt: SAMPLE_NOW + 5 * DAY_MS,
    reason: 'year end',
    owner: 'mia',
    ...changes,
  };
}

export function sampleHold(instance: string, changes: Partial<Hold> = {}): Hold {
  return {
    id: `hold_${instance}`,
    instanceId: `inst_${instance}`,
    kind: 'rolled-back',
    reason: 'the write check failed',
    owner: null,
    sinceAt: SAMPLE_NOW - DAY_MS,
    untilAt: null,
    releaseId: 'rel_5.2',
    ...changes,
  };
}

export function sampleUpgrade(instance: string, changes: Partial<UpgradeInProgress> = {}): UpgradeInProgress {
  return {
    upgradeId: `upg_${instance}`,
    instanceId: `inst_${instance}`,
    kind: 'nightly',
    phase: 'open',
    toVersion: '5.2',
    startsAt: null,
    ...changes,
  };
}

export const SAMPLE_WINDOW: MaintenanceWindow = {
  id: 'win_nightly',
  scope: { kind: 'fleet' },
  days: WEEKDAYS,
  start: '02:00',
  zone: 'site',
  lengthMs: 2 * HOUR_MS,
  cutOffMs: 30 * MINUTE_MS,
};

/** Customers are made of the instances' slugs. */
export function sampleFleet(
  instances: readonly Instance[],
  changes: Partial<FleetSnapshot> = {},
): FleetSnapshot {
  const customers = new Map<string, Customer>();
  for (const { customerId } of instances) {
    const slug = customerId.slice('cust_'.length);
    customers.set(slug, { id: customerId, slug, name: slug });
  }
  return {
    now: SAMPLE_NOW,
    customers: [...customers.values()],
    products: [SAMPLE_PRODUCT],
    releases: ['4.9', '5.0', '5.2', '5.2.1', '5.3'].map((version) => sampleRelease(version)),
    channels: SAMPLE_CHANNELS,
    placements: [
      samplePlacement('5.3', 'alpha'),
      samplePlacement('5.2', 'release'),
      samplePlacement('5.0', 'stable'),
    ],
    instances,
    pins: [],
    freezes: [],
    windows: [SAMPLE_WINDOW],
    holds: [],
    upgrades: [],
    policy: { vendor: [], customers: new Map(), instances: new Map() },
    forecasts: new Map([['app', { closedMs: 10 * MINUTE_MS, wayBackMs: 10 * MINUTE_MS }]]),
    upgradesAtOnce: 10,
    stopped: null,
    ...changes,
  };
}
