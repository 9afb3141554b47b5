/**
 * Looks at the whole fleet outside of runs, so that the current version is always one that somebody saw (C5). Instances with
 * an open upgrade are left to their run: it knows what it is doing to them. A look that fails says so and keeps the version
 * that was seen last.
 */
import type { JsonObject } from '@sitelift/domain/run/plan.ts';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { observeInstance, type Look, type LookDeps, type ProbedInstance } from './observe-instance.ts';

export interface ObserveDeps extends LookDeps {
  readonly db: Database;
  readonly signal: AbortSignal;
}

export interface ObserveSettings {
  /** An instance is looked at again when its last look is older than this. */
  readonly everyMs: number;
  readonly atOnce: number;
}

/** One pass takes at most this many, oldest look first, so that it ends and the next begins with what is oldest then. */
const PER_PASS = 500;

interface Row {
  readonly id: string;
  readonly slug: string;
  readonly role: string;
  readonly url: string;
  readonly host: string | null;
  readonly settings: JsonObject;
  readonly bindings: JsonObject;
  readonly observed_version: string | null;
  readonly customer_id: string;
  readonly customer_slug: string;
  readonly customer_name: string;
  readonly product: string;
}

async function listDue(db: Database, everyMs: number): Promise<readonly ProbedInstance[]> {
  const { rows } = await sql<Row>`
    select i.id, i.slug, i.role, i.url, i.host, i.settings, i.bindings, i.observed_version, c.id as customer_id,
           c.slug as customer_slug, c.name as customer_name, p.slug as product
      from instance i join customer c on c.id = i.customer_id join product p on p.id = i.product_id
     where i.removed_at is null and (i.observed_at is null or i.observed_at <= app_now() - ${everyMs} * interval '1 ms')
       and not exists (select from instance_claim k where k.instance_id = i.id and k.released_at is null)
     order by i.observed_at nulls first, i.slug limit ${PER_PASS}`.execute(db);
  return rows.map((row) => ({
    id: row.id,
    slug: row.slug,
    role: row.role,
    url: row.url,
    host: row.host,
    settings: row.settings,
    bindings: row.bindings,
    customer: { id: row.customer_id, slug: row.customer_slug, name: row.customer_name },
    product: row.product,
    version: row.observed_version,
  }));
}

/** An upgrade may have taken the instance while we looked: then what we saw is the past and is dropped. */
async function saveLook(tx: Transaction, instance: ProbedInstance, look: Look): Promise<void> {
  const { version, healthy, problem } = look.site;
  const { rows } = await sql`
    update instance set observed_version = coalesce(${version}, observed_version), observed_healthy = ${healthy},
           observed_problem = ${problem}, observed_at = app_now(), observed_open = coalesce(${look.open}, observed_open),
           observed_slot = coalesce(${look.slot}, observed_slot)
     where id = ${instance.id} and not exists (
             select from instance_claim k where k.instance_id = ${instance.id} and k.released_at is null)
    returning id`.execute(tx);
  if (rows.length === 0 || version === null || version === instance.version) return;
  await recordEvent(tx, {
    actor: 'prober',
    verb: 'version-observed',
    object: { kind: 'instance', id: instance.id },
    customerId: instance.customer.id,
    before: { version: instance.version },
    after: { version },
    reason: null,
  });
}

/** One pass over what is due; resolves to how many were looked at. One site's trouble never ends the pass. */
export async function observeInstancesOnce(
  deps: ObserveDeps,
  settings: ObserveSettings,
  onError: (error: unknown, slug: string) => void,
): Promise<number> {
  const due = await listDue(deps.db, settings.everyMs);
  const queue = due.values();
  const takeNext = async (): Promise<void> => {
    for (const instance of queue) {
      if (deps.signal.aborted) return;
      try {
        const look = await observeInstance(deps, instance, deps.signal);
        if (deps.signal.aborted) return;
        await deps.db.transaction().execute((tx) => saveLook(tx, instance, look));
      } catch (error) {
        onError(error, instance.slug);
      }
    }
  };
  await Promise.all(Array.from({ length: settings.atOnce }, takeNext));
  return due.length;
}
