/**
 * Reads everything that a night's decisions depend on, once: one read-only transaction at repeatable read, so that no
 * decision is made of two moments. Everything after it is pure. How old an observation may be is for the planner to say.
 */
import type {
  Customer,
  Freeze,
  Hold,
  Instance,
  MaintenanceWindow,
  Pin,
  Product,
} from '@sitelift/domain/fleet/fleet.ts';
import type { KnownBadPair } from '@sitelift/domain/planning/known-bad-pair.ts';
import type { FleetSnapshot, UpgradeInProgress } from '@sitelift/domain/planning/snapshot.ts';
import type { PolicyEntry, PolicySet } from '@sitelift/domain/policy/policy.ts';
import type { EpochMs } from '@sitelift/domain/time/instant.ts';
import { sql } from 'kysely';
import { decisionNow } from '../db/clock.ts';
import type { Database, Transaction } from '../db/database.ts';
import { listChannels, listPlacements, listReleases } from '../fleet/fleet-views.ts';
import { loadForecasts } from './load-forecasts.ts';

export interface SnapshotOptions {
  /** Plan for this instant instead of now; what is read is as it is now. */
  readonly at?: EpochMs | null;
  readonly upgradesAtOnce: number;
}

interface InstanceRow extends Pick<
  Instance,
  'id' | 'slug' | 'role' | 'url' | 'zone' | 'labels' | 'host' | 'target'
> {
  readonly customer_id: Instance['customerId'];
  readonly product_id: Instance['productId'];
  readonly observed_version: string | null;
  readonly observed_healthy: boolean | null;
  readonly observed_problem: string | null;
  readonly observed_at: Date | null;
  readonly recorded_version: string | null;
}

function toInstance(row: InstanceRow): Instance {
  const { id, slug, role, url, zone, labels, host, target } = row;
  return {
    id, slug, role, url, zone, labels, host, target,
    customerId: row.customer_id,
    productId: row.product_id,
    recordedVersion: row.recorded_version,
    observed:
      row.observed_at === null
        ? null
        : {
            version: row.observed_version,
            healthy: row.observed_healthy === true,
            at: row.observed_at.getTime(),
            problem: row.observed_problem,
          },
  };
} // prettier-ignore

async function loadInstances(tx: Transaction): Promise<readonly Instance[]> {
  const { rows } = await sql<InstanceRow>`
    select id, slug, customer_id, product_id, role, url, zone, labels, host, target, observed_version, observed_healthy,
           observed_problem, observed_at, recorded_version
      from instance where removed_at is null order by slug`.execute(tx);
  return rows.map(toInstance);
}

interface PinRow extends Pick<Pin, 'id' | 'version' | 'owner' | 'reason'> {
  readonly instance_id: Pin['instanceId'];
  readonly set_at: Date;
  readonly until_at: Date | null;
  readonly until_channel: string | null;
}

function endOf({ until_at: at, until_channel: channel }: PinRow): Pin['ends'] {
  if (at !== null) return { kind: 'at', at: at.getTime() };
  return channel === null ? { kind: 'never' } : { kind: 'channel-reaches', channel };
}

async function loadPins(tx: Transaction): Promise<readonly Pin[]> {
  const { rows } = await sql<PinRow>`
    select id, instance_id, version, owner, reason, set_at, until_at, until_channel
      from pin where ended_at is null order by id`.execute(tx);
  return rows.map((row) => {
    const { id, version, owner, reason } = row;
    return { id, instanceId: row.instance_id, version, owner, reason, setAt: row.set_at.getTime(), ends: endOf(row) };
  });
} // prettier-ignore

async function loadFreezes(tx: Transaction): Promise<readonly Freeze[]> {
  const { rows } = await sql<Pick<Freeze, 'id' | 'scope' | 'reason' | 'owner'> & { from_at: Date; until_at: Date | null }>`
    select id, scope, from_at, until_at, reason, owner from change_freeze order by id`.execute(tx);
  return rows.map(({ id, scope, from_at: from, until_at: until, reason, owner }) => {
    return { id, scope, fromAt: from.getTime(), untilAt: until?.getTime() ?? null, reason, owner };
  });
} // prettier-ignore

interface HoldRow extends Pick<Hold, 'id' | 'kind' | 'reason' | 'owner'> {
  readonly instance_id: Hold['instanceId'];
  readonly since_at: Date;
  readonly until_at: Date | null;
  readonly release_id: Hold['releaseId'];
}

