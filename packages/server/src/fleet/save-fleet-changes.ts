/**
 * Writes planned changes, one statement per kind of object however many there are, and one audit event per object. Ids are
 * made here; what refers to another object by slug finds it by the ids known so far, so kinds come in the order of
 * `FLEET_OBJECTS` and removals last.
 */
import type { IdKind } from '@sitelift/domain/ids.ts';
import type { Json, JsonObject } from '@sitelift/domain/run/plan.ts';
import type { FleetFiles } from '@sitelift/playbook/fleet-file.ts';
import { sql, type RawBuilder } from 'kysely';
import type { Transaction } from '../db/database.ts';
import { recordEvents } from '../db/event-store.ts';
import { newId } from '../db/new-id.ts';
import { textOf, type FleetObject, type PlannedChange } from './fleet-change.ts';
import { digestOf } from './fleet-items.ts';
import type { StoredFleet } from './stored-fleet.ts';

const ID_KIND: Readonly<Partial<Record<FleetObject, IdKind>>> = {
  product: 'prod',
  release: 'rel',
  placement: 'plc',
  customer: 'cust',
  instance: 'inst',
  pin: 'pin',
  window: 'win',
  freeze: 'frz',
};

interface Row {
  readonly change: PlannedChange;
  readonly id: string;
}

class Ids {
  readonly #ids = new Map<string, string>();
  constructor(fleet: StoredFleet) {
    for (const [object, items] of fleet.items) for (const [slug, { id }] of items) this.set(object, slug, id);
  }
  set(object: FleetObject, slug: string, id: string): void {
    this.#ids.set(`${object}/${slug}`, id);
  }
  get(object: FleetObject, slug: Json | undefined): string {
    const id = this.#ids.get(`${object}/${textOf(slug)}`);
    if (id === undefined) throw new Error(`nothing is known of ${object} ${textOf(slug)}`);
    return id;
  }
}

/** `jsonb_to_recordset` of the rows: any number of them in one parameter. */
function records(rows: readonly JsonObject[]): RawBuilder<unknown> {
  return sql`jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)`;
}

function scopeInIds(scope: Json | undefined, ids: Ids): Json {
  const { kind, customer, instance } = scope as Record<string, string>; // as: made by `listItems`
  if (kind === 'customer') return { kind, customerId: ids.get('customer', customer) };
  if (kind === 'instance') return { kind, instanceId: ids.get('instance', instance) };
  return scope ?? null;
}

type Save = (tx: Transaction, rows: readonly Row[], ids: Ids, actor: string) => Promise<void>;

function rowsOf(rows: readonly Row[], extra: (wanted: JsonObject) => JsonObject = () => ({})): readonly JsonObject[] {
  return rows.map(({ id, change }) => ({ ...change.wanted, ...extra(change.wanted), id, slug: change.slug }));
} // prettier-ignore

/** The level's own policy entries; no row where there are none. */
async function savePolicies(
  tx: Transaction,
  rows: readonly { level: string; entries: Json }[],
): Promise<void> {
  const levels = rows.map(({ level }) => level);
  await sql`delete from policy where level = any(${levels})`.execute(tx);
  const filled = rows.filter(({ entries }) => Array.isArray(entries) && entries.length > 0);
  await sql`
    insert into policy (level, entries)
    select level, entries from ${records(filled)} as x (level text, entries jsonb)`.execute(tx);
}

function policyRows(rows: readonly Row[]): readonly { level: string; entries: Json }[] {
  return rows.map(({ id, change }) => ({ level: id, entries: change.wanted['policy'] ?? [] }));
}

async function endPins(
  tx: Transaction,
  ids: readonly string[],
  actor: string,
  reason: string,
): Promise<void> {
  await sql`
    update pin set ended_at = app_now(), ended_by = ${actor}, end_reason = ${reason}
     where id = any(${[...ids]}) and ended_at is null`.execute(tx);
}

