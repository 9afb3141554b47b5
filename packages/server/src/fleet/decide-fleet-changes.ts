/**
 * What must change so that the database says what the files say. Pure. A rule that stands against a change is an error at
 * the line that asks for it; then nothing at all is changed.
 *
 * Who owns what: a release's channels in the files are its first placements, afterwards people move it. A pin from a file
 * belongs to the file, one set by hand to the hand. What the directory no longer has stays until `prune`.
 */
import type { FleetFiles, Place } from '@sitelift/playbook/fleet-file.ts';
import { checklistName } from '@sitelift/playbook/check-waiting.ts';
import { START_OF_FILE, type SourceError } from '@sitelift/playbook/source-error.ts';
import {
  diffFields,
  FLEET_OBJECTS,
  textOf,
  type FleetItem,
  type FleetObject,
  type PlannedChange,
  type StoredItem,
} from './fleet-change.ts';
import { listItems } from './fleet-items.ts';
import type { StoredFleet } from './stored-fleet.ts';

export interface FleetPlan {
  readonly changes: readonly PlannedChange[];
  readonly errors: readonly SourceError[];
}

/** What concerns the directory as a whole stands here. */
const DIRECTORY: Place = { path: '.', ...START_OF_FILE };

function fault(place: Place, message: string, expected: string | null = null): SourceError {
  return { path: place.path, line: place.line, column: place.column, message, expected };
}

/** Rules that stand against changing one stored object into what the files say. */
function refuseUpdate(item: FleetItem, stored: StoredItem, fleet: StoredFleet): readonly SourceError[] {
  const { object, slug, place, fields } = item;
  const differs = (field: string) => diffFields({ x: stored.fields[field] ?? null }, { x: fields[field] ?? null }).length > 0;
  if (object === 'instance') {
    return ['customer', 'product'].filter(differs).map((field) =>
      fault(place, `instance ${slug} cannot change its ${field}: its history belongs to ${textOf(stored.fields[field])}`, 'a new instance with a name of its own'), // prettier-ignore
    );
  }
  if (object === 'release' && differs('artefact') && fleet.used.has(slug)) {
    return [fault(place, `the artefact of ${slug} is in use and cannot change`, 'a new version')];
  }
  const byHand = stored.managedBy === 'hand' && (object === 'window' || object === 'freeze');
  return byHand ? [fault(place, `${object} ${slug} was set by hand`, 'another name')] : [];
} // prettier-ignore

function decideItem(item: FleetItem, fleet: StoredFleet, errors: SourceError[]): readonly PlannedChange[] {
  const { object, slug, fields } = item;
  const stored = fleet.items.get(object)?.get(slug);
  if (stored === undefined) {
    return [{ object, slug, change: 'create', id: null, wanted: fields, fields: diffFields({}, fields), note: null }];
  }
  // It has been there once: where it goes next is for people to say.
  if (object === 'placement') return [];
  const changed = [
    ...diffFields(stored.fields, fields),
    ...(stored.removed ? [{ field: 'removed', before: true, after: false }] : []),
    ...(stored.managedBy === 'hand' ? [{ field: 'managedBy', before: 'hand', after: 'file' }] : []),
  ];
  if (changed.length === 0) return [];
  const refused = refuseUpdate(item, stored, fleet);
  errors.push(...refused);
  const change: PlannedChange = { object, slug, change: 'update', id: stored.id, wanted: fields, fields: changed, note: null };
  return refused.length > 0 ? [] : [change];
} // prettier-ignore

