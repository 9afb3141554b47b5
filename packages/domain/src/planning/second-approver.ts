/**
 * A risky release needs two people (C14): what one wants alone is kept as a wish, and the release is placed when somebody
 * else wants the same. People are told apart by their account, never by what they signed with: the same person with a
 * session and with a token of their own is one person. The account of the machine is nobody: whoever has a terminal on the
 * server would be two people with it, on top of their own account. A wish is worth something for a week; after that nobody remembers what was looked at.
 */
import { formatInstant } from '../time/format-instant.ts';
import { DAY_MS, type EpochMs } from '../time/instant.ts';

/** How long the first person's word stands, counted from when it was first given: saying it again does not renew it. */
export const WISH_STANDS_MS = 7 * DAY_MS;

/** Of one account, for one release in one channel. */
export interface PromotionWish {
  readonly accountId: string;
  /** As in the audit trail. */
  readonly by: string;
  readonly at: EpochMs;
}

export interface Approvals {
  /** The other person, who wanted it first; null when nobody does. */
  readonly other: PromotionWish | null;
  /** What this account wants already; null when it never said so, or too long ago. */
  readonly own: PromotionWish | null;
}

/** `machineId`: the account of the machine, whose word counts neither as the first nor as the second; null when there is none. */
export function findApprovals(
  wishes: readonly PromotionWish[],
  { accountId, machineId }: { readonly accountId: string; readonly machineId: string | null },
  now: EpochMs,
): Approvals {
  if (accountId === machineId) return { other: null, own: null };
  const standing = wishes
    .filter((one) => one.accountId !== machineId && now - one.at < WISH_STANDS_MS)
    .toSorted((a, b) => a.at - b.at);
  return {
    other: standing.find((one) => one.accountId !== accountId) ?? null,
    own: standing.find((one) => one.accountId === accountId) ?? null,
  };
}

/** What is told while only the second person is missing. */
export function waitsForSecond({ by, at }: Pick<PromotionWish, 'by' | 'at'>): string {
  return `risky: ${by} wants it since ${formatInstant(at, 'UTC')}; a second release manager must promote it too`;
}

/** What is told to whoever sits at the machine, in place of remembering what they want. */
export const MACHINE_IS_NOBODY =
  'risky: the account of this machine counts as neither of the two people; create a second account ' +
  '(`sitelift account create <email> --role release-manager`), sign in with it (`sitelift login <email>`) and promote again';
