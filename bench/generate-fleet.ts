/**
 * A fleet as a vendor has it, of any size, from a seed: the same seed gives the same fleet for ever. Three products, 20 zones,
 * 40 hosts, a live site for every customer and a uat or test for most; most are one release behind, 5 % are pinned, 3 % are
 * frozen, some are held, unhealthy or under way; windows for the fleet, for labels, for customers and for single sites.
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
} from '@sitelift/domain/fleet/fleet.ts';
import { WEEKDAYS } from '@sitelift/domain/fleet/fleet.ts';
import type { FleetSnapshot, UpgradeInProgress } from '@sitelift/domain/planning/snapshot.ts';
import type { PolicyEntry } from '@sitelift/domain/policy/policy.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@sitelift/domain/time/instant.ts';

const ZONES = [
  'Europe/Amsterdam', 'Europe/London', 'Europe/Berlin', 'Europe/Madrid', 'Europe/Helsinki', 'America/New_York',
  'America/Chicago', 'America/Denver', 'America/Los_Angeles', 'America/Toronto', 'America/Sao_Paulo', 'America/Bogota',
  'Asia/Tokyo', 'Asia/Singapore', 'Asia/Kolkata', 'Asia/Dubai', 'Australia/Sydney', 'Australia/Lord_Howe',
  'Africa/Johannesburg', 'Pacific/Auckland',
] as const; // prettier-ignore

const PRODUCTS = ['shop', 'desk', 'ledger'] as const;
/** Oldest first; the last three are in stable, release and alpha. */
const VERSIONS = ['4.0', '4.1', '4.1.1', '4.2', '4.9', '4.15', '5.0', '5.1', '5.2', '5.2.1', '5.3'] as const;
const HOSTS = 40;

/** 02:30 in Amsterdam on a Thursday: the European windows are open, the others are not. */
export const BENCH_NOW = Date.UTC(2026, 10, 26, 1, 30);

/** mulberry32: small, and good enough to scatter a fleet. */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Draft {
  readonly customers: Customer[];
  readonly instances: Instance[];
  readonly pins: Pin[];
  readonly freezes: Freeze[];
  readonly holds: Hold[];
  readonly upgrades: UpgradeInProgress[];
  readonly windows: MaintenanceWindow[];
  readonly policies: Map<Customer['id'], readonly PolicyEntry[]>;
}

function releasesOf(productId: Product['id']): readonly Release[] {
  return VERSIONS.map((version, age) => ({
    id: `rel_${productId.slice(5)}_${version}`,
    productId,
    version,
    kind: version.split('.').length > 2 ? 'hotfix' : 'minor',
    artefact: { kind: 'npm', package: productId.slice(5), version, integrity: null },
    notes: null,
    needsDowntime: true,
    risky: version === '5.3',
    smokeTest: 'passed',
    publishedAt: BENCH_NOW - (VERSIONS.length - age) * 20 * DAY_MS,
    withdrawn:
      version === '4.9' ? { at: BENCH_NOW - 90 * DAY_MS, by: 'mia', reason: 'loses sessions' } : null,
  }));
}

function placementsOf(productId: Product['id']): readonly Placement[] {
  const placed = [['5.0', 'stable'], ['5.1', 'release'], ['5.2', 'release'], ['5.3', 'alpha']] as const; // prettier-ignore
  return placed.map(([version, channel]) => ({
    id: `plc_${productId.slice(5)}_${version}`,
    releaseId: `rel_${productId.slice(5)}_${version}`,
    channel,
    placedAt: BENCH_NOW - 15 * DAY_MS,
    placedBy: 'mia',
    reason: 'fine on our own site',
  }));
}

function windowFor(id: string, scope: MaintenanceWindow['scope'], start: string): MaintenanceWindow {
  return {
    id: `win_${id}`,
    scope,
    days: WEEKDAYS,
    start,
    zone: 'site',
    lengthMs: 3 * HOUR_MS,
    cutOffMs: 30 * MINUTE_MS,
  };
}

