/**
 * What the files of a fleet mean together: every name that is used is declared, none twice, and what has an order is in
 * order. All faults of all files at once. A name that may stand in a part that could not be read is left alone: its own
 * fault is reported already, and a second one would send people looking in the wrong place.
 */
import { ACTION_CATALOGUE } from './action-catalogue.ts';
import { checkPlaybook } from './check-playbook.ts';
import { parseDuration } from './duration.ts';
import { keyPlaceOf, placeOf, type FleetDraft, type Placed } from './fleet-draft.ts';
import type { Place } from './fleet-file.ts';
import type { Item } from './fleet-schema.ts';
import { isObject, mergeBindings } from './merge-bindings.ts';
import { didYouMean } from './nearest-word.ts';
import type { Playbook } from './playbook.ts';
import type { PlacedEntry } from './read-policy.ts';
import { MAX_ERRORS_PER_FILE, type SourceError } from './source-error.ts';
import { parseInstant } from './value-schemas.ts';

type Refuse = (place: Place, message: string, expected?: string) => void;

/** Names by what they name, and one question to ask of them. */
class Names {
  readonly #draft: FleetDraft;
  readonly #refuse: Refuse;
  #hints = 0;
  constructor(draft: FleetDraft, refuse: Refuse) {
    this.#draft = draft;
    this.#refuse = refuse;
  }

