/**
 * A `policy:` block as entries. A value stands by itself (`P3: any-time`), or as `{ value, role?, kind?, final? }`, or as a
 * list of such entries; a list without any `value` is itself the value (`P28: [uat]`). `final` is the vendor's word alone.
 */
import { ENVIRONMENT_ROLES, RELEASE_KINDS } from '@sitelift/domain/fleet/fleet.ts';
import { POLICY_KEYS, type PolicyEntry, type PolicyKey } from '@sitelift/domain/policy/policy.ts';
import type { Json } from '@sitelift/domain/run/plan.ts';
import { z } from 'zod';
import { closed, explainIssues } from './explain-issue.ts';
import type { PolicyBlock } from './fleet-schema.ts';
import { isObject } from './merge-bindings.ts';
import { POLICY_VALUE_SCHEMAS } from './policy-values.ts';
import type { YamlPath, YamlSource } from './read-yaml.ts';
import type { Position, SourceError } from './source-error.ts';
import { FlagSchema, JsonSchema } from './value-schemas.ts';

const LimitSchemas = { role: z.enum(ENVIRONMENT_ROLES).optional(), kind: z.enum(RELEASE_KINDS).optional() };
const EntrySchemas = {
  vendor: closed({ value: JsonSchema, ...LimitSchemas, final: FlagSchema.optional() }),
  other: closed({ value: JsonSchema, ...LimitSchemas }),
};

/** An entry and where it stands, so that a second one for the same case can be refused across files. */
export interface PlacedEntry {
  readonly entry: PolicyEntry;
  readonly at: Position;
}

export function readPolicy(
  block: PolicyBlock | undefined,
  level: 'vendor' | 'other',
  source: YamlSource,
  base: YamlPath,
  errors: SourceError[],
): readonly PlacedEntry[] {
  const found: PlacedEntry[] = [];
  for (const key of POLICY_KEYS) {
    const written = block?.[key];
    if (written === undefined) continue;
    const at = [...base, key];
    if (Array.isArray(written) && written.some(isEntry)) {
      for (const [index, item] of written.entries()) {
        const entry = readEntry(key, item, level, source, [...at, index], errors);
        if (entry !== null) found.push(entry);
      }
      continue;
    }
    const entry = isEntry(written)
      ? readEntry(key, written, level, source, at, errors)
      : readEntry(key, { value: written }, level, source, at, errors, at);
    if (entry !== null) found.push(entry);
  }
  return found;
}

function isEntry(value: Json): boolean {
  return isObject(value) && Object.hasOwn(value, 'value');
}

function readEntry(
  key: PolicyKey,
  written: Json,
  level: 'vendor' | 'other',
  source: YamlSource,
  at: YamlPath,
  errors: SourceError[],
  valueAt: YamlPath = [...at, 'value'],
): PlacedEntry | null {
  const read = EntrySchemas[level].safeParse(written);
  if (!read.success) {
    errors.push(...explainIssues(read.error.issues, source, at));
    return null;
  }
  const value = POLICY_VALUE_SCHEMAS[key]?.safeParse(read.data.value);
  if (value?.success === false) {
    errors.push(...explainIssues(value.error.issues, source, valueAt));
    return null;
  }
  const { role = null, kind = null } = read.data;
  const final = 'final' in read.data && read.data.final === true;
  return { entry: { key, role, kind, value: read.data.value, final }, at: source.positionOf(at) };
}
