/**
 * What the files of a fleet declare, item by item, before anybody asks whether it fits together. Names of items that were
 * refused for their shape are kept too: an instance of a product with a wrong key is not an instance of an unknown product.
 */
import type { FleetContact } from './fleet-file.ts';
import { ITEM_KINDS, type Item, type ItemKind } from './fleet-schema.ts';
import type { Checklist } from './parse-checklist.ts';
import type { Playbook } from './playbook.ts';
import type { YamlPath, YamlSource } from './read-yaml.ts';
import type { PlacedEntry } from './read-policy.ts';
import type { Position, SourceError } from './source-error.ts';

/** An item and the place that it was read from. */
export interface Placed<Value> {
  readonly value: Value;
  readonly source: YamlSource;
  readonly at: YamlPath;
}

export interface DraftCustomer {
  readonly slug: string;
  readonly name: string;
  readonly contacts: readonly FleetContact[];
  readonly policy: readonly PlacedEntry[];
}

export interface DraftInstance {
  readonly customer: string;
  readonly item: Item<'instances'>;
  readonly policy: readonly PlacedEntry[];
}

export interface FleetDraft {
  readonly products: Placed<Item<'products'>>[];
  readonly releases: Placed<Item<'releases'>>[];
  readonly customers: Placed<DraftCustomer>[];
  readonly instances: Placed<DraftInstance>[];
  readonly windows: Placed<Item<'windows'>>[];
  readonly freezes: Placed<Item<'freezes'>>[];
  readonly policy: (PlacedEntry & { readonly path: string })[];
  readonly playbooks: Playbook[];
  readonly checklists: Checklist[];
  /** Text in which a name may be declared that nobody could read: unreadable files, and items of the wrong shape. */
  readonly unread: string[];
  readonly errors: SourceError[];
}

export function emptyDraft(): FleetDraft {
  return {
    products: [],
    releases: [],
    customers: [],
    instances: [],
    windows: [],
    freezes: [],
    policy: [],
    playbooks: [],
    checklists: [],
    unread: [],
    errors: [],
  };
}

/** Where `keys` below the item begin; its nearest existing parent when they are not written. */
export function placeOf(item: Placed<unknown>, keys: YamlPath = []): Position & { readonly path: string } {
  return { path: item.source.path, ...item.source.positionOf([...item.at, ...keys]) };
}

/** Where the key stands that ends `keys`: what a mapping below it is about, on the line of its name. */
export function keyPlaceOf(item: Placed<unknown>, keys: YamlPath): Position & { readonly path: string } {
  return { path: item.source.path, ...item.source.keyPositionOf([...item.at, ...keys]) };
}

export function isItemKind(key: string): key is ItemKind {
  return (ITEM_KINDS as readonly string[]).includes(key);
}