const SAVE: Readonly<Record<Exclude<FleetObject, 'playbook'>, Save>> = {
  // Plans in flight have frozen their own copy: a changed file changes only what is planned from now on.
  checklist: async (tx, rows) => {
    await sql`
      insert into checklist (name, title, items)
      select id, title, items from ${records(rowsOf(rows))} as x (id text, title text, items jsonb)
      on conflict (name) do update set title = excluded.title, items = excluded.items`.execute(tx);
  },
  product: async (tx, rows) => {
    await sql`
      insert into product (id, slug, name, playbook)
      select id, slug, name, playbook from ${records(rowsOf(rows))} as x (id text, slug text, name text, playbook text)
      on conflict (slug) do update set name = excluded.name, playbook = excluded.playbook, removed_at = null`.execute(tx);
  },
  release: async (tx, rows, ids) => {
    await sql`
      insert into release (id, product_id, version, kind, artefact, notes, needs_downtime, risky, smoke_test)
      select id, "productId", version, kind, artefact, notes, "needsDowntime", risky, "smokeTest"
        from ${records(rowsOf(rows, ({ product }) => ({ productId: ids.get('product', product) })))}
          as x (id text, "productId" text, version text, kind text, artefact jsonb, notes text, "needsDowntime" boolean,
                risky boolean, "smokeTest" text)
      on conflict (product_id, version) do update set kind = excluded.kind, artefact = excluded.artefact,
        notes = excluded.notes, needs_downtime = excluded.needs_downtime, risky = excluded.risky,
        smoke_test = excluded.smoke_test`.execute(tx);
  },
  placement: async (tx, rows, ids, actor) => {
    const releaseId = ({ product, version }: JsonObject) => ({
      releaseId: ids.get('release', `${textOf(product)} ${textOf(version)}`),
    });
    await sql`
      insert into placement (id, release_id, channel, placed_by, reason)
      select id, "releaseId", channel, ${actor}, 'first placement, from the fleet files'
        from ${records(rowsOf(rows, releaseId))} as x (id text, "releaseId" text, channel text)`.execute(tx);
  },
  customer: async (tx, rows) => {
    await sql`
      insert into customer (id, slug, name, contacts, managed_by)
      select id, slug, name, contacts, 'file'
        from ${records(rowsOf(rows))} as x (id text, slug text, name text, contacts jsonb)
      on conflict (slug) do update set name = excluded.name, contacts = excluded.contacts, managed_by = 'file',
        removed_at = null`.execute(tx);
    await savePolicies(tx, policyRows(rows));
  },
  instance: async (tx, rows, ids) => {
    const owners = ({ customer, product }: JsonObject) => ({
      customerId: ids.get('customer', customer),
      productId: ids.get('product', product),
    });
    await sql`
      insert into instance (id, slug, customer_id, product_id, role, url, zone, labels, host, target, settings, bindings,
                            managed_by)
      select id, slug, "customerId", "productId", role, url, zone, labels, host, target, settings, bindings, 'file'
        from ${records(rowsOf(rows, owners))}
          as x (id text, slug text, "customerId" text, "productId" text, role text, url text, zone text, labels text[],
                host text, target jsonb, settings jsonb, bindings jsonb)
      on conflict (slug) do update set role = excluded.role, url = excluded.url, zone = excluded.zone,
        labels = excluded.labels, host = excluded.host, target = excluded.target, settings = excluded.settings,
        bindings = excluded.bindings, managed_by = 'file', removed_at = null`.execute(tx);
    await savePolicies(tx, policyRows(rows));
  },
  pin: async (tx, rows, ids, actor) => {
    const replaced = rows.flatMap(({ change }) => (change.id === null ? [] : [change.id]));
    await endPins(tx, replaced, actor, 'replaced by the fleet files');
    const instanceOf = rows.map(({ id, change }) => ({
      ...change.wanted,
      id,
      instanceId: ids.get('instance', change.slug),
    }));
    await sql`
      insert into pin (id, instance_id, version, owner, reason, until_at, until_channel, managed_by)
      select id, "instanceId", version, owner, reason, "untilAt", "untilChannel", 'file'
        from ${records(instanceOf)} as x (id text, "instanceId" text, version text, owner text, reason text,
                                          "untilAt" timestamptz, "untilChannel" text)`.execute(tx);
  },
  window: async (tx, rows, ids) => {
    await sql`
      insert into maintenance_window (id, key, scope, days, start, zone, length_ms, cut_off_ms, managed_by)
      select id, slug, scope, days, start, zone, "lengthMs", "cutOffMs", 'file'
        from ${records(rowsOf(rows, ({ scope }) => ({ scope: scopeInIds(scope, ids) })))}
          as x (id text, slug text, scope jsonb, days text[], start text, zone text, "lengthMs" bigint, "cutOffMs" bigint)
      on conflict (key) do update set scope = excluded.scope, days = excluded.days, start = excluded.start,
        zone = excluded.zone, length_ms = excluded.length_ms, cut_off_ms = excluded.cut_off_ms`.execute(tx);
  },
  freeze: async (tx, rows, ids) => {
    await sql`
      insert into change_freeze (id, key, scope, from_at, until_at, reason, owner, managed_by)
      select id, slug, scope, "fromAt", "untilAt", reason, owner, 'file'
        from ${records(rowsOf(rows, ({ scope }) => ({ scope: scopeInIds(scope, ids) })))}
          as x (id text, slug text, scope jsonb, "fromAt" timestamptz, "untilAt" timestamptz, reason text, owner text)
      on conflict (key) do update set scope = excluded.scope, from_at = excluded.from_at, until_at = excluded.until_at,
        reason = excluded.reason, owner = excluded.owner`.execute(tx);
  },
  policy: (tx, rows) =>
    savePolicies(tx, rows.map(({ change }) => ({ level: 'vendor', entries: change.wanted['entries'] ?? [] }))),
}; // prettier-ignore

