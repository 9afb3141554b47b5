/** The fleet as the database has it, in the words of the files (slugs, ISO instants), to be compared with them. */
import type { Json, JsonObject } from '@sitelift/domain/run/plan.ts';
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';
import type { FleetObject, StoredItem } from './fleet-change.ts';

export interface StoredPin extends StoredItem {
  readonly ended: { readonly at: string; readonly by: string; readonly reason: string | null } | null;
}

export interface StoredFleet {
  /** By object and slug. Pins are kept apart. */
  readonly items: ReadonlyMap<FleetObject, ReadonlyMap<string, StoredItem>>;
  /** By slug of the instance: the open pin, else the last one that a file had set. */
  readonly pins: ReadonlyMap<string, StoredPin>;
  /** Slugs of instances with an upgrade that is not over. */
  readonly busy: ReadonlySet<string>;
  /** Releases, as `product version`, whose bytes an upgrade or a site has used. */
  readonly used: ReadonlySet<string>;
  /** Releases, as `product version`, that people took back. */
  readonly withdrawn: ReadonlySet<string>;
}

interface ItemRow {
  readonly slug: string;
  readonly id: string;
  readonly managed_by: 'file' | 'hand';
  readonly removed: boolean;
  readonly fields: JsonObject;
  /** Of a freeze only. */
  readonly from_at?: Date;
  readonly until_at?: Date | null;
}

const ITEMS = {
  checklist: sql<ItemRow>`
    select name as slug, name as id, 'file' as managed_by, false as removed,
           jsonb_build_object('title', title, 'items', items) as fields
      from checklist`,
  playbook: sql<ItemRow>`
    select c.name as slug, c.name as id, 'file' as managed_by, false as removed,
           jsonb_build_object('title', p.title, 'digest', p.digest) as fields
      from playbook_current c join playbook p on p.digest = c.digest`,
  product: sql<ItemRow>`
    select slug, id, 'file' as managed_by, removed_at is not null as removed,
           jsonb_build_object('name', name, 'playbook', playbook) as fields
      from product`,
  release: sql<ItemRow>`
    select p.slug || ' ' || r.version as slug, r.id, 'file' as managed_by, false as removed,
           jsonb_build_object('product', p.slug, 'version', r.version, 'kind', r.kind, 'artefact', r.artefact, 'notes', r.notes,
             'needsDowntime', r.needs_downtime, 'risky', r.risky, 'smokeTest', r.smoke_test) as fields
      from release r join product p on p.id = r.product_id`,
  // Of all placements of a release in a channel, ended ones included, one: it has been there.
  placement: sql<ItemRow>`
    select distinct on (l.release_id, l.channel) p.slug || ' ' || r.version || ' in ' || l.channel as slug, l.id,
           'hand' as managed_by, l.ended_at is not null as removed,
           jsonb_build_object('product', p.slug, 'version', r.version, 'channel', l.channel) as fields
      from placement l join release r on r.id = l.release_id join product p on p.id = r.product_id
     order by l.release_id, l.channel, l.placed_at desc`,
  customer: sql<ItemRow>`
    select c.slug, c.id, c.managed_by, c.removed_at is not null as removed,
           jsonb_build_object('name', c.name, 'contacts', c.contacts, 'policy', coalesce(y.entries, '[]')) as fields
      from customer c left join policy y on y.level = c.id`,
  instance: sql<ItemRow>`
    select i.slug, i.id, i.managed_by, i.removed_at is not null as removed,
           jsonb_build_object('customer', c.slug, 'product', p.slug, 'role', i.role, 'url', i.url, 'zone', i.zone,
             'labels', to_jsonb(i.labels), 'host', i.host, 'target', i.target, 'settings', i.settings,
             'bindings', i.bindings, 'policy', coalesce(y.entries, '[]')) as fields
      from instance i join customer c on c.id = i.customer_id join product p on p.id = i.product_id
      left join policy y on y.level = i.id`,
  window: sql<ItemRow>`
    select key as slug, id, managed_by, false as removed,
           jsonb_build_object('scope', scope, 'days', to_jsonb(days), 'start', start, 'zone', zone, 'lengthMs', length_ms,
             'cutOffMs', cut_off_ms) as fields
      from maintenance_window`,
  freeze: sql<ItemRow>`
    select key as slug, id, managed_by, false as removed, from_at, until_at,
           jsonb_build_object('scope', scope, 'reason', reason, 'owner', owner) as fields
      from change_freeze`,
  policy: sql<ItemRow>`
    select 'vendor' as slug, level as id, 'file' as managed_by, false as removed,
           jsonb_build_object('entries', entries) as fields
      from policy where level = 'vendor'`,
} as const;

