/**
 * What applying the fleet's files would change, one entry per object, as a person reads it before saying yes. Both sides are
 * in slugs and plain values, so that the same words stand in the dry run, in the answer and in the audit trail.
 */
import type { ApplyResult } from '@sitelift/contract/views.ts';
import type { Json, JsonObject } from '@sitelift/domain/run/plan.ts';
import type { Place } from '@sitelift/playbook/fleet-file.ts';
import canonicalize from 'canonicalize';

/** In the order in which they are written: whatever one refers to stands before it. */
export const FLEET_OBJECTS = [
  'checklist',
  'playbook',
  'product',
  'release',
  'placement',
  'customer',
  'instance',
  'pin',
  'window',
  'freeze',
  'policy',
] as const;
export type FleetObject = (typeof FLEET_OBJECTS)[number];

/** One object as a file declares it. `slug` is unique within its kind; a release's is `product version`. */
export interface FleetItem {
  readonly object: FleetObject;
  readonly slug: string;
  readonly fields: JsonObject;
  readonly place: Place;
}

/** One object as the database has it. */
export interface StoredItem {
  readonly id: string;
  readonly fields: JsonObject;
  readonly managedBy: 'file' | 'hand';
  readonly removed: boolean;
}

export interface FieldChange {
  readonly field: string;
  readonly before: Json;
  readonly after: Json;
}

export interface FleetChange {
  readonly object: FleetObject;
  readonly slug: string;
  /** `keep`: differs from the files and stays so; `note` says why. */
  readonly change: ApplyResult['changes'][number]['change'];
  readonly fields: readonly FieldChange[];
  readonly note: string | null;
}

/** A change with what it takes to write it. */
export interface PlannedChange extends FleetChange {
  /** The row that is changed or removed; null for one that is made. */
  readonly id: string | null;
  /** All fields as they shall be; those that were, when it is removed. */
  readonly wanted: JsonObject;
}

/** The text of a field that is one. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function isPlain(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Differences by dotted path into objects; a list is one value. */
export function diffFields(before: JsonObject, after: JsonObject, prefix = ''): readonly FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const [was, is] = [before[name], after[name]];
    const field = `${prefix}${name}`;
    if (isPlain(was) && isPlain(is)) return diffFields(was, is, `${field}.`);
    if (canonicalize(was ?? null) === canonicalize(is ?? null)) return [];
    return [{ field, before: was ?? null, after: is ?? null }];
  });
}