export function generateFleet(size: number, seed = 1): FleetSnapshot {
  const roll = dice(seed);
  const one = <T>(of: readonly [T, ...T[]]): T => of[Math.floor(roll() * of.length)] ?? of[0];
  const draft: Draft = {
    customers: [], instances: [], pins: [], freezes: [], holds: [], upgrades: [], windows: [], policies: new Map(),
  }; // prettier-ignore

  function addInstance(customer: Customer, role: Instance['role'], zone: string, product: string): void {
    const slug = `${customer.slug}-${role}`;
    const id = `inst_${slug}` as const;
    const runs = one(['4.15', '5.0', '5.1', '5.1', '5.2', '5.2']);
    const onStable = role === 'live' && roll() < 0.3;
    const channel = onStable ? 'stable' : role === 'live' ? 'release' : one(['beta', 'release', 'release']);
    draft.instances.push({
      id,
      slug,
      customerId: customer.id,
      productId: `prod_${product}`,
      role,
      url: `https://${slug}.example`,
      zone,
      labels: [zone.split('/')[0] ?? zone, roll() < 0.1 ? 'early' : 'standard'],
      host: `host-${Math.floor(roll() * HOSTS)}`,
      target: { kind: 'channel', channel },
      observed: {
        version: runs,
        healthy: roll() > 0.01,
        at: BENCH_NOW - Math.floor(roll() * 10) * MINUTE_MS,
        problem: null,
      },
      recordedVersion: runs,
    });
    if (roll() < 0.05) {
      const ends = one<Pin['ends']>([
        { kind: 'never' },
        { kind: 'at', at: BENCH_NOW + Math.floor(roll() * 90) * DAY_MS },
        { kind: 'channel-reaches', channel: 'release' },
      ]);
      draft.pins.push({ id: `pin_${slug}`, instanceId: id, version: one(['5.0', '5.2.1']), owner: 'ops@vendor.example', reason: 'asked for by the customer', setAt: BENCH_NOW - DAY_MS, ends }); // prettier-ignore
    }
    if (roll() < 0.03) {
      const fromAt = BENCH_NOW - Math.floor(roll() * 5) * DAY_MS;
      const untilAt = BENCH_NOW + Math.floor(roll() * 20 + 1) * DAY_MS;
      draft.freezes.push({ id: `frz_${slug}`, scope: { kind: 'instance', instanceId: id }, fromAt, untilAt, reason: 'sale', owner: customer.slug }); // prettier-ignore
    }
    if (roll() < 0.01)
      draft.holds.push({ id: `hold_${slug}`, instanceId: id, kind: 'rolled-back', reason: 'the write check failed', owner: null, sinceAt: BENCH_NOW - DAY_MS, untilAt: null, releaseId: `rel_${product}_5.2` }); // prettier-ignore
    if (roll() < 0.002)
      draft.upgrades.push({ upgradeId: `upg_${slug}`, instanceId: id, kind: 'nightly', phase: 'open', toVersion: '5.2', startsAt: null }); // prettier-ignore
    if (roll() < 0.01)
      draft.windows.push(
        windowFor(slug, { kind: 'instance', instanceId: id }, one(['01:00', '03:00', '23:00'])),
      );
  }

  while (draft.instances.length < size) {
    const slug = `c${String(draft.customers.length).padStart(6, '0')}`;
    const customer: Customer = { id: `cust_${slug}`, slug, name: `Customer ${slug}` };
    draft.customers.push(customer);
    const zone = one(ZONES);
    const product = one(PRODUCTS);
    const roles: readonly Instance['role'][] =
      roll() < 0.7 ? ['live', 'uat'] : roll() < 0.5 ? ['live', 'test'] : ['live'];
    for (const role of roles) if (draft.instances.length < size) addInstance(customer, role, zone, product);
    if (roll() < 0.02)
      draft.windows.push(
        windowFor(slug, { kind: 'customer', customerId: customer.id }, one(['02:00', '04:00'])),
      );
    if (roll() < 0.02)
      draft.policies.set(customer.id, [
        { key: 'P3', role: null, kind: null, value: 'any-time', final: false },
      ]);
  }

  const products = PRODUCTS.map((slug): Product => ({
    id: `prod_${slug}`,
    slug,
    name: slug,
    playbook: 'overnight',
  }));
  return {
    now: BENCH_NOW,
    customers: draft.customers,
    products,
    releases: products.flatMap(({ id }) => releasesOf(id)),
    channels: [
      { name: 'alpha', rank: 4 },
      { name: 'beta', rank: 3 },
      { name: 'release', rank: 2 },
      { name: 'stable', rank: 1 },
    ],
    placements: products.flatMap(({ id }) => placementsOf(id)),
    instances: draft.instances,
    pins: draft.pins,
    freezes: [
      ...draft.freezes,
      { id: 'frz_label', scope: { kind: 'label', label: 'Pacific' }, fromAt: BENCH_NOW + DAY_MS, untilAt: BENCH_NOW + 3 * DAY_MS, reason: 'holiday', owner: 'mia' }, // prettier-ignore
    ],
    windows: [
      windowFor('fleet', { kind: 'fleet' }, '02:00'),
      windowFor('early', { kind: 'label', label: 'early' }, '00:30'),
      windowFor('asia', { kind: 'label', label: 'Asia' }, '01:30'),
      ...draft.windows,
    ],
    holds: draft.holds,
    upgrades: draft.upgrades,
    policy: {
      vendor: [
        { key: 'P28', role: 'live', kind: null, value: ['uat'], final: false },
        { key: 'P28', role: 'live', kind: 'emergency', value: [], final: false },
        { key: 'P3', role: null, kind: null, value: 'window', final: false },
      ],
      customers: draft.policies,
      instances: new Map(),
    },
    forecasts: new Map(
      PRODUCTS.map((slug) => [slug, { closedMs: 12 * MINUTE_MS, wayBackMs: 8 * MINUTE_MS }]),
    ),
    upgradesAtOnce: Math.ceil(size / 20),
    stopped: null,
  };
}