/** Bytes are kept under their digest for ever; which of them new runs use is a pointer. */
async function savePlaybooks(
  tx: Transaction,
  files: FleetFiles,
  changes: readonly PlannedChange[],
): Promise<void> {
  const changed = new Set(changes.map(({ slug }) => slug));
  for (const { name, title, source, path } of files.playbooks) {
    if (!changed.has(name)) continue;
    const digest = digestOf(source);
    await sql`
      insert into playbook (digest, name, title, source, path) values (${digest}, ${name}, ${title}, ${source}, ${path})
      on conflict (digest) do nothing`.execute(tx);
    await sql`
      insert into playbook_current (name, digest) values (${name}, ${digest})
      on conflict (name) do update set digest = excluded.digest`.execute(tx);
  }
}

const REMOVE: Readonly<Partial<Record<FleetObject, (tx: Transaction, ids: readonly string[], actor: string) => Promise<unknown>>>> = {
  pin: (tx, ids, actor) => endPins(tx, ids, actor, 'no longer in the fleet files'),
  window: (tx, ids) => sql`delete from maintenance_window where id = any(${[...ids]})`.execute(tx),
  freeze: (tx, ids) => sql`delete from change_freeze where id = any(${[...ids]})`.execute(tx),
  policy: (tx, ids) => sql`delete from policy where level = any(${[...ids]})`.execute(tx),
  instance: (tx, ids) => sql`update instance set removed_at = app_now() where id = any(${[...ids]})`.execute(tx),
  customer: (tx, ids) => sql`update customer set removed_at = app_now() where id = any(${[...ids]})`.execute(tx),
  product: (tx, ids) => sql`update product set removed_at = app_now() where id = any(${[...ids]})`.execute(tx),
}; // prettier-ignore

/** Whose record a change belongs to: the customer's own, or the vendor's. */
function customerOf(change: PlannedChange, id: string, ids: Ids, instances: ReadonlyMap<string, string>): string | null {
  const ofInstance = (slug: string) => ids.get('customer', instances.get(slug));
  if (change.object === 'customer') return id;
  if (change.object === 'instance') return ids.get('customer', change.wanted['customer']);
  if (change.object === 'pin') return ofInstance(change.slug);
  const { customer, instance } = (change.wanted['scope'] ?? {}) as Record<string, string>; // as: made by `listItems`
  if (customer !== undefined) return ids.get('customer', customer);
  return instance === undefined ? null : ofInstance(instance);
} // prettier-ignore

const PAST = { create: 'created', update: 'updated', remove: 'removed', keep: 'kept' } as const;

export async function saveFleetChanges(
  tx: Transaction,
  input: { files: FleetFiles; fleet: StoredFleet; changes: readonly PlannedChange[]; actor: string },
): Promise<void> {
  const { files, fleet, actor } = input;
  const changes = input.changes.filter(({ change }) => change !== 'keep');
  const ids = new Ids(fleet);
  const instances = new Map<string, string>();
  for (const [slug, { fields }] of fleet.items.get('instance') ?? []) instances.set(slug, textOf(fields['customer']));
  for (const { slug, customer } of files.instances) instances.set(slug, customer);

  await savePlaybooks(tx, files, changes.filter(({ object }) => object === 'playbook'));
  const rows: Row[] = [];
  for (const change of changes) {
    const kind = ID_KIND[change.object];
    const fresh = change.change === 'create' || (change.change === 'update' && change.object === 'pin');
    const id = fresh && kind !== undefined ? newId(kind) : (change.id ?? change.slug);
    if (change.change !== 'remove' && change.object !== 'pin') ids.set(change.object, change.slug, id);
    rows.push({ change, id });
  }
  const written = Map.groupBy(rows.filter(({ change }) => change.change !== 'remove'), ({ change }) => change.object);
  for (const [object, group] of written) if (object !== 'playbook') await SAVE[object](tx, group, ids, actor);
  const removed = Map.groupBy(rows.filter(({ change }) => change.change === 'remove'), ({ change }) => change.object);
  for (const [object, group] of removed) await REMOVE[object]?.(tx, group.map(({ id }) => id), actor);

  await recordEvents(
    tx,
    rows.map(({ change, id }) => {
      const side = (which: 'before' | 'after') => Object.fromEntries(change.fields.map((each) => [each.field, each[which]]));
      return {
        actor,
        verb: `${change.object}-${PAST[change.change]}`,
        object: { kind: change.object, id },
        customerId: customerOf(change, id, ids, instances),
        before: change.change === 'create' ? null : side('before'),
        after: change.change === 'remove' ? null : side('after'),
        reason: 'applied from the fleet files',
      };
    }),
  );
} // prettier-ignore
