/** Releases, channels and placements as the domain has them: for whoever decides over them. */
import type { Channel, Placement, Release } from '@sitelift/domain/fleet/fleet.ts';
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';

interface ReleaseRow {
  readonly id: Release['id'];
  readonly product_id: Release['productId'];
  readonly version: string;
  readonly kind: Release['kind'];
  readonly artefact: Release['artefact'];
  readonly notes: string | null;
  readonly needs_downtime: boolean;
  readonly risky: boolean;
  readonly smoke_test: Release['smokeTest'];
  readonly published_at: Date;
  readonly withdrawn_at: Date | null;
  readonly withdrawn_by: string | null;
  readonly withdrawn_reason: string | null;
}

function toRelease(row: ReleaseRow): Release {
  return {
    id: row.id,
    productId: row.product_id,
    version: row.version,
    kind: row.kind,
    artefact: row.artefact,
    notes: row.notes,
    needsDowntime: row.needs_downtime,
    risky: row.risky,
    smokeTest: row.smoke_test,
    publishedAt: row.published_at.getTime(),
    withdrawn:
      row.withdrawn_at === null
        ? null
        : {
            at: row.withdrawn_at.getTime(),
            by: row.withdrawn_by ?? 'unknown',
            reason: row.withdrawn_reason ?? 'no reason given',
          },
  };
}

/** All releases, withdrawn ones included. */
export async function listReleases(tx: Transaction): Promise<readonly Release[]> {
  const { rows } = await sql<ReleaseRow>`
    select id, product_id, version, kind, artefact, notes, needs_downtime, risky, smoke_test, published_at, withdrawn_at,
           withdrawn_by, withdrawn_reason
      from release order by id`.execute(tx);
  return rows.map(toRelease);
}

export async function listChannels(tx: Transaction): Promise<readonly Channel[]> {
  const { rows } = await sql<Channel>`select name, rank from channel order by rank desc`.execute(tx);
  return rows;
}

/** Placements that were not ended, whether or not their release was withdrawn. */
export async function listPlacements(tx: Transaction): Promise<readonly Placement[]> {
  const { rows } = await sql<{
    id: Placement['id'];
    release_id: Placement['releaseId'];
    channel: string;
    placed_at: Date;
    placed_by: string;
    reason: string;
  }>`
    select id, release_id, channel, placed_at, placed_by, reason from placement where ended_at is null order by id`.execute(
    tx,
  );
  return rows.map((row) => ({
    id: row.id,
    releaseId: row.release_id,
    channel: row.channel,
    placedAt: row.placed_at.getTime(),
    placedBy: row.placed_by,
    reason: row.reason,
  }));
}
