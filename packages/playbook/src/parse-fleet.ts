/**
 * A directory of files to a fleet: read one by one, checked together, put together. Either the whole fleet or every fault of
 * every file; nothing in between, because half a fleet applied with `--prune` would remove the other half.
 */
import type { EnvironmentRole, Target } from '@sitelift/domain/fleet/fleet.ts';
import { WEEKDAYS } from '@sitelift/domain/fleet/fleet.ts';
import { FLAG_WORDS, missingOfTwo } from '@sitelift/domain/fleet/minimum-of-two.ts';
import { checkFleet } from './check-fleet.ts';
import { parseDuration } from './duration.ts';
import { emptyDraft, keyPlaceOf, placeOf, type FleetDraft, type Placed } from './fleet-draft.ts';
import {
  DEFAULT_CHANNEL,
  type FleetFiles,
  type FleetInstance,
  type FleetPin,
  type FleetRelease,
  type FleetScope,
} from './fleet-file.ts';
import type { Item } from './fleet-schema.ts';
import { mergeBindings } from './merge-bindings.ts';
import type { Playbook } from './playbook.ts';
import { readFleetFile, type FleetFileText } from './read-fleet-file.ts';
import { sortSourceErrors, START_OF_FILE, type SourceError } from './source-error.ts';
import { parseInstant } from './value-schemas.ts';

export interface ParseFleetOptions {
  /** Playbooks that come with Sitelift. One that a product names, and no file declares, becomes part of the fleet. */
  readonly shipped?: readonly Playbook[];
}

export type ParsedFleet = { readonly fleet: FleetFiles } | { readonly errors: readonly SourceError[] };

/** A hundred thousand instances are about 40 MiB. */
const MAX_FLEET_BYTES = 64 * 1024 * 1024;

export function parseFleet(files: readonly FleetFileText[], options: ParseFleetOptions = {}): ParsedFleet {
  const total = files.reduce((sum, { text }) => sum + text.length, 0);
  if (total > MAX_FLEET_BYTES) {
    const message = `the ${files.length} files are too large together`;
    const expected = `at most ${MAX_FLEET_BYTES / 1024 / 1024} MiB`;
    return { errors: [{ path: files[0]?.path ?? '', ...START_OF_FILE, message, expected }] };
  }
  const shipped = new Map((options.shipped ?? []).map((playbook) => [playbook.name, playbook]));
  const draft = emptyDraft();
  for (const file of files) readFleetFile(file, draft);
  const errors = [...draft.errors, ...checkFleet(draft, shipped)];
  if (errors.length > 0) return { errors: sortSourceErrors(errors) };
  return { fleet: buildFleet(draft, shipped) };
}

function buildFleet(draft: FleetDraft, shipped: ReadonlyMap<string, Playbook>): FleetFiles {
  const products = new Map(draft.products.map((product) => [product.value.product, product]));
  const fleet = {
    products: draft.products.map((item) => ({
      slug: item.value.product,
      name: item.value.name,
      playbook: item.value.playbook,
      bindings: item.value.bindings ?? {},
      settings: item.value.settings ?? {},
      place: placeOf(item),
    })),
    releases: draft.releases.map(buildRelease),
    customers: draft.customers.map((item) => ({
      slug: item.value.slug,
      name: item.value.name,
      contacts: item.value.contacts,
      policy: item.value.policy.map(({ entry }) => entry),
      place: placeOf(item, ['customer']),
    })),
    instances: draft.instances.map((item) => buildInstance(item, products.get(item.value.item.product))),
    windows: draft.windows.map((item) => ({
      slug: item.value.window,
      scope: buildScope(item.value.scope),
      days: item.value.days === 'daily' ? WEEKDAYS : item.value.days,
      start: item.value.start,
      zone: item.value.zone,
      lengthMs: parseDuration(item.value.length) ?? 0,
      cutOffMs: parseDuration(item.value.cutOff ?? '0s') ?? 0,
      place: placeOf(item),
    })),
    freezes: draft.freezes.map((item) => ({
      slug: item.value.freeze,
      scope: buildScope(item.value.scope),
      fromAt: parseInstant(item.value.from) ?? 0,
      untilAt: item.value.until === undefined ? null : parseInstant(item.value.until),
      reason: item.value.reason,
      owner: item.value.owner,
      place: placeOf(item),
    })),
    policy: draft.policy.map(({ entry }) => entry),
    playbooks: withShipped(draft, shipped),
    checklists: draft.checklists,
  };
  return { ...fleet, warnings: sortSourceErrors(warningsOf(fleet)) };
}

function buildRelease(item: Placed<Item<'releases'>>): FleetRelease {
  const { product, version, kind, artefact, notes, needsDowntime, risky, smokeTest, channels } = item.value;
  return {
    product,
    version,
    kind,
    artefact:
      'npm' in artefact
        ? {
            kind: 'npm',
            package: artefact.npm,
            version: artefact.version,
            integrity: artefact.integrity ?? null,
          }
        : { kind: 'digest', digest: artefact.digest, location: artefact.location ?? null },
    notes: notes ?? null,
    needsDowntime: needsDowntime ?? true,
    risky: risky ?? false,
    smokeTest: smokeTest ?? 'not-run',
    channels: [...new Set(channels)],
    place: placeOf(item),
  };
}