  /** Refuses `name` when it is not among `known`, with the nearest that is. */
  expect(what: string, name: string, known: ReadonlySet<string>, place: () => Place): boolean {
    if (known.has(name)) return true;
    if (this.#draft.unread.some((text) => text.includes(name))) return false;
    this.#hints += 1;
    const hint = this.#hints > MAX_ERRORS_PER_FILE ? '' : didYouMean(name, [...known]);
    this.#refuse(place(), `there is no ${what} \`${name}\`${hint}`, listed(what, known));
    return false;
  }
}

/** More names than this are no help on one line. */
const LISTED = 12;

function listed(what: string, known: ReadonlySet<string>): string | undefined {
  if (known.size === 0) return `no ${what} is declared in these files`;
  return known.size > LISTED ? undefined : `one of ${[...known].join(', ')}`;
}

/** `shipped` are playbooks that need not stand among the files. */
export function checkFleet(draft: FleetDraft, shipped: ReadonlyMap<string, Playbook>): SourceError[] {
  const errors: SourceError[] = [];
  const refuse: Refuse = (place, message, expected) => {
    errors.push({ ...place, message, expected: expected ?? null });
  };
  const names = new Names(draft, refuse);
  refuseDoubles(draft, refuse);
  checkPlaybooks(draft, shipped, errors);
  checkProducts(draft, shipped, names, refuse);
  checkReleases(draft, names, refuse);
  checkInstances(draft, names, refuse);
  checkScopes(draft, names);
  checkOrder(draft, refuse);
  checkPolicies(draft, refuse);
  return errors;
}

function refuseDoubles(draft: FleetDraft, refuse: Refuse): void {
  const once = <Value>(
    what: string,
    items: readonly Value[],
    name: (item: Value) => string,
    place: (item: Value) => Place,
  ) => {
    const first = new Map<string, Value>();
    for (const item of items) {
      const known = first.get(name(item));
      if (known === undefined) first.set(name(item), item);
      else {
        const { path, line } = place(known);
        refuse(place(item), `the ${what} \`${name(item)}\` is declared twice; first in ${path}:${line}`);
      }
    }
  };
  const slugOf = (key: string) => (item: Placed<unknown>) => placeOf(item, [key]);
  once('product', draft.products, ({ value }) => value.product, slugOf('product'));
  once('release', draft.releases, ({ value }) => `${value.product} ${value.version}`, slugOf('version'));
  once('customer', draft.customers, ({ value }) => value.slug, slugOf('customer'));
  once('instance', draft.instances, ({ value }) => value.item.instance, slugOf('instance'));
  once('window', draft.windows, ({ value }) => value.window, slugOf('window'));
  once('freeze', draft.freezes, ({ value }) => value.freeze, slugOf('freeze'));
  const placeOfPlaybook = ({ path, at }: Playbook) => ({ path, ...at });
  once(
    'checklist',
    draft.checklists,
    ({ name }) => name,
    ({ path, at }) => ({ path, ...at }),
  );
  once('playbook', draft.playbooks, ({ name }) => name, placeOfPlaybook);
  for (const customer of draft.customers) {
    const contacts = customer.value.contacts.map(({ email }, index) => ({ email, index }));
    const placeOfContact = ({ index }: { index: number }) => placeOf(customer, ['contacts', index, 'email']);
    once('contact', contacts, ({ email }) => email.toLowerCase(), placeOfContact);
  }
}

function checkPlaybooks(
  draft: FleetDraft,
  shipped: ReadonlyMap<string, Playbook>,
  errors: SourceError[],
): void {
  const others = new Map([...shipped, ...draft.playbooks.map((each) => [each.name, each] as const)]);
  for (const playbook of draft.playbooks) {
    const { recover } = playbook;
    const mayBeUnread =
      recover !== null && !others.has(recover) && draft.unread.some((text) => text.includes(recover));
    errors.push(...checkPlaybook(playbook, ACTION_CATALOGUE, mayBeUnread ? {} : { others }));
  }
}

function checkProducts(
  draft: FleetDraft,
  shipped: ReadonlyMap<string, Playbook>,
  names: Names,
  refuse: Refuse,
): void {
  const playbooks = new Set([...draft.playbooks.map(({ name }) => name), ...shipped.keys()]);
  for (const product of draft.products) {
    names.expect('playbook', product.value.playbook, playbooks, () => placeOf(product, ['playbook']));
    checkBindingNames(product, product.value.bindings, refuse);
  }
}

function checkReleases(draft: FleetDraft, names: Names, refuse: Refuse): void {
  const products = new Set(draft.products.map(({ value }) => value.product));
  for (const release of draft.releases) {
    const { product, version, smokeTest, channels = [] } = release.value;
    names.expect('product', product, products, () => placeOf(release, ['product']));
    if (smokeTest === 'failed' && channels.length > 0)
      refuse(
        placeOf(release, ['channels']),
        `${version} failed its smoke test and cannot be in a channel`,
        'no `channels`, or a smoke test that passed',
      );
  }
}

function checkInstances(draft: FleetDraft, names: Names, refuse: Refuse): void {
  const products = new Map(draft.products.map(({ value }) => [value.product, value]));
  const productNames = new Set(products.keys());
  const versions = new Map<string, Set<string>>();
  for (const { value } of draft.releases) {
    const known = versions.get(value.product) ?? new Set<string>();
    versions.set(value.product, known.add(value.version));
  }
  for (const instance of draft.instances) {
    const { product, target, pin, bindings } = instance.value.item;
    checkBindingNames(instance, bindings, refuse);
    if (!names.expect('product', product, productNames, () => placeOf(instance, ['product']))) continue;
    const released = versions.get(product) ?? new Set<string>();
    const expectVersion = (version: string, at: readonly string[]) =>
      names.expect(`release of ${product} with the version`, version, released, () => placeOf(instance, at));
    if (typeof target === 'object' && 'version' in target)
      expectVersion(target.version, ['target', 'version']);
    if (pin !== undefined) expectVersion(pin.version, ['pin', 'version']);
    checkDrivers(instance, products.get(product)?.bindings ?? {}, refuse);
  }
}

const ACTIONS = [...ACTION_CATALOGUE.keys()];
const FAMILIES = [...new Set(ACTIONS.map((action) => action.split('/')[0] ?? action))];
const BINDABLE = [...FAMILIES, ...ACTIONS];

function checkBindingNames(
  item: Placed<unknown>,
  bindings: Item<'products'>['bindings'],
  refuse: Refuse,
): void {
  for (const name of Object.keys(bindings ?? {})) {
    if (BINDABLE.includes(name)) continue;
    refuse(
      keyPlaceOf(item, ['bindings', name]),
      `\`${name}\` is neither a family nor an action${didYouMean(name, BINDABLE)}`,
      `a family (${FAMILIES.join(', ')}) or one of its actions`,
    );
  }
}

/** An entry of an instance may leave the driver to its product; together they must name one. */
function checkDrivers(
  instance: FleetDraft['instances'][number],
  defaults: NonNullable<Item<'products'>['bindings']>,
  refuse: Refuse,
): void {
  const own = instance.value.item.bindings ?? {};
  for (const [name, entry] of Object.entries(mergeBindings(defaults, own))) {
    if (isObject(entry) && entry.driver !== undefined) continue;
    refuse(
      Object.hasOwn(own, name) ? keyPlaceOf(instance, ['bindings', name]) : placeOf(instance, ['product']),
      `the binding \`${name}\` names no driver, neither here nor in the product`,
      '`driver: <kind>`',
    );
  }
}

function checkScopes(draft: FleetDraft, names: Names): void {
  const labels = new Set(draft.instances.flatMap(({ value }) => value.item.labels ?? []));
  const customers = new Set(draft.customers.map(({ value }) => value.slug));
  const instances = new Set(draft.instances.map(({ value }) => value.item.instance));
  for (const item of [...draft.windows, ...draft.freezes]) {
    const { scope } = item.value;
    if (scope === 'fleet') continue;
    if ('label' in scope)
      names.expect('instance with the label', scope.label, labels, () => placeOf(item, ['scope', 'label']));
    else if ('customer' in scope)
      names.expect('customer', scope.customer, customers, () => placeOf(item, ['scope', 'customer']));
    else names.expect('instance', scope.instance, instances, () => placeOf(item, ['scope', 'instance']));
  }
}

function checkOrder(draft: FleetDraft, refuse: Refuse): void {
  for (const window of draft.windows) {
    const { length, cutOff } = window.value;
    if (cutOff !== undefined && (parseDuration(cutOff) ?? 0) > (parseDuration(length) ?? 0))
      refuse(
        placeOf(window, ['cutOff']),
        `the cut-off ${cutOff} is longer than the window`,
        `at most ${length}`,
      );
  }
  for (const freeze of draft.freezes) {
    const { from, until } = freeze.value;
    if (until !== undefined && (parseInstant(until) ?? 0) <= (parseInstant(from) ?? 0))
      refuse(placeOf(freeze, ['until']), 'the freeze ends before it begins', `an instant after ${from}`);
  }
}

/** Two values for the same case of one level: which one counts would depend on the order of files. */
function checkPolicies(draft: FleetDraft, refuse: Refuse): void {
  const once = (entries: readonly (PlacedEntry & { readonly path: string })[]) => {
    const seen = new Map<string, Place>();
    for (const { entry, at, path } of entries) {
      const { key, role, kind } = entry;
      const first = seen.get(`${key} ${role} ${kind}`);
      if (first === undefined) seen.set(`${key} ${role} ${kind}`, { path, ...at });
      else {
        const limits = [role === null ? '' : ` for ${role}`, kind === null ? '' : ` for ${kind}`].join('');
        refuse({ path, ...at }, `${key}${limits} has a value already in ${first.path}:${first.line}`);
      }
    }
  };
  once(draft.policy);
  for (const { value, source } of [...draft.customers, ...draft.instances])
    once(value.policy.map((entry) => ({ ...entry, path: source.path })));
}
