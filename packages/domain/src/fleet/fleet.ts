/**
 * What the vendor has: customers, their instances, products, releases, channels, and the rules that hold a night back.
 * Words as in docs/glossary.md. Everything is readonly: the planner decides over a snapshot of these and changes nothing.
 */
import type {
  CustomerId,
  FreezeId,
  HoldId,
  InstanceId,
  PinId,
  PlacementId,
  ProductId,
  ReleaseId,
  WindowId,
} from '../ids.ts';
import type { EpochMs } from '../time/instant.ts';

/** Environment roles (C2). `live` is production; a customer has live and usually one other. */
export const ENVIRONMENT_ROLES = ['live', 'uat', 'test', 'validation', 'staging', 'sandbox'] as const;
export type EnvironmentRole = (typeof ENVIRONMENT_ROLES)[number];

export const RELEASE_KINDS = ['major', 'minor', 'hotfix', 'emergency', 'update', 'beta'] as const;
export type ReleaseKind = (typeof RELEASE_KINDS)[number];

export interface Customer {
  readonly id: CustomerId;
  readonly slug: string;
  readonly name: string;
}

export interface Product {
  readonly id: ProductId;
  readonly slug: string;
  readonly name: string;
  /** Playbook that upgrades an instance of this product, by name. */
  readonly playbook: string;
}

/** One version of a product. `artefact` names bytes exactly: a package version with its integrity, or a digest. */
export interface Release {
  readonly id: ReleaseId;
  readonly productId: ProductId;
  readonly version: string;
  readonly kind: ReleaseKind;
  readonly artefact: Artefact;
  readonly notes: string | null;
  readonly needsDowntime: boolean;
  readonly risky: boolean;
  /** A build whose smoke test failed cannot enter any channel (C14). */
  readonly smokeTest: 'passed' | 'failed' | 'not-run';
  readonly publishedAt: EpochMs;
  readonly withdrawn: { readonly at: EpochMs; readonly by: string; readonly reason: string } | null;
}

export type Artefact =
  | {
      readonly kind: 'npm';
      readonly package: string;
      readonly version: string;
      readonly integrity: string | null;
    }
  | { readonly kind: 'digest'; readonly digest: string; readonly location: string | null };

/** A channel's rank: the greater, the further from production. alpha 4 > beta 3 > release 2 > stable 1 (C6). */
export interface Channel {
  readonly name: string;
  readonly rank: number;
}

/** A release in a channel. History is never overwritten: an ended placement keeps who ended it and why. */
export interface Placement {
  readonly id: PlacementId;
  readonly releaseId: ReleaseId;
  readonly channel: string;
  readonly placedAt: EpochMs;
  readonly placedBy: string;
  readonly reason: string;
}

/** What an instance should run (C4). A pin is kept apart, because it has an owner, a reason and an end. */
export type Target =
  | { readonly kind: 'channel'; readonly channel: string }
  | { readonly kind: 'version'; readonly version: string };

/** A pin overrides the target until it ends: at an instant, or when a channel reaches the pinned version (C7, C8). */
export interface Pin {
  readonly id: PinId;
  readonly instanceId: InstanceId;
  readonly version: string;
  readonly owner: string;
  readonly reason: string;
  readonly setAt: EpochMs;
  readonly ends:
    | { readonly kind: 'never' }
    | { readonly kind: 'at'; readonly at: EpochMs }
    | { readonly kind: 'channel-reaches'; readonly channel: string };
}

/** What a probe saw, and when. The current version is always observed, never assumed from a plan. */
export interface Observation {
  readonly version: string | null;
  readonly healthy: boolean;
  readonly at: EpochMs;
  readonly problem: string | null;
}

export interface Instance {
  readonly id: InstanceId;
  readonly slug: string;
  readonly customerId: CustomerId;
  readonly productId: ProductId;
  readonly role: EnvironmentRole;
  readonly url: string;
  /** IANA zone of the site, e.g. `Europe/Amsterdam`. */
  readonly zone: string;
  readonly labels: readonly string[];
  readonly host: string | null;
  readonly target: Target;
  readonly observed: Observation | null;
  /** The version that the last finished upgrade installed; shown beside the observed one when they differ. */
  readonly recordedVersion: string | null;
}

export type Scope =
  | { readonly kind: 'fleet' }
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'customer'; readonly customerId: CustomerId }
  | { readonly kind: 'instance'; readonly instanceId: InstanceId };

/** A stretch of time in which nothing commits within the scope. Deny wins over every window. */
export interface Freeze {
  readonly id: FreezeId;
  readonly scope: Scope;
  readonly fromAt: EpochMs;
  readonly untilAt: EpochMs | null;
  readonly reason: string;
  readonly owner: string;
}

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/**
 * A weekly maintenance window: local start, exact elapsed length, and a cut-off (nothing commits later than
 * `length - cutOff` after the start). The most specific scope that has windows counts (instance, customer, label, fleet).
 */
export interface MaintenanceWindow {
  readonly id: WindowId;
  readonly scope: Scope;
  readonly days: readonly Weekday[];
  /** `HH:MM`, local. */
  readonly start: string;
  /** IANA zone, or `site` for the zone of the instance. */
  readonly zone: string;
  readonly lengthMs: number;
  readonly cutOffMs: number;
}

/** One night's window, resolved. Instants only. */
export interface WindowOccurrence {
  readonly windowId: WindowId;
  readonly opensAt: EpochMs;
  readonly closesAt: EpochMs;
  /** Last instant at which a run may still commit. */
  readonly cutOffAt: EpochMs;
}

/** A typed reason not to go on, which stands until somebody clears it or its time has come. */
export interface Hold {
  readonly id: HoldId;
  readonly instanceId: InstanceId;
  readonly kind: HoldKind;
  readonly reason: string;
  readonly owner: string | null;
  readonly sinceAt: EpochMs;
  readonly untilAt: EpochMs | null;
  /** The release that the hold speaks of; null holds every release. */
  readonly releaseId: ReleaseId | null;
}

export const HOLD_KINDS = [
  'rolled-back',
  'upgrade-failed',
  'needs-a-person',
  'by-hand',
  'known-bad-pair',
] as const;
export type HoldKind = (typeof HOLD_KINDS)[number];
