/**
 * Policies P1-P30 (requirements, "Policies"): what each vendor configures instead of what we hard-wire. One YAML per
 * vendor; merged vendor < customer < instance, and within a level plain < role < kind < role + kind. A customer's own
 * entry beats any of the vendor's unless that is marked `final` (semantics 2). The merged value is frozen into a plan.
 */
import type { EnvironmentRole, ReleaseKind } from '../fleet/fleet.ts';
import type { CustomerId, InstanceId } from '../ids.ts';

export const POLICY_KEYS = [
  'P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P8', 'P9', 'P10',
  'P11', 'P12', 'P13', 'P14', 'P15', 'P16', 'P17', 'P18', 'P19', 'P20',
  'P21', 'P22', 'P23', 'P24', 'P25', 'P26', 'P27', 'P28', 'P29', 'P30',
] as const; // prettier-ignore
export type PolicyKey = (typeof POLICY_KEYS)[number];

export type PolicyValue =
  null | boolean | number | string | readonly PolicyValue[] | { readonly [key: string]: PolicyValue };

/** One entry: the value of a key, perhaps only for a role and/or a kind of change. */
export interface PolicyEntry {
  readonly key: PolicyKey;
  readonly role: EnvironmentRole | null;
  readonly kind: ReleaseKind | null;
  readonly value: PolicyValue;
  /** Only meaningful at the vendor's level: a customer or an instance cannot override it. */
  readonly final: boolean;
}

export interface PolicySet {
  readonly vendor: readonly PolicyEntry[];
  readonly customers: ReadonlyMap<CustomerId, readonly PolicyEntry[]>;
  readonly instances: ReadonlyMap<InstanceId, readonly PolicyEntry[]>;
}