/** One whose time has come is left out: it stands until cleared or until then. */
async function loadHolds(tx: Transaction, now: EpochMs): Promise<readonly Hold[]> {
  const { rows } = await sql<HoldRow>`
    select id, instance_id, kind, reason, owner, since_at, until_at, release_id from hold
     where cleared_at is null and (until_at is null or until_at > ${new Date(now)}) order by id`.execute(tx);
  return rows.map(({ id, kind, reason, owner, ...row }) => ({
    id, kind, reason, owner,
    instanceId: row.instance_id,
    sinceAt: row.since_at.getTime(),
    untilAt: row.until_at?.getTime() ?? null,
    releaseId: row.release_id,
  }));
} // prettier-ignore

/** Of the revision of the playbook that a run would use now: a changed one is free. */
async function loadBadPairs(tx: Transaction): Promise<readonly KnownBadPair[]> {
  const { rows } = await sql<Omit<KnownBadPair, 'sinceAt'> & { since_at: Date }>`
    select b.instance_id as "instanceId", b.from_version as "fromVersion", b.release_id as "releaseId", b.reason, b.since_at,
           (select h.id from hold h join run r on r.upgrade_id = h.upgrade_id where r.id = b.run_id
             order by h.since_at desc limit 1) as "holdId"
      from known_bad_pair b join instance i on i.id = b.instance_id join product p on p.id = i.product_id
      join playbook_current c on c.name = p.playbook and c.digest = b.playbook_digest
     where b.lifted_at is null order by b.instance_id`.execute(tx);
  return rows.map(({ since_at: since, ...pair }) => ({ ...pair, sinceAt: since.getTime() }));
}

/** Open once its run has taken the instance (rule 21); until then it is a claim on the future. */
async function loadUpgrades(tx: Transaction): Promise<readonly UpgradeInProgress[]> {
  const { rows } = await sql<UpgradeInProgress>`
    select u.id as "upgradeId", u.instance_id as "instanceId", u.trigger as kind, u.to_version as "toVersion",
           case when exists (select from instance_claim c where c.upgrade_id = u.id and c.released_at is null)
                then 'open' else 'planned' end as phase,
           (select (r.plan -> 'window' ->> 'opensAt')::float8 from run r where r.upgrade_id = u.id
             order by r.created_at desc limit 1) as "startsAt"
      from upgrade u where u.ended_at is null order by u.id`.execute(tx);
  return rows;
}

async function loadPolicy(tx: Transaction): Promise<PolicySet> {
  const { rows } = await sql<{ level: string; entries: readonly PolicyEntry[] }>`
    select level, entries from policy`.execute(tx);
  const levels = <K extends string>(prefix: K) =>
    new Map(
      rows
        .filter(({ level }) => level.startsWith(prefix))
        .map(({ level, entries }) => [level as `${K}${string}`, entries] as const), // as: filtered by the prefix
    );
  const vendor = rows.find(({ level }) => level === 'vendor')?.entries ?? [];
  return { vendor, customers: levels('cust_'), instances: levels('inst_') };
}

async function read(tx: Transaction, options: SnapshotOptions): Promise<FleetSnapshot> {
  const readAt = await decisionNow(tx);
  const now = options.at ?? readAt;
  const customers = await sql<Customer>`
    select id, slug, name from customer where removed_at is null order by slug`.execute(tx);
  const products = await sql<Product>`
    select id, slug, name, playbook from product where removed_at is null order by slug`.execute(tx);
  const windows = await sql<MaintenanceWindow>`
    select id, scope, days, start, zone, length_ms as "lengthMs", cut_off_ms as "cutOffMs"
      from maintenance_window order by id`.execute(tx);
  const stopped = await sql<{ at: Date; by: string; reason: string }>`
    select at, by, reason from stop_the_world`.execute(tx);
  const [stop] = stopped.rows;
  return {
    now,
    readAt,
    customers: customers.rows,
    products: products.rows,
    releases: await listReleases(tx),
    channels: await listChannels(tx),
    placements: await listPlacements(tx),
    instances: await loadInstances(tx),
    pins: await loadPins(tx),
    freezes: await loadFreezes(tx),
    windows: windows.rows,
    holds: await loadHolds(tx, now),
    badPairs: await loadBadPairs(tx),
    upgrades: await loadUpgrades(tx),
    policy: await loadPolicy(tx),
    forecasts: await loadForecasts(tx, products.rows),
    upgradesAtOnce: options.upgradesAtOnce,
    stopped: stop === undefined ? null : { ...stop, at: stop.at.getTime() },
  };
}

export function loadSnapshot(db: Database, options: SnapshotOptions): Promise<FleetSnapshot> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute((tx) => read(tx, options));
}
