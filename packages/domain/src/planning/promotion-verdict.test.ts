import { describe, expect, it } from 'vitest';
import type { Release } from '../fleet/fleet.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../time/instant.ts';
import {
  decidePromotion,
  formatSpan,
  type PromotionFacts,
  type PromotionRequest,
} from './promotion-verdict.ts';
import { SAMPLE_CHANNELS, SAMPLE_NOW, samplePlacement, sampleRelease } from './sample-fleet.ts';

const HELD_BACK = 13 * DAY_MS + 23 * HOUR_MS;

function decide(
  channel: string,
  release: Partial<Release> = {},
  facts: Partial<PromotionFacts> = {},
  request: Partial<PromotionRequest> = {},
): readonly string[] {
  const verdict = decidePromotion(
    { release: sampleRelease('5.1', release), channel, promotedBy: 'mia', approvedBy: null, ...request },
    {
      releases: [sampleRelease('5.1', release), sampleRelease('5.0')],
      channels: SAMPLE_CHANNELS,
      placements: [samplePlacement('5.1', 'release', 14 * DAY_MS), samplePlacement('5.0', 'stable')],
      now: SAMPLE_NOW,
      ...facts,
    },
  );
  return verdict.allowed ? ['allowed'] : verdict.reasons.map((one) => one.code);
}

describe('may a release enter a channel (C9, C14)', () => {
  it('13 d 23 h in release are not enough for stable, and the missing hour is named', () => {
    const verdict = decidePromotion(
      { release: sampleRelease('5.1'), channel: 'stable', promotedBy: 'mia', approvedBy: null },
      {
        releases: [sampleRelease('5.1')],
        channels: SAMPLE_CHANNELS,
        placements: [samplePlacement('5.1', 'release', HELD_BACK)],
        now: SAMPLE_NOW,
      },
    );
    expect(verdict).toEqual({
      allowed: false,
      reasons: [
        {
          code: 'not-long-enough',
          detail: '5.1 has been in release for less than 14 d: 1 h are missing',
          clearsAt: SAMPLE_NOW + HOUR_MS,
          clearedBy: null,
        },
      ],
    });
  });

  it.each([
    ['14 days in release are enough', 'stable', {}, ['allowed']],
    ['any other channel asks for no age', 'beta', {}, ['allowed']],
    [
      'a failed smoke test enters no channel',
      'alpha',
      { smokeTest: 'failed' as const },
      ['smoke-test-failed'],
    ],
    ['a smoke test that was not run is no refusal', 'alpha', { smokeTest: 'not-run' as const }, ['allowed']],
    ['a risky one needs a second approver', 'alpha', { risky: true }, ['needs-second-approver']],
    [
      'a withdrawn one enters no channel',
      'beta',
      { withdrawn: { at: 1, by: 'mia', reason: 'x' } },
      ['release-withdrawn'],
    ],
    ['a channel that is not known', 'gamma', {}, ['unknown-channel']],
    ['where it already is', 'release', {}, ['already-in-channel']],
    [
      'every reason at once',
      'gamma',
      { risky: true, smokeTest: 'failed' as const },
      ['unknown-channel', 'smoke-test-failed', 'needs-second-approver'],
    ],
  ])('%s', (_name, channel, release, expected) => {
    expect(decide(channel, release)).toEqual(expected);
  });

  it('the second approver is somebody else', () => {
    expect(decide('alpha', { risky: true }, {}, { approvedBy: 'mia' })).toEqual(['needs-second-approver']);
    expect(decide('alpha', { risky: true }, {}, { approvedBy: 'tom' })).toEqual(['allowed']);
  });

  it('what was never in release does not become stable', () => {
    expect(decide('stable', {}, { placements: [] })).toEqual(['not-in-channel-before']);
  });

  it('the wait is the vendor’s to set', () => {
    const placements = [samplePlacement('5.1', 'release', 3 * DAY_MS)];
    const wait = { channel: 'stable', after: 'release', leastMs: 3 * DAY_MS };
    expect(decide('stable', {}, { placements, wait })).toEqual(['allowed']);
  });

  it('says whom it moves, and when it moves nobody', () => {
    const facts = {
      releases: [sampleRelease('5.1'), sampleRelease('5.2')],
      channels: SAMPLE_CHANNELS,
      now: SAMPLE_NOW,
    };
    const request = {
      release: sampleRelease('5.1'),
      channel: 'release',
      promotedBy: 'mia',
      approvedBy: null,
    };
    expect(decidePromotion(request, { ...facts, placements: [] })).toMatchObject({
      notes: [
        'release offers 5.1 from now on, instead of nothing',
        'so do alpha, beta, which fall back to it',
      ],
    });
    expect(
      decidePromotion(request, { ...facts, placements: [samplePlacement('5.2', 'release')] }),
    ).toMatchObject({
      notes: ['moves nobody: release already offers 5.2 (in release), which is higher'],
    });
  });

  it.each([
    [0, '0 min'],
    [1, '1 min'],
    [HOUR_MS, '1 h'],
    [HOUR_MS + MINUTE_MS, '1 h 1 min'],
    [HELD_BACK, '13 d 23 h'],
    [2 * DAY_MS - 1, '2 d'],
  ])('%d ms are %s', (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });
});