/** Scopes are stored by id; the files speak in slugs. */
function scopeInSlugs(scope: Json | undefined, slugOf: ReadonlyMap<string, string>): Json {
  const { kind, customerId, instanceId } = scope as Record<string, string>; // as: written by ourselves
  const id = customerId ?? instanceId;
  if (id === undefined) return scope ?? null;
  return { kind: kind ?? '', [kind ?? '']: slugOf.get(id) ?? id };
}

async function loadPins(tx: Transaction): Promise<StoredFleet['pins']> {
  const { rows } = await sql<{
    slug: string;
    id: string;
    version: string;
    owner: string;
    reason: string;
    until_at: Date | null;
    until_channel: string | null;
    managed_by: 'file' | 'hand';
    ended_at: Date | null;
    ended_by: string | null;
    end_reason: string | null;
  }>`
    select distinct on (p.instance_id) i.slug, p.id, p.version, p.owner, p.reason, p.until_at, p.until_channel, p.managed_by,
           p.ended_at, p.ended_by, p.end_reason
      from pin p join instance i on i.id = p.instance_id
     where p.ended_at is null or p.managed_by = 'file'
     order by p.instance_id, p.ended_at desc nulls first`.execute(tx);
  return new Map(
    rows.map((row) => [
      row.slug,
      {
        id: row.id,
        managedBy: row.managed_by,
        removed: row.ended_at !== null,
        ended:
          row.ended_at === null
            ? null
            : { at: row.ended_at.toISOString(), by: row.ended_by ?? '', reason: row.end_reason },
        fields: {
          version: row.version,
          owner: row.owner,
          reason: row.reason,
          untilAt: row.until_at?.toISOString() ?? null,
          untilChannel: row.until_channel,
        },
      },
    ]),
  );
}

async function slugs(tx: Transaction, query: ReturnType<typeof sql<{ slug: string }>>): Promise<ReadonlySet<string>> {
  const { rows } = await query.execute(tx);
  return new Set(rows.map((row) => row.slug));
} // prettier-ignore

export async function loadStoredFleet(tx: Transaction): Promise<StoredFleet> {
  const items = new Map<FleetObject, Map<string, StoredItem>>();
  const slugOf = new Map<string, string>();
  for (const [object, query] of Object.entries(ITEMS)) {
    const { rows } = await query.execute(tx);
    const found = new Map<string, StoredItem>();
    for (const { slug, id, managed_by: managedBy, removed, ...row } of rows) {
      slugOf.set(id, slug);
      const scope = 'scope' in row.fields ? { scope: scopeInSlugs(row.fields['scope'], slugOf) } : {};
      const times =
        row.from_at === undefined
          ? {}
          : { fromAt: row.from_at.toISOString(), untilAt: row.until_at?.toISOString() ?? null };
      found.set(slug, { id, managedBy, removed, fields: { ...row.fields, ...scope, ...times } });
    }
    items.set(object as FleetObject, found); // as: the keys of ITEMS
  }
  return {
    items,
    pins: await loadPins(tx),
    busy: await slugs(
      tx,
      sql`select distinct i.slug from upgrade u join instance i on i.id = u.instance_id where u.ended_at is null`,
    ),
    used: await slugs(
      tx,
      sql`select p.slug || ' ' || r.version as slug from release r join product p on p.id = r.product_id
           where r.id in (select to_release_id from upgrade)
              or (r.product_id, r.version) in (select product_id, observed_version from instance)`,
    ),
    withdrawn: await slugs(
      tx,
      sql`select p.slug || ' ' || r.version as slug from release r join product p on p.id = r.product_id
           where r.withdrawn_at is not null`,
    ),
  };
}
