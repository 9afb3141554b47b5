/**
 * Which instances a person means (C13): every kind of word that was given must fit, and within a kind any one does. A word
 * that fits nothing in the whole fleet is told, not passed over: a misspelt customer among five would be left out unnoticed.
 */
import type { FleetSnapshot } from '../planning/snapshot.ts';
import type { EnvironmentRole, Instance } from './fleet.ts';

/** A kind that is absent asks for nothing; `all` fits every instance. Customers and products by slug. */
export interface InstanceSelection {
  readonly all?: true | undefined;
  readonly roles?: readonly EnvironmentRole[] | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly customers?: readonly string[] | undefined;
  readonly products?: readonly string[] | undefined;
  /** Slugs or ids. */
  readonly instances?: readonly string[] | undefined;
}

const SELECTION_KINDS = ['roles', 'labels', 'customers', 'products', 'instances'] as const;
type SelectionKind = (typeof SELECTION_KINDS)[number];

/** A word at its place in the selection that fits no instance at all. */
export interface UnknownWord {
  readonly kind: SelectionKind;
  readonly index: number;
}

export interface SelectedInstances {
  readonly instances: readonly Instance[];
  readonly unknown: readonly UnknownWord[];
}

type Fleet = Pick<FleetSnapshot, 'instances' | 'customers' | 'products'>;

export function selectInstances(fleet: Fleet, selection: InstanceSelection): SelectedInstances {
  const customers = new Map(fleet.customers.map(({ id, slug }) => [id, slug]));
  const products = new Map(fleet.products.map(({ id, slug }) => [id, slug]));
  /** What an instance answers to, by kind. */
  const wordsOf: Readonly<Record<SelectionKind, (instance: Instance) => readonly string[]>> = {
    roles: ({ role }) => [role],
    labels: ({ labels }) => labels,
    customers: ({ customerId }) => [customers.get(customerId) ?? customerId],
    products: ({ productId }) => [products.get(productId) ?? productId],
    instances: ({ slug, id }) => [slug, id],
  };
  const given = SELECTION_KINDS.flatMap((kind) => {
    const words = selection[kind];
    return words === undefined ? [] : [{ kind, words, wanted: new Set<string>(words) }];
  });
  const unknown = given.flatMap(({ kind, words }) => {
    // Roles come from a fixed list: one that no instance has is no slip, as when somebody means all that is not live.
    if (kind === 'roles') return [];
    const known = new Set(fleet.instances.flatMap(wordsOf[kind]));
    return words.flatMap((word, index) => (known.has(word) ? [] : [{ kind, index }]));
  });
  // Nothing asked for is nothing meant, never everything.
  const isEmpty = given.length === 0 && selection.all !== true;
  const instances = isEmpty
    ? []
    : fleet.instances.filter((instance) =>
        given.every(({ kind, wanted }) => wordsOf[kind](instance).some((word) => wanted.has(word))),
      );
  return { instances, unknown };
}
