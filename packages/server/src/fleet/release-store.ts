/**
 * People move releases: into a channel when every rule of the channel allows it, out of all of them when a release is
 * withdrawn. History is never overwritten: a placement is ended, not removed, and a release stays for those who run it.
 */
import { decidePromotion } from '@sitelift/domain/planning/promotion-verdict.ts';
import {
  findApprovals,
  MACHINE_IS_NOBODY,
  waitsForSecond,
} from '@sitelift/domain/planning/second-approver.ts';
import { sql } from 'kysely';
import { decisionNow } from '../db/clock.ts';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { newId } from '../db/new-id.ts';
import { machineAccountId } from '../people/account-views.ts';
import { DONE, type ByWhom, type ChangeResult } from './change-result.ts';
import { listChannels, listPlacements, listReleases } from './fleet-views.ts';
import { lockFleet } from './lock-fleet.ts';
import { endWishes, listWishes, saveWish } from './promotion-request-store.ts';

export interface Promotion extends ByWhom {
  readonly releaseId: string;
  readonly channel: string;
  /** Tells the second person for a risky release from the first; what they signed with does not. */
  readonly accountId: string;
  /** How long a release must have been in `release` before it enters `stable`, milliseconds. */
  readonly stableAfterMs: number;
  /** Says only what stands against it. */
  readonly dryRun: boolean;
}

/**
 * Places the release. One that is risky is not placed by one person: the first who promotes it is refused, and remembered
 * for a week; it is placed when somebody else promotes it too. Nothing is remembered while anything else stands against it.
 */
export async function promoteRelease(db: Database, promotion: Promotion): Promise<ChangeResult> {
  const { releaseId, channel, accountId, actor, reason, stableAfterMs, dryRun } = promotion;
  return db.transaction().execute(async (tx) => {
    await lockFleet(tx);
    const releases = await listReleases(tx);
    const release = releases.find(({ id }) => id === releaseId);
    if (release === undefined) return { missing: 'there is no such release' };
    const placements = await listPlacements(tx);
    const now = await decisionNow(tx);
    const facts = {
      releases,
      channels: await listChannels(tx),
      placements,
      now,
      wait: { channel: 'stable', after: 'release', leastMs: stableAfterMs },
    };
    const machineId = await machineAccountId(tx);
    const approvals = findApprovals(await listWishes(tx, promotion), { accountId, machineId }, now);
    const approvedBy = release.risky ? (approvals.other?.by ?? null) : null;
    const verdict = decidePromotion({ release, channel, promotedBy: actor, approvedBy }, facts);
    if (!verdict.allowed) {
      const refused = verdict.reasons.map(({ detail }) => detail);
      if (verdict.reasons.some(({ code }) => code !== 'needs-second-approver')) return { refused };
      if (accountId === machineId) return { refused: [MACHINE_IS_NOBODY] };
      if (approvals.own === null && dryRun) return { refused: [...refused, FIRST_OF_TWO] };
      if (approvals.own === null) await rememberWish(tx, promotion, release.version);
      return { refused: [waitsForSecond(approvals.own ?? { by: actor, at: now })] };
    }
    if (dryRun) return DONE;
    const placedBy = approvedBy === null ? actor : `${approvedBy} and ${actor}`;
    await sql`
      insert into placement (id, release_id, channel, placed_by, reason)
      values (${newId('plc')}, ${releaseId}, ${channel}, ${placedBy}, ${reason})`.execute(tx);
    await endWishes(tx, promotion);
    const channels = placements.filter((one) => one.releaseId === releaseId).map((one) => one.channel);
    await recordEvent(tx, {
      actor,
      verb: 'release-promoted',
      object: { kind: 'release', id: releaseId },
      customerId: null,
      before: { channels },
      after: { channels: [...channels, channel], version: release.version, approvedBy, placedBy },
      reason,
    });
    return DONE;
  });
}

const FIRST_OF_TWO = 'nobody wants it yet: the first who promotes it is remembered, the second places it';

async function rememberWish(tx: Transaction, promotion: Promotion, version: string): Promise<void> {
  const { releaseId, channel, actor, reason } = promotion;
  await saveWish(tx, promotion);
  await recordEvent(tx, {
    actor,
    verb: 'promotion-requested',
    object: { kind: 'release', id: releaseId },
    customerId: null,
    before: null,
    after: { channel, version },
    reason,
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
