/** The fleet's files as a flat list of objects, to be compared with what is stored. Order is kept; nothing is looked up. */
import { createHash } from 'node:crypto';
import type { PolicyEntry } from '@sitelift/domain/policy/policy.ts';
import type { Json } from '@sitelift/domain/run/plan.ts';
import type { FleetFiles, FleetPin, FleetScope, Place } from '@sitelift/playbook/fleet-file.ts';
import { START_OF_FILE } from '@sitelift/playbook/source-error.ts';
import type { FleetItem } from './fleet-change.ts';

/** What the values of a fleet are in JSON: its types are plain data already. */
function json(value: unknown): Json {
  return value as Json; // as: readonly records of the domain are JSON, only their types have no index signature
}

function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

export function pinFields(pin: Omit<FleetPin, 'place'>) {
  return {
    version: pin.version,
    owner: pin.owner,
    reason: pin.reason,
    untilAt: pin.ends.kind === 'at' ? instant(pin.ends.at) : null,
    untilChannel: pin.ends.kind === 'channel-reaches' ? pin.ends.channel : null,
  } as const;
}

function scopeFields(scope: FleetScope): Json {
  return json(scope);
}

function policyFields(entries: readonly PolicyEntry[]): Json {
  return json(entries);
}

export function digestOf(source: string): string {
  return createHash('sha256').update(source).digest('hex');
}

export function listItems(files: FleetFiles): readonly FleetItem[] {
  const vendor: Place = { path: files.products[0]?.place.path ?? 'policy', ...START_OF_FILE };
  return [
    ...(files.checklists ?? []).map(
      ({ name, title, items, path, at }): FleetItem => ({
        object: 'checklist',
        slug: name,
        fields: { title, items },
        place: { path, ...at },
      }),
    ),
    ...files.playbooks.map(
      ({ name, title, source, path, at }): FleetItem => ({
        object: 'playbook',
        slug: name,
        fields: { title, digest: digestOf(source) },
        place: { path, ...at },
      }),
    ),
    ...files.products.map(
      ({ slug, name, playbook, place }): FleetItem => ({
        object: 'product',
        slug,
        fields: { name, playbook },
        place,
      }),
    ),
    ...files.releases.map((release): FleetItem => {
      const { product, version, kind, artefact, notes, needsDowntime, risky, smokeTest, place } = release;
      const fields = { product, version, kind, artefact: json(artefact), notes, needsDowntime, risky, smokeTest };
      return { object: 'release', slug: `${product} ${version}`, fields, place };
    }),
    ...files.releases.flatMap(({ product, version, channels, place }) =>
      channels.map(
        (channel): FleetItem => ({
          object: 'placement',
          slug: `${product} ${version} in ${channel}`,
          fields: { product, version, channel },
          place,
        }),
      ),
    ),
    ...files.customers.map(
      ({ slug, name, contacts, policy, place }): FleetItem => ({
        object: 'customer',
        slug,
        fields: { name, contacts: json(contacts), policy: policyFields(policy) },
        place,
      }),
    ),
    ...files.instances.map((instance): FleetItem => {
      const { slug, customer, product, role, url, zone, labels, host, target, settings, bindings, place } = instance;
      const policy = policyFields(instance.policy);
      const fields = { customer, product, role, url, zone, labels, host, target: json(target), settings, bindings, policy };
      return { object: 'instance', slug, fields, place };
    }),
    ...files.instances.flatMap(({ slug, pin }): readonly FleetItem[] =>
      pin === null ? [] : [{ object: 'pin', slug, fields: pinFields(pin), place: pin.place }],
    ),
    ...files.windows.map(({ slug, scope, days, start, zone, lengthMs, cutOffMs, place }): FleetItem => {
      const fields = { scope: scopeFields(scope), days, start, zone, lengthMs, cutOffMs };
      return { object: 'window', slug, fields, place };
    }),
    ...files.freezes.map(({ slug, scope, fromAt, untilAt, reason, owner, place }): FleetItem => {
      const fields = { scope: scopeFields(scope), fromAt: instant(fromAt), untilAt: instant(untilAt), reason, owner };
      return { object: 'freeze', slug, fields, place };
    }),
    ...(files.policy.length === 0
      ? []
      : [{ object: 'policy', slug: 'vendor', fields: { entries: policyFields(files.policy) }, place: vendor } as const]),
  ];
} // prettier-ignore
