/**
 * A snapshot, read once into maps, so that the decision for one instance never walks the fleet. Everything that repeats over
 * a fleet (what a channel offers, which window comes next in a zone, a policy that only the vendor speaks of) is worked out
 * once per value, not once per instance.
 */
import type {
  Customer,
  Freeze,
  Hold,
  Instance,
  MaintenanceWindow,
  Pin,
  Product,
  ReleaseKind,
} from '../fleet/fleet.ts';
import { indexByScope, type ScopeIndex } from '../fleet/scope-index.ts';
import type { CustomerId, InstanceId, ProductId } from '../ids.ts';
import { effectivePolicy } from '../policy/effective-policy.ts';
import type { PolicyKey, PolicyValue } from '../policy/policy.ts';
import { firstFit, type Fit } from '../time/first-fit.ts';
import { isKnownZone } from '../time/format-instant.ts';
import type { EpochMs } from '../time/instant.ts';
import type { KnownBadPair } from './known-bad-pair.ts';
import { indexReleases, type ReleaseIndex } from './resolve-target.ts';
import type { DurationForecast, FleetSnapshot, UpgradeInProgress } from './snapshot.ts';

export interface FleetIndex {
  readonly releases: ReleaseIndex;
  readonly customers: ReadonlyMap<CustomerId, Customer>;
  readonly products: ReadonlyMap<ProductId, Product>;
  readonly pins: ReadonlyMap<InstanceId, Pin>;
  readonly holds: ReadonlyMap<InstanceId, readonly Hold[]>;
  readonly badPairs: ReadonlyMap<InstanceId, readonly KnownBadPair[]>;
  readonly upgrades: ReadonlyMap<InstanceId, readonly UpgradeInProgress[]>;
  readonly windows: ScopeIndex<MaintenanceWindow>;
  readonly freezes: ScopeIndex<Freeze>;
  readonly forecast: (productId: ProductId) => DurationForecast;
  readonly policy: (instance: Instance, kind: ReleaseKind | null, key: PolicyKey) => PolicyValue | undefined;
  /** `firstFit` over windows whose zone is known, remembered per list of windows, zone, need and instant. */
  readonly fit: (
    windows: readonly MaintenanceWindow[],
    zone: string,
    from: EpochMs,
    needMs: number,
  ) => Fit | null;
}

function groupByInstance<T extends { readonly instanceId: InstanceId }>(
  items: readonly T[],
): ReadonlyMap<InstanceId, readonly T[]> {
  const groups = new Map<InstanceId, T[]>();
  for (const item of items) {
    const group = groups.get(item.instanceId);
    if (group === undefined) groups.set(item.instanceId, [item]);
    else group.push(item);
  }
  return groups;
}

/** One pin per instance; should there be several, the one that was set last. */
function latestPins(pins: readonly Pin[]): ReadonlyMap<InstanceId, Pin> {
  const latest = new Map<InstanceId, Pin>();
  for (const pin of pins) {
    const other = latest.get(pin.instanceId);
    if (other === undefined || pin.setAt >= other.setAt) latest.set(pin.instanceId, pin);
  }
  return latest;
}

function rememberFits(): FleetIndex['fit'] {
  const byWindows = new Map<readonly MaintenanceWindow[], Map<string, Fit | null>>();
  return (windows, zone, from, needMs) => {
    let fits = byWindows.get(windows);
    if (fits === undefined) {
      fits = new Map();
      byWindows.set(windows, fits);
    }
    const key = `${zone} ${from} ${needMs}`;
    const known = fits.get(key);
    if (known !== undefined) return known;
    const usable = windows.filter((window) => isKnownZone(window.zone === 'site' ? zone : window.zone));
    const fit = firstFit(usable, zone, from, needMs);
    fits.set(key, fit);
    return fit;
  };
}

function rememberPolicies({ policy }: FleetSnapshot): FleetIndex['policy'] {
  const vendorOnly = new Map<string, PolicyValue | undefined>();
  return (instance, kind, key) => {
    const subject = { customerId: instance.customerId, instanceId: instance.id, role: instance.role, kind };
    if (policy.customers.has(instance.customerId) || policy.instances.has(instance.id))
      return effectivePolicy(policy, subject, key);
    const name = `${key} ${instance.role} ${kind ?? ''}`;
    if (!vendorOnly.has(name)) vendorOnly.set(name, effectivePolicy(policy, subject, key));
    return vendorOnly.get(name);
  };
}

const NO_FORECAST: DurationForecast = { closedMs: 0, wayBackMs: 0 };

export function indexFleet(snapshot: FleetSnapshot): FleetIndex {
  const products = new Map(snapshot.products.map((product) => [product.id, product]));
  return {
    releases: indexReleases(snapshot),
    customers: new Map(snapshot.customers.map((customer) => [customer.id, customer])),
    products,
    pins: latestPins(snapshot.pins),
    holds: groupByInstance(snapshot.holds),
    badPairs: groupByInstance(snapshot.badPairs ?? []),
    upgrades: groupByInstance(snapshot.upgrades),
    windows: indexByScope(snapshot.windows),
    freezes: indexByScope(snapshot.freezes),
    forecast: (productId) => snapshot.forecasts.get(products.get(productId)?.slug ?? '') ?? NO_FORECAST,
    policy: rememberPolicies(snapshot),
    fit: rememberFits(),
  };
}
