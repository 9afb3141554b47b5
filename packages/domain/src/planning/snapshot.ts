/**
 * Everything that a night's decisions depend on, read once and frozen, with the clock in it. The same snapshot gives the
 * same decisions for ever: the night, the forecast, `why`, what-if and replay all call `planNight` on one of these.
 */
import type {
  Channel,
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
import type { InstanceId, UpgradeId } from '../ids.ts';
import type { PolicySet } from '../policy/policy.ts';
import type { EpochMs } from '../time/instant.ts';
import type { KnownBadPair } from './known-bad-pair.ts';

/** An upgrade that is not over: planned (a claim on the future) or open (it holds the instance, rule 21). */
export interface UpgradeInProgress {
  readonly upgradeId: UpgradeId;
  readonly instanceId: InstanceId;
  readonly kind: 'emergency' | 'booked' | 'nightly' | 'requested';
  readonly phase: 'planned' | 'open';
  readonly toVersion: string;
  readonly startsAt: EpochMs | null;
}

/** How long an upgrade of this product is expected to take (p95 in milliseconds) and to undo; see semantics 7. */
export interface DurationForecast {
  readonly closedMs: number;
  readonly wayBackMs: number;
}

export interface FleetSnapshot {
  /** The instant that is decided for. */
  readonly now: EpochMs;
  /** When the rows were read, if that was another instant (a forecast): observations are as old as they were then. */
  readonly readAt?: EpochMs;
  readonly customers: readonly Customer[];
  readonly products: readonly Product[];
  readonly releases: readonly Release[];
  readonly channels: readonly Channel[];
  /** Open placements only (not ended, whether or not the release is withdrawn). */
  readonly placements: readonly Placement[];
  readonly instances: readonly Instance[];
  /** Pins not yet ended. */
  readonly pins: readonly Pin[];
  readonly freezes: readonly Freeze[];
  readonly windows: readonly MaintenanceWindow[];
  /** Holds not yet cleared. */
  readonly holds: readonly Hold[];
  /** Those that stand against the playbook as it is now. */
  readonly badPairs?: readonly KnownBadPair[];
  readonly upgrades: readonly UpgradeInProgress[];
  readonly policy: PolicySet;
  /** By product slug; absent means no history and no expectation is known. */
  readonly forecasts: ReadonlyMap<string, DurationForecast>;
  /** How many upgrades may be open at once over the whole fleet. */
  readonly upgradesAtOnce: number;
  /** Since when nothing may start (stop-the-world), or null. */
  readonly stopped: { readonly at: EpochMs; readonly by: string; readonly reason: string } | null;
}
