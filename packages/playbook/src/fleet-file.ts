/**
 * The fleet as its files declare it: complete with defaults, checked against each other, in slugs and not yet in ids. Each
 * item keeps its place, so that whoever finds a fault later (a driver that refuses its settings) can name the line.
 * Durations are milliseconds here and instants milliseconds since the epoch; nobody parses them again.
 */
import type {
  Artefact,
  EnvironmentRole,
  ReleaseKind,
  Target,
  Weekday,
} from '@sitelift/domain/fleet/fleet.ts';
import type { PolicyEntry } from '@sitelift/domain/policy/policy.ts';
import type { JsonObject } from '@sitelift/domain/run/plan.ts';
import type { EpochMs } from '@sitelift/domain/time/instant.ts';
import type { Checklist } from './parse-checklist.ts';
import type { Playbook } from './playbook.ts';
import type { Position, SourceError } from './source-error.ts';

/** Where something stands: enough for `file:line:column`. */
export interface Place extends Position {
  readonly path: string;
}

/** Channels from the furthest from production to the nearest (C6). */
export const CHANNEL_NAMES = ['alpha', 'beta', 'release', 'stable'] as const;
export type ChannelName = (typeof CHANNEL_NAMES)[number];

/** A new instance without a `target` follows this channel (C4). */
export const DEFAULT_CHANNEL: Readonly<Record<EnvironmentRole, ChannelName>> = {
  live: 'release',
  uat: 'release',
  validation: 'release',
  staging: 'release',
  test: 'beta',
  sandbox: 'beta',
};

/** Roles of a customer's people, as the glossary has them. A notice goes to a role, an address or `all`. */
export const CONTACT_ROLES = [
  'primary',
  'secondary',
  'accounting',
  'main',
  'implementer',
  'developer',
  'tester',
  'representative',
] as const;
export type ContactRole = (typeof CONTACT_ROLES)[number];

export type FleetScope =
  | { readonly kind: 'fleet' }
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'customer'; readonly customer: string }
  | { readonly kind: 'instance'; readonly instance: string };

export interface FleetProduct {
  readonly slug: string;
  readonly name: string;
  readonly playbook: string;
  /** Defaults of its instances; `FleetInstance` has them merged already. */
  readonly bindings: JsonObject;
  readonly settings: JsonObject;
  readonly place: Place;
}

export interface FleetRelease {
  readonly product: string;
  readonly version: string;
  readonly kind: ReleaseKind;
  readonly artefact: Artefact;
  readonly notes: string | null;
  readonly needsDowntime: boolean;
  readonly risky: boolean;
  readonly smokeTest: 'passed' | 'failed' | 'not-run';
  /** First placements only: where it was never placed, applying places it; afterwards people move it. */
  readonly channels: readonly ChannelName[];
  readonly place: Place;
}

export interface FleetContact {
  readonly name: string;
  readonly email: string;
  readonly roles: readonly ContactRole[];
}

export interface FleetCustomer {
  readonly slug: string;
  readonly name: string;
  readonly contacts: readonly FleetContact[];
  readonly policy: readonly PolicyEntry[];
  readonly place: Place;
}

export interface FleetPin {
  readonly version: string;
  readonly owner: string;
  readonly reason: string;
  readonly ends:
    | { readonly kind: 'never' }
    | { readonly kind: 'at'; readonly at: EpochMs }
    | { readonly kind: 'channel-reaches'; readonly channel: ChannelName };
  readonly place: Place;
}

export interface FleetInstance {
  readonly slug: string;
  readonly customer: string;
  readonly role: EnvironmentRole;
  readonly product: string;
  readonly url: string;
  readonly zone: string;
  readonly labels: readonly string[];
  readonly host: string | null;
  readonly target: Target;
  readonly pin: FleetPin | null;
  /** Effective: the product's defaults with the instance's own keys over them. */
  readonly settings: JsonObject;
  /** Effective, see `mergeBindings`: every entry names its driver. */
  readonly bindings: JsonObject;
  /** Where each effective entry of `bindings` stands: in the instance, else in its product. */
  readonly bindingPlaces: Readonly<Record<string, Place>>;
  readonly policy: readonly PolicyEntry[];
  readonly place: Place;
}

export interface FleetWindow {
  readonly slug: string;
  readonly scope: FleetScope;
  readonly days: readonly Weekday[];
  /** `HH:MM`, local. */
  readonly start: string;
  /** IANA zone, or `site`. */
  readonly zone: string;
  readonly lengthMs: number;
  readonly cutOffMs: number;
  readonly place: Place;
}

export interface FleetFreeze {
  readonly slug: string;
  readonly scope: FleetScope;
  readonly fromAt: EpochMs;
  readonly untilAt: EpochMs | null;
  readonly reason: string;
  readonly owner: string;
  readonly place: Place;
}

export interface FleetFiles {
  readonly products: readonly FleetProduct[];
  readonly releases: readonly FleetRelease[];
  readonly customers: readonly FleetCustomer[];
  readonly instances: readonly FleetInstance[];
  readonly windows: readonly FleetWindow[];
  readonly freezes: readonly FleetFreeze[];
  /** The vendor's level; customers and instances carry their own. */
  readonly policy: readonly PolicyEntry[];
  readonly playbooks: readonly Playbook[];
  /** Left out: none. */
  readonly checklists?: readonly Checklist[];
  /** Legal but worth a word, such as a customer with nothing to try an upgrade on (C1). */
  readonly warnings: readonly SourceError[];
}
