/** The fleet as its list shows it: one query for every instance with its pin, its holds and its open run. */
import type { InstanceView } from '@sitelift/contract/views.ts';
import type { EnvironmentRole, HoldKind, Target } from '@sitelift/domain/fleet/fleet.ts';
import type { RunStateName } from '@sitelift/domain/run/events.ts';
import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';

/** JSON that PostgreSQL made: instants are text in its own form. */
interface PinJson {
  readonly version: string;
  readonly owner: string;
  readonly reason: string;
  readonly set_at: string;
  readonly until_at: string | null;
  readonly until_channel: string | null;
  readonly managed_by: 'file' | 'hand';
}
interface HoldJson {
  readonly id: string;
  readonly kind: HoldKind;
  readonly reason: string;
  readonly owner: string | null;
  readonly version: string | null;
  readonly since_at: string;
  readonly until_at: string | null;
}
interface InstanceRow {
  readonly id: string;
  readonly slug: string;
  readonly customer: string;
  readonly customer_name: string;
  readonly product: string;
  readonly role: EnvironmentRole;
  readonly url: string;
  readonly zone: string;
  readonly labels: readonly string[];
  readonly host: string | null;
  readonly target: Target;
  readonly observed_version: string | null;
  readonly observed_healthy: boolean | null;
  readonly observed_problem: string | null;
  readonly observed_slot: string | null;
  readonly observed_open: boolean | null;
  readonly observed_at: Date | null;
  readonly recorded_version: string | null;
  readonly pin: PinJson | null;
  readonly holds: readonly HoldJson[] | null;
  readonly run: { readonly id: string; readonly state: RunStateName } | null;
}

const iso = (text: string): string => new Date(text).toISOString();
const maybeIso = (text: string | null): string | null => (text === null ? null : iso(text));

function view(row: InstanceRow): InstanceView {
  const { pin } = row;
  return {
    id: row.id,
    slug: row.slug,
    customer: { slug: row.customer, name: row.customer_name },
    product: row.product,
    role: row.role,
    url: row.url,
    zone: row.zone,
    labels: [...row.labels],
    host: row.host,
    target: row.target,
    pin:
      pin === null
        ? null
        : {
            version: pin.version,
            owner: pin.owner,
            reason: pin.reason,
            setAt: iso(pin.set_at),
            untilAt: maybeIso(pin.until_at),
            untilChannel: pin.until_channel,
            managedBy: pin.managed_by,
          },
    holds: (row.holds ?? []).map((hold) => ({
      id: hold.id,
      kind: hold.kind,
      reason: hold.reason,
      owner: hold.owner,
      version: hold.version,
      sinceAt: iso(hold.since_at),
      untilAt: maybeIso(hold.until_at),
    })),
    observed: {
      version: row.observed_version,
      healthy: row.observed_healthy,
      problem: row.observed_problem,
      slot: row.observed_slot,
      open: row.observed_open,
      at: row.observed_at?.toISOString() ?? null,
    },
    recordedVersion: row.recorded_version,
    differs:
      row.recorded_version !== null &&
      row.observed_version !== null &&
      row.recorded_version !== row.observed_version,
    run: row.run,
  };
}

async function load(db: Database, slug: string | null): Promise<InstanceView[]> {
  const { rows } = await sql<InstanceRow>`
    with hold_of as (
      select h.instance_id, jsonb_agg(jsonb_build_object('id', h.id, 'kind', h.kind, 'reason', h.reason, 'owner', h.owner,
               'version', rel.version, 'since_at', h.since_at, 'until_at', h.until_at) order by h.since_at) as holds
        from hold h left join release rel on rel.id = h.release_id
       where h.cleared_at is null and (h.until_at is null or h.until_at > app_now()) group by h.instance_id
    ), run_of as (
      select distinct on (r.instance_id) r.instance_id, jsonb_build_object('id', r.id, 'state', r.state) as run
        from run r where r.ended_at is null order by r.instance_id, r.id desc
    )
    select i.id, i.slug, c.slug as customer, c.name as customer_name, p.slug as product, i.role, i.url, i.zone, i.labels,
           i.host, i.target, i.observed_version, i.observed_healthy, i.observed_problem, i.observed_slot, i.observed_open,
           i.observed_at, i.recorded_version,
           case when pin.id is null then null else to_jsonb(pin) end as pin, hold_of.holds, run_of.run
      from instance i join customer c on c.id = i.customer_id join product p on p.id = i.product_id
           left join pin on pin.instance_id = i.id and pin.ended_at is null
                        and (pin.until_at is null or pin.until_at > app_now())
           left join hold_of on hold_of.instance_id = i.id left join run_of on run_of.instance_id = i.id
     where i.removed_at is null and ${slug === null ? sql`true` : sql`(i.slug = ${slug} or i.id = ${slug})`}
     order by c.slug, i.slug`.execute(db);
  return rows.map(view);
}

export function listInstances(db: Database): Promise<InstanceView[]> {
  return load(db, null);
}

/** By slug or id; null when there is none. */
export async function getInstance(db: Database, slugOrId: string): Promise<InstanceView | null> {
  const [found] = await load(db, slugOrId);
  return found ?? null;
}
