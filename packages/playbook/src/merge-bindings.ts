/**
 * What an instance is bound to, from its product's defaults and its own entries. An entry is merged over the product's entry
 * of the same name, key by key; one that names another driver replaces it wholly, because settings of one driver mean
 * nothing to another. Settings inside an entry are not merged deeper: a list that was half replaced helps nobody.
 */
import type { Json, JsonObject } from '@sitelift/domain/run/plan.ts';

export function mergeBindings(product: JsonObject, instance: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...product };
  for (const [name, entry] of Object.entries(instance)) {
    const under = product[name];
    merged[name] =
      isObject(under) && isObject(entry) && (entry.driver === undefined || entry.driver === under.driver)
        ? { ...under, ...entry }
        : entry;
  }
  return merged;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