function buildInstance(
  placed: FleetDraft['instances'][number],
  product: Placed<Item<'products'>> | undefined,
): FleetInstance {
  const { customer, item, policy } = placed.value;
  const own = item.bindings ?? {};
  const bindings = mergeBindings(product?.value.bindings ?? {}, own);
  const bindingPlaces = Object.fromEntries(
    Object.keys(bindings).map((name) => [
      name,
      Object.hasOwn(own, name) || product === undefined
        ? keyPlaceOf(placed, ['bindings', name])
        : keyPlaceOf(product, ['bindings', name]),
    ]),
  );
  return {
    slug: item.instance,
    customer,
    role: item.role,
    product: item.product,
    url: item.url,
    zone: item.zone,
    labels: [...new Set(item.labels)],
    host: item.host ?? null,
    target: buildTarget(item),
    pin: buildPin(placed),
    settings: { ...product?.value.settings, ...item.settings },
    bindings,
    bindingPlaces,
    policy: policy.map(({ entry }) => entry),
    place: placeOf(placed),
  };
}

function buildTarget({ target, role }: Item<'instances'>): Target {
  if (target === undefined) return { kind: 'channel', channel: DEFAULT_CHANNEL[role] };
  if (typeof target === 'string') return { kind: 'channel', channel: target };
  return 'channel' in target
    ? { kind: 'channel', channel: target.channel }
    : { kind: 'version', version: target.version };
}

function buildPin(placed: FleetDraft['instances'][number]): FleetPin | null {
  const { pin } = placed.value.item;
  if (pin === undefined) return null;
  const at = pin.until === undefined ? null : parseInstant(pin.until);
  return {
    version: pin.version,
    owner: pin.owner,
    reason: pin.reason,
    ends:
      at !== null
        ? { kind: 'at', at }
        : pin.untilChannel !== undefined
          ? { kind: 'channel-reaches', channel: pin.untilChannel }
          : { kind: 'never' },
    place: keyPlaceOf(placed, ['pin']),
  };
}

function buildScope(scope: Item<'windows'>['scope']): FleetScope {
  if (scope === 'fleet') return { kind: 'fleet' };
  if ('label' in scope) return { kind: 'label', label: scope.label };
  return 'customer' in scope
    ? { kind: 'customer', customer: scope.customer }
    : { kind: 'instance', instance: scope.instance };
}

/** The files' own playbooks, and those of the shipped ones that a product or a `recover` names. */
function withShipped(draft: FleetDraft, shipped: ReadonlyMap<string, Playbook>): readonly Playbook[] {
  const found = new Map(draft.playbooks.map((playbook) => [playbook.name, playbook]));
  const wanted = [
    ...draft.products.map(({ value }) => value.playbook),
    ...draft.playbooks.flatMap(({ recover }) => recover ?? []),
  ];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    const playbook = shipped.get(name);
    if (playbook === undefined || found.has(name)) continue;
    found.set(name, playbook);
    if (playbook.recover !== null) wanted.push(playbook.recover);
  }
  return [...found.values()];
}

/** C1: a customer has live and at least one other; and a playbook that is not meant for a role upgrades nothing there. */
function warningsOf(fleet: Omit<FleetFiles, 'warnings'>): SourceError[] {
  const rolesOf = new Map<string, Set<EnvironmentRole>>();
  for (const { customer, role } of fleet.instances)
    rolesOf.set(customer, (rolesOf.get(customer) ?? new Set<EnvironmentRole>()).add(role));
  const few = fleet.customers.flatMap(({ slug, place }) => {
    const missing = missingOfTwo(rolesOf.get(slug) ?? []);
    if (missing === null) return [];
    const message = `the customer \`${slug}\` has ${missing}: ${FLAG_WORDS['below-minimum-of-two']}`;
    return [{ ...place, message, expected: 'a live instance, and another to try upgrades on' }];
  });
  const playbookOf = new Map(fleet.products.map(({ slug, playbook }) => [slug, playbook]));
  const playbooks = new Map(fleet.playbooks.map((playbook) => [playbook.name, playbook]));
  const unmeant = fleet.instances.flatMap(({ slug, product, role, place }) => {
    const playbook = playbooks.get(playbookOf.get(product) ?? '');
    if (playbook?.roles === undefined || playbook.roles === null || playbook.roles.includes(role)) return [];
    const message = `the playbook \`${playbook.name}\` of \`${slug}\` is not meant for the role ${role}`;
    return [{ ...place, message, expected: `a role among ${playbook.roles.join(', ')}` }];
  });
  return [...few, ...unmeant];
}
