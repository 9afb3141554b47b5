/**
 * Rules with a scope (windows, freezes), looked up by instance without walking all of them: a fleet of 100,000 instances with
 * a window of its own each would otherwise cost 10^10 comparisons. Lists are shared between instances and compare by
 * identity, so that what is worked out for one list serves every instance that has it.
 */
import type { Instance, Scope } from './fleet.ts';

type Scoped = Pick<Instance, 'id' | 'customerId' | 'labels'>;

export interface ScopeIndex<T> {
  /** Every rule that speaks of the instance. */
  readonly all: (instance: Scoped) => readonly T[];
  /** Only those of the most specific scope that has any: instance, else customer, else labels, else fleet. */
  readonly mostSpecific: (instance: Scoped) => readonly T[];
}

function keyOf(scope: Scope): string {
  switch (scope.kind) {
    case 'fleet':
      return 'fleet';
    case 'label':
      return `label ${scope.label}`;
    case 'customer':
      return scope.customerId;
    case 'instance':
      return scope.instanceId;
    default:
      return scope satisfies never;
  }
}

export function indexByScope<T extends { readonly scope: Scope }>(rules: readonly T[]): ScopeIndex<T> {
  const byKey = new Map<string, T[]>();
  for (const rule of rules) {
    const key = keyOf(rule.scope);
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [rule]);
    else list.push(rule);
  }
  const none: readonly T[] = [];
  const joined = new Map<string, readonly T[]>();

  /** Lists of several keys, joined once per combination of keys that have any. */
  function join(keys: readonly string[]): readonly T[] {
    const found = keys.filter((key) => byKey.has(key));
    const [only] = found;
    if (only === undefined) return none;
    if (found.length === 1) return byKey.get(only) ?? none;
    const name = found.join('\n');
    let list = joined.get(name);
    if (list === undefined) {
      list = found.flatMap((key) => byKey.get(key) ?? []);
      joined.set(name, list);
    }
    return list;
  }

  function labelKeys(instance: Scoped): readonly string[] {
    return [...new Set(instance.labels)].map((label) => `label ${label}`);
  }

  return {
    all: (instance) =>
      byKey.size === 0 ? none : join([instance.id, instance.customerId, ...labelKeys(instance), 'fleet']),
    mostSpecific: (instance) => {
      const own = byKey.get(instance.id) ?? byKey.get(instance.customerId);
      if (own !== undefined) return own;
      const byLabel = join(labelKeys(instance));
      return byLabel.length > 0 ? byLabel : (byKey.get('fleet') ?? none);
    },
  };
}
