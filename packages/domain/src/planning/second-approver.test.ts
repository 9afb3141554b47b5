import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../time/instant.ts';
import { SAMPLE_NOW } from './sample-fleet.ts';
import { findApprovals, waitsForSecond, type PromotionWish } from './second-approver.ts';

function wish(accountId: string, ageMs: number, by = accountId): PromotionWish {
  return { accountId, by, at: SAMPLE_NOW - ageMs };
}

function found(wishes: readonly PromotionWish[], accountId: string): readonly (string | null)[] {
  const { other, own } = findApprovals(wishes, { accountId, machineId: 'machine' }, SAMPLE_NOW);
  return [other?.by ?? null, own?.by ?? null];
}

describe('who else wants a risky release (C14)', () => {
  it.each<[string, readonly PromotionWish[], readonly (string | null)[]]>([
    ['nobody, at first', [], [null, null]],
    ['somebody else is the second person', [wish('tom', DAY_MS)], ['tom', null]],
    ['the same account is not, whatever it signed with', [wish('mia', DAY_MS, 'mia via token ci')], [null, 'mia via token ci']],
    ['both are known apart', [wish('mia', 1), wish('tom', 2)], ['tom', 'mia']],
    ['of several others the first who said so', [wish('eve', 1), wish('tom', 2)], ['tom', null]],
    ['a day less than a week stands', [wish('tom', 6 * DAY_MS)], ['tom', null]],
    ['a week is too long ago, for either', [wish('tom', 7 * DAY_MS), wish('mia', 7 * DAY_MS)], [null, null]],
    ['the machine is not the other person', [wish('machine', 1)], [null, null]],
    ['nor does it hide the one behind it', [wish('machine', 2), wish('tom', 1)], ['tom', null]],
  ])('%s', (_, wishes, expected) => {
    expect(found(wishes, 'mia')).toEqual(expected);
  }); // prettier-ignore

  it('finds nobody for the machine, whoever wants it', () => {
    expect(found([wish('tom', 1), wish('machine', 2)], 'machine')).toEqual([null, null]);
  });

  it('says who wants it, since when, and what is missing', () => {
    expect(waitsForSecond({ by: 'mia', at: Date.UTC(2026, 10, 2, 14, 5) })).toBe(
      'risky: mia wants it since Mon 2026-11-02 14:05 UTC; a second release manager must promote it too',
    );
  });
});
