/** Releases with the channels that they are in and how many instances were last seen on each. */
import type { ReleaseView } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';

interface ReleaseRow {
  readonly product: string;
  readonly version: string;
  readonly kind: string;
  readonly notes: string | null;
  readonly needs_downtime: boolean;
  readonly risky: boolean;
  readonly smoke_test: ReleaseView['smokeTest'];
  readonly published_at: Date;
  readonly withdrawn_at: Date | null;
  readonly withdrawn_by: string | null;
  readonly withdrawn_reason: string | null;
  readonly channels: readonly { readonly channel: string; readonly at: string; readonly by: string }[] | null;
  readonly instances: number;
}

/** Newest first within a product. */
export async function listReleases(db: Database): Promise<ReleaseView[]> {
  const { rows } = await sql<ReleaseRow>`
    with placed as (
      select pl.release_id, jsonb_agg(jsonb_build_object('channel', pl.channel, 'at', pl.placed_at, 'by', pl.placed_by)
               order by ch.rank) as channels
        from placement pl join channel ch on ch.name = pl.channel where pl.ended_at is null group by pl.release_id
    ), seen as (
      select product_id, observed_version, count(*) as instances from instance where removed_at is null group by 1, 2
    )
    select p.slug as product, r.version, r.kind, r.notes, r.needs_downtime, r.risky, r.smoke_test, r.published_at,
           r.withdrawn_at, r.withdrawn_by, r.withdrawn_reason, placed.channels, coalesce(seen.instances, 0) as instances
      from release r join product p on p.id = r.product_id left join placed on placed.release_id = r.id
           left join seen on seen.product_id = r.product_id and seen.observed_version = r.version
     order by p.slug, r.published_at desc, r.id desc`.execute(db);
  return rows.map((row) => ({
    product: row.product,
    version: row.version,
    kind: row.kind,
    notes: row.notes,
    needsDowntime: row.needs_downtime,
    risky: row.risky,
    smokeTest: row.smoke_test,
    publishedAt: row.published_at.toISOString(),
    withdrawn:
      row.withdrawn_at === null
        ? null
        : {
            at: row.withdrawn_at.toISOString(),
            by: row.withdrawn_by ?? '',
            reason: row.withdrawn_reason ?? '',
          },
    channels: (row.channels ?? []).map(({ channel, at, by }) => ({
      channel,
      placedAt: new Date(at).toISOString(),
      placedBy: by,
    })),
    instances: row.instances,
  }));
}
