/** The audit trail for people: who did what, when, before and after. */
import type { AuditEventView } from '@sitelift/contract/views.ts';
import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../../db/database.ts';

interface EventRow {
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  readonly verb: string;
  readonly object_kind: string;
  readonly object_id: string;
  readonly customer: string | null;
  readonly before: unknown;
  readonly after: unknown;
  readonly reason: string | null;
}

async function load(
  db: Database,
  condition: RawBuilder<unknown>,
  order: 'asc' | 'desc',
  limit: number,
): Promise<AuditEventView[]> {
  const { rows } = await sql<EventRow>`
    select e.id, e.at, e.actor, e.verb, e.object_kind, e.object_id, c.slug as customer, e.before, e.after, e.reason
      from event e left join customer c on c.id = e.customer_id
     where ${condition} order by e.id ${order === 'asc' ? sql`asc` : sql`desc`} limit ${limit}`.execute(db);
  return rows.map(({ id, at, actor, verb, object_kind, object_id, customer, before, after, reason }) => ({
    id,
    at: at.toISOString(),
    actor,
    verb,
    object: { kind: object_kind, id: object_id },
    customer,
    before,
    after,
    reason,
  }));
}

export interface EventQuery {
  /** Any id; or an instance's slug, which also finds what happened to its upgrades and runs. */
  readonly object: string | null;
  /** Slug. */
  readonly customer: string | null;
  readonly limit: number;
  readonly before: number | null;
}

/** Newest first. */
export function listEvents(db: Database, query: EventQuery): Promise<AuditEventView[]> {
  const { object, customer, before } = query;
  const about = sql`(e.object_id = ${object} or e.object_id in (
    with i as (select id from instance where slug = ${object} or id = ${object})
    select id from i union all select u.id from upgrade u join i on u.instance_id = i.id
    union all select r.id from run r join i on r.instance_id = i.id))`;
  const condition = sql`
    ${object === null ? sql`true` : about}
    and ${customer === null ? sql`true` : sql`c.slug = ${customer}`}
    and ${before === null ? sql`true` : sql`e.id < ${before}`}`;
  return load(db, condition, 'desc', query.limit);
}

/** Oldest first, for streams. */
export function eventsAfter(db: Database, id: number, limit: number): Promise<AuditEventView[]> {
  return load(db, sql`e.id > ${id}`, 'asc', limit);
}

export async function newestEventId(db: Database): Promise<number> {
  const { rows } = await sql<{ id: number | null }>`select max(id) as id from event`.execute(db);
  return rows[0]?.id ?? 0;
}