function decidePin(item: FleetItem, fleet: StoredFleet): readonly PlannedChange[] {
  const { slug, fields } = item;
  const stored = fleet.pins.get(slug);
  const base = { object: 'pin', slug, wanted: fields } as const;
  const create: PlannedChange = { ...base, change: 'create', id: null, fields: diffFields({}, fields), note: null };
  if (stored === undefined) return [create];
  const changed = diffFields(stored.fields, fields);
  if (stored.ended !== null) {
    if (changed.length > 0) return [create];
    const note = `it ended on ${stored.ended.at} (${stored.ended.reason ?? stored.ended.by}); take it out of the file`;
    return [{ ...base, change: 'keep', id: stored.id, fields: [], note }];
  }
  if (stored.managedBy === 'hand') return [keepPinOfHand(slug, stored, changed.length > 0)];
  if (changed.length === 0) return [];
  return [{ ...base, change: 'update', id: stored.id, fields: changed, note: null }];
} // prettier-ignore

function keepPinOfHand(slug: string, stored: StoredItem, fileDiffers: boolean): PlannedChange {
  const owner = textOf(stored.fields['owner']);
  const note = `set by hand, owner ${owner}${fileDiffers ? '; the pin in the file does not apply while it stands' : ''}`;
  return { object: 'pin', slug, change: 'keep', id: stored.id, wanted: stored.fields, fields: [], note };
}

/** Pins that stand and of which the files say nothing, on instances that they do name. */
function decideUnwritten(files: FleetFiles, fleet: StoredFleet, prune: boolean): readonly PlannedChange[] {
  return files.instances.flatMap((instance): readonly PlannedChange[] => {
    const stored = fleet.pins.get(instance.slug);
    if (instance.pin !== null || stored === undefined || stored.ended !== null) return [];
    if (stored.managedBy === 'hand') return [keepPinOfHand(instance.slug, stored, false)];
    if (prune) return [removal('pin', instance.slug, stored)];
    const note = 'the file no longer has it; --prune ends it';
    return [{ object: 'pin', slug: instance.slug, change: 'keep', id: stored.id, wanted: stored.fields, fields: [], note }]; // prettier-ignore
  });
}

function removal(object: FleetObject, slug: string, stored: StoredItem): PlannedChange {
  const fields = diffFields(stored.fields, {});
  return { object, slug, change: 'remove', id: stored.id, wanted: stored.fields, fields, note: null };
}

/** Objects that belong to the directory and that it no longer has. Releases, placements and playbooks are history. */
const PRUNED = ['window', 'freeze', 'policy', 'instance', 'customer', 'product'] as const;

function decidePrune(items: readonly FleetItem[], fleet: StoredFleet, errors: SourceError[]): readonly PlannedChange[] {
  const written = new Set(items.map(({ object, slug }) => `${object}/${slug}`));
  const gone = PRUNED.flatMap((object) =>
    [...(fleet.items.get(object) ?? [])]
      .filter(([slug, stored]) => !stored.removed && stored.managedBy === 'file' && !written.has(`${object}/${slug}`))
      .map(([slug, stored]) => removal(object, slug, stored))
      .sort((a, b) => (a.slug < b.slug ? -1 : 1)),
  );
  const goneInstances = new Set(gone.filter(({ object }) => object === 'instance').map(({ slug }) => slug));
  for (const slug of goneInstances) {
    if (fleet.busy.has(slug))
      errors.push(fault(DIRECTORY, `instance ${slug} cannot be removed: an upgrade of it is not over`, 'to prune again when it is')); // prettier-ignore
  }
  const staying = [...(fleet.items.get('instance') ?? [])].filter(([slug, { removed }]) => !removed && !goneInstances.has(slug));
  for (const { object, slug } of gone) {
    if (object !== 'customer' && object !== 'product') continue;
    const [kept] = staying.find(([, { fields }]) => fields[object] === slug) ?? [];
    if (kept !== undefined) errors.push(fault(DIRECTORY, `${object} ${slug} cannot be removed: instance ${kept} is of it`));
  }
  const pins = [...goneInstances].flatMap((slug) => {
    const stored = fleet.pins.get(slug);
    return stored === undefined || stored.ended !== null ? [] : [removal('pin', slug, stored)];
  });
  return [...pins, ...gone];
} // prettier-ignore

