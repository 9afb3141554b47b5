/**
 * May this release enter this channel (C9, C14)? All reasons against it at once, each with when or by whom it clears. It is
 * asked when a person promotes; nothing calls it by age alone, and an allowed verdict places nothing.
 *
 * The wait before `stable` counts from the first placement in `release`, not from the days in which the build was the newest
 * there (E24); each build has its own clock, a hotfix too, and one that was taken out and flagged again starts anew (E23).
 */
import type { Channel, Placement, Release } from '../fleet/fleet.ts';
import { compareVersions } from '../fleet/version-order.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type EpochMs } from '../time/instant.ts';
import { indexReleases } from './resolve-target.ts';

/** A channel that a release enters only after a time in another one. */
export interface PromotionWait {
  readonly channel: string;
  readonly after: string;
  readonly leastMs: number;
}

/** Fourteen days as release (C9); the number is the vendor's to change. */
export const STABLE_WAIT: PromotionWait = { channel: 'stable', after: 'release', leastMs: 14 * DAY_MS };

export interface PromotionRequest {
  readonly release: Release;
  readonly channel: string;
  readonly promotedBy: string;
  /** The second person who approves a risky release; null when nobody has. */
  readonly approvedBy: string | null;
}

/** `placements` are the open ones, of all releases. */
export interface PromotionFacts {
  readonly releases: readonly Release[];
  readonly channels: readonly Channel[];
  readonly placements: readonly Placement[];
  readonly now: EpochMs;
  readonly wait?: PromotionWait;
}

export const PROMOTION_REASON_CODES = [
  'unknown-channel',
  'already-in-channel',
  'release-withdrawn',
  'smoke-test-failed',
  'needs-second-approver',
  'not-long-enough',
  'not-in-channel-before',
] as const;
export type PromotionReasonCode = (typeof PROMOTION_REASON_CODES)[number];

export interface PromotionReason {
  readonly code: PromotionReasonCode;
  readonly detail: string;
  readonly clearsAt: EpochMs | null;
  readonly clearedBy: string | null;
}

export type PromotionVerdict =
  | {
      readonly allowed: true;
      /** What it changes for instances on the channel, and what a person should know before confirming. */
      readonly notes: readonly string[];
    }
  | { readonly allowed: false; readonly reasons: readonly PromotionReason[] };

/** Rounded up to the minute, so that what is missing is never told as less than it is: `1 h`, `13 d 23 h`, `2 d 5 min`. */
export function formatSpan(ms: number): string {
  const minutes = Math.ceil(ms / MINUTE_MS);
  const days = Math.floor((minutes * MINUTE_MS) / DAY_MS);
  const hours = Math.floor((minutes * MINUTE_MS - days * DAY_MS) / HOUR_MS);
  const parts = [
    [days, 'd'],
    [hours, 'h'],
    [minutes % 60, 'min'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return said.length === 0 ? '0 min' : said.join(' ');
}

function waitReasons(
  request: PromotionRequest,
  facts: PromotionFacts,
  wait: PromotionWait,
): readonly PromotionReason[] {
  if (request.channel !== wait.channel) return [];
  const { version, id } = request.release;
  const placed = facts.placements.filter((one) => one.releaseId === id && one.channel === wait.after);
  if (placed.length === 0) {
    const detail = `${version} is not in ${wait.after}; it enters ${wait.channel} after ${formatSpan(wait.leastMs)} there`;
    const clearedBy = `whoever places it in ${wait.after}`;
    return [{ code: 'not-in-channel-before', detail, clearsAt: null, clearedBy }];
  }
  const clearsAt = Math.min(...placed.map((one) => one.placedAt)) + wait.leastMs;
  if (facts.now >= clearsAt) return [];
  const detail =
    `${version} has been in ${wait.after} for less than ${formatSpan(wait.leastMs)}: ` +
    `${formatSpan(clearsAt - facts.now)} are missing`;
  return [{ code: 'not-long-enough', detail, clearsAt, clearedBy: null }];
}

function releaseReasons({ release, promotedBy, approvedBy }: PromotionRequest): readonly PromotionReason[] {
  const reasons: PromotionReason[] = [];
  const { version, withdrawn } = release;
  if (withdrawn !== null) {
    const detail = `${version} was withdrawn by ${withdrawn.by}: ${withdrawn.reason}`;
    reasons.push({ code: 'release-withdrawn', detail, clearsAt: null, clearedBy: 'a new build' });
  }
  if (release.smokeTest === 'failed') {
    const detail = `the smoke test of ${version} failed: it enters no channel`;
    reasons.push({ code: 'smoke-test-failed', detail, clearsAt: null, clearedBy: 'a build that passes' });
  }
  if (release.risky && (approvedBy === null || approvedBy === promotedBy)) {
    const detail =
      `${version} is declared risky and needs the approval of a second person` +
      (approvedBy === null ? '' : `; ${approvedBy} is the one who promotes it`);
    reasons.push({ code: 'needs-second-approver', detail, clearsAt: null, clearedBy: 'a second approver' });
  }
  return reasons;
}

function notesOn({ release, channel }: PromotionRequest, facts: PromotionFacts): readonly string[] {
  const { productId, version } = release;
  const notes: string[] = [];
  const index = indexReleases(facts);
  const offer = index.offer(productId, channel);
  if (offer !== undefined && compareVersions(offer.release.version, version) > 0) {
    notes.push(
      `moves nobody: ${channel} already offers ${offer.release.version} (in ${offer.from}), which is higher`,
    );
  } else {
    notes.push(`${channel} offers ${version} from now on, instead of ${offer?.release.version ?? 'nothing'}`);
    const rank = facts.channels.find((one) => one.name === channel)?.rank ?? 0;
    const fallBack = facts.channels.filter(({ name, rank: other }) => {
      const above = index.offer(productId, name);
      return other > rank && (above === undefined || compareVersions(above.release.version, version) < 0);
    });
    if (fallBack.length > 0)
      notes.push(`so do ${fallBack.map((one) => one.name).join(', ')}, which fall back to it`);
  }
  if (release.smokeTest === 'not-run') notes.push(`the smoke test of ${version} has not been run`);
  if (release.risky) notes.push(`${version} is risky: no night starts it, a person does`);
  return notes;
}

export function decidePromotion(request: PromotionRequest, facts: PromotionFacts): PromotionVerdict {
  const { release, channel } = request;
  const reasons: PromotionReason[] = [];
  if (!facts.channels.some((one) => one.name === channel)) {
    const detail = `there is no channel ${channel}; there are ${facts.channels.map((one) => one.name).join(', ')}`;
    reasons.push({ code: 'unknown-channel', detail, clearsAt: null, clearedBy: null });
  }
  if (facts.placements.some((one) => one.releaseId === release.id && one.channel === channel)) {
    const detail = `${release.version} is already in ${channel}`;
    reasons.push({ code: 'already-in-channel', detail, clearsAt: null, clearedBy: null });
  }
  reasons.push(...releaseReasons(request), ...waitReasons(request, facts, facts.wait ?? STABLE_WAIT));
  return reasons.length > 0 ? { allowed: false, reasons } : { allowed: true, notes: notesOn(request, facts) };
}
