/**
 * Which value of a policy counts for an instance and a kind of change (semantics 2). The level decides first: vendor <
 * customer < instance; within a level the more exact entry: plain < role < kind < role + kind; of two alike the later one.
 * A `final` entry of the vendor's takes the key away from customers and instances: the vendor's level alone decides it then.
 * (That the whole level decides, and not the final entry alone, is the reading that has no cycle: a vendor may say "final,
 * but for uat something else", and a customer can undo neither.)
 */
import type { EnvironmentRole, ReleaseKind } from '../fleet/fleet.ts';
import type { CustomerId, InstanceId } from '../ids.ts';
import type { PolicyEntry, PolicyKey, PolicySet, PolicyValue } from './policy.ts';

export interface PolicySubject {
  readonly customerId: CustomerId;
  readonly instanceId: InstanceId;
  readonly role: EnvironmentRole;
  /** Kind of the change; null when none is known: entries for a kind do not count then. */
  readonly kind: ReleaseKind | null;
}

export const POLICY_LEVELS = ['vendor', 'customer', 'instance'] as const;
export type PolicyLevel = (typeof POLICY_LEVELS)[number];

export interface DecidingEntry {
  readonly level: PolicyLevel;
  readonly entry: PolicyEntry;
}

function exactness(entry: PolicyEntry): number {
  return (entry.kind === null ? 0 : 2) + (entry.role === null ? 0 : 1);
}

function speaksOf(entry: PolicyEntry, subject: PolicySubject, key: PolicyKey): boolean {
  if (entry.key !== key) return false;
  return (
    (entry.role === null || entry.role === subject.role) &&
    (entry.kind === null || entry.kind === subject.kind)
  );
}

/** The entry that decides, and at which level, for screens that explain it; null when nobody says anything. */
export function decidingEntry(set: PolicySet, subject: PolicySubject, key: PolicyKey): DecidingEntry | null {
  const levels: readonly (readonly [PolicyLevel, readonly PolicyEntry[] | undefined])[] = [
    ['vendor', set.vendor],
    ['customer', set.customers.get(subject.customerId)],
    ['instance', set.instances.get(subject.instanceId)],
  ];
  let best: DecidingEntry | null = null;
  for (const [level, entries] of levels) {
    let isFinal = false;
    let found: PolicyEntry | null = null;
    for (const entry of entries ?? []) {
      if (!speaksOf(entry, subject, key)) continue;
      if (found === null || exactness(entry) >= exactness(found)) found = entry;
      isFinal ||= entry.final && level === 'vendor';
    }
    if (found !== null) best = { level, entry: found };
    if (isFinal) return best;
  }
  return best;
}

/** The value that counts; undefined when no level says anything about the key (its documented default counts then). */
export function effectivePolicy(
  set: PolicySet,
  subject: PolicySubject,
  key: PolicyKey,
): PolicyValue | undefined {
  return decidingEntry(set, subject, key)?.entry.value;
}