/** References that only the database can tell to be good or broken: what the files leave out may be there already. */
function checkReferences(files: FleetFiles, fleet: StoredFleet): readonly SourceError[] {
  const known = (object: FleetObject, items: readonly { readonly slug: string }[]) =>
    new Set([...items.map(({ slug }) => slug), ...(fleet.items.get(object)?.keys() ?? [])]);
  const playbooks = known('playbook', files.playbooks.map(({ name }) => ({ slug: name })));
  const releases = known('release', files.releases.map(({ product, version }) => ({ slug: `${product} ${version}` })));
  const products = known('product', files.products);
  const customers = known('customer', files.customers);
  const instances = known('instance', files.instances);
  const errors: SourceError[] = [];
  for (const { playbook, place } of files.products)
    if (!playbooks.has(playbook)) errors.push(fault(place, `there is no playbook ${playbook}`));
  for (const { name, recover, path, recoverAt } of files.playbooks)
    if (recover !== null && !playbooks.has(recover))
      errors.push(fault({ path, ...recoverAt }, `there is no playbook ${recover} for ${name} to recover with`));
  const checklists = known('checklist', (files.checklists ?? []).map(({ name }) => ({ slug: name })));
  for (const { name, path, at, checklists: asked } of files.playbooks)
    for (const file of asked)
      if (!checklists.has(checklistName(file)))
        errors.push(fault({ path, ...at }, `there is no checklist ${checklistName(file)} for ${name}`, file));
  for (const { product, smokeTest, version, channels, place } of files.releases) {
    if (!products.has(product)) errors.push(fault(place, `there is no product ${product}`));
    if (smokeTest === 'failed' && channels.length > 0)
      errors.push(fault(place, `${product} ${version} failed its smoke test and may not enter a channel`, 'no channels'));
  }
  for (const { customer, product, target, pin, place } of files.instances) {
    if (!customers.has(customer)) errors.push(fault(place, `there is no customer ${customer}`));
    if (!products.has(product)) errors.push(fault(place, `there is no product ${product}`));
    if (target.kind === 'version' && !releases.has(`${product} ${target.version}`))
      errors.push(fault(place, `there is no release ${product} ${target.version}`));
    if (pin !== null && !releases.has(`${product} ${pin.version}`))
      errors.push(fault(pin.place, `there is no release ${product} ${pin.version}`));
  }
  for (const { scope, place } of [...files.windows, ...files.freezes]) {
    if (scope.kind === 'customer' && !customers.has(scope.customer))
      errors.push(fault(place, `there is no customer ${scope.customer}`));
    if (scope.kind === 'instance' && !instances.has(scope.instance))
      errors.push(fault(place, `there is no instance ${scope.instance}`));
  }
  return errors;
} // prettier-ignore

export function decideFleetChanges(files: FleetFiles, fleet: StoredFleet, prune: boolean): FleetPlan {
  const items = listItems(files);
  const errors = [...checkReferences(files, fleet)];
  const changes = items
    .filter(({ object, slug }) => object !== 'placement' || !fleet.withdrawn.has(slug.split(' in ')[0] ?? ''))
    .flatMap((item) => (item.object === 'pin' ? decidePin(item, fleet) : decideItem(item, fleet, errors)));
  changes.push(...decideUnwritten(files, fleet, prune));
  if (prune) changes.push(...decidePrune(items, fleet, errors));
  const rank = (change: PlannedChange) =>
    change.change === 'remove' ? -FLEET_OBJECTS.indexOf(change.object) : FLEET_OBJECTS.indexOf(change.object);
  const removed = changes.filter(({ change }) => change === 'remove').sort((a, b) => rank(a) - rank(b));
  const others = changes.filter(({ change }) => change !== 'remove').sort((a, b) => rank(a) - rank(b));
  return { changes: [...others, ...removed], errors };
} // prettier-ignore
