/**
 * People move releases: into a channel when every rule of the channel allows it, out of all of them when a release is
 * withdrawn. History is never overwritten: a placement is ended, not removed, and a release stays for those who run it.
 */
import { decidePromotion } from '@sitelift/domain/planning/promotion-verdict.ts';
import { sql } from 'kysely';
import { decisionNow } from '../db/clock.ts';
import type { Database } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { newId } from '../db/new-id.ts';
import { DONE, type ByWhom, type ChangeResult } from './change-result.ts';
import { listChannels, listPlacements, listReleases } from './fleet-views.ts';
import { lockFleet } from './lock-fleet.ts';

export interface Promotion extends ByWhom {
  readonly releaseId: string;
  readonly channel: string;
  /** The second person for a risky release. */
  readonly approvedBy?: string | null;
  /** How long a release must have been in `release` before it enters `stable`, milliseconds. */
  readonly stableAfterMs: number;
  /** Says only what stands against it. */
  readonly dryRun: boolean;
}

export async function promoteRelease(db: Database, promotion: Promotion): Promise<ChangeResult> {
  const { releaseId, channel, actor, reason, approvedBy = null, stableAfterMs, dryRun } = promotion;
  return db.transaction().execute(async (tx) => {
    await lockFleet(tx);
    const releases = await listReleases(tx);
    const release = releases.find(({ id }) => id === releaseId);
    if (release === undefined) return { missing: 'there is no such release' };
    const placements = await listPlacements(tx);
    const facts = {
      releases,
      channels: await listChannels(tx),
      placements,
      now: await decisionNow(tx),
      wait: { channel: 'stable', after: 'release', leastMs: stableAfterMs },
    };
    const verdict = decidePromotion({ release, channel, promotedBy: actor, approvedBy }, facts);
    if (!verdict.allowed) return { refused: verdict.reasons.map(({ detail }) => detail) };
    if (dryRun) return DONE;
    await sql`
      insert into placement (id, release_id, channel, placed_by, reason)
      values (${newId('plc')}, ${releaseId}, ${channel}, ${actor}, ${reason})`.execute(tx);
    const channels = placements.filter((one) => one.releaseId === releaseId).map((one) => one.channel);
    await recordEvent(tx, {
      actor,
      verb: 'release-promoted',
      object: { kind: 'release', id: releaseId },
      customerId: null,
      before: { channels },
      after: { channels: [...channels, channel], version: release.version, approvedBy },
      reason,
    });
    return DONE;
  });
}

export interface Withdrawal extends ByWhom {
  readonly releaseId: string;
}

/** Takes a release back for good: it leaves every channel, and a run that has not committed yet is held. */
export async function withdrawRelease(db: Database, withdrawal: Withdrawal): Promise<ChangeResult> {
  const { releaseId, actor, reason } = withdrawal;
  return db.transaction().execute(async (tx) => {
    await lockFleet(tx);
    const { rows } = await sql<{ version: string; withdrawn_by: string | null }>`
      select version, withdrawn_by from release where id = ${releaseId} for update`.execute(tx);
    const [release] = rows;
    if (release === undefined) return { missing: 'there is no such release' };
    if (release.withdrawn_by !== null)
      return { refused: [`${release.version} was withdrawn already, by ${release.withdrawn_by}`] };
    await sql`
      update release set withdrawn_at = app_now(), withdrawn_by = ${actor}, withdrawn_reason = ${reason}
       where id = ${releaseId}`.execute(tx);
    const ended = await sql<{ channel: string }>`
      update placement set ended_at = app_now(), ended_by = ${actor}, end_reason = ${`withdrawn: ${reason}`}
       where release_id = ${releaseId} and ended_at is null returning channel`.execute(tx);
    await recordEvent(tx, {
      actor,
      verb: 'release-withdrawn',
      object: { kind: 'release', id: releaseId },
      customerId: null,
      before: { channels: ended.rows.map(({ channel }) => channel) },
      after: { channels: [], version: release.version },
      reason,
    });
    return DONE;
  });
}
