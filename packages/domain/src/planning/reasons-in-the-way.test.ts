import { describe, expect, it } from 'vitest';
import type { ReasonCode } from './decision.ts';
import { reasonsInTheWay } from './reasons-in-the-way.ts';

function codes(...all: ReasonCode[]): readonly ReasonCode[] {
  return reasonsInTheWay(all.map((code) => ({ code }))).map(({ code }) => code);
}

describe('what to show of many reasons', () => {
  it('what stands in the way comes before where the instance stands', () => {
    expect(codes('differs-from-target', 'frozen')).toEqual(['frozen']);
    expect(codes('stage-pending', 'differs-from-target', 'stages')).toEqual(['stage-pending']);
    expect(codes('pin-ended', 'differs-from-target', 'held', 'window-shut')).toEqual(['held', 'window-shut']);
  });
  it('where nothing stands in the way, all of them', () => {
    expect(codes('at-target')).toEqual(['at-target']);
    expect(codes('pin-ended', 'differs-from-target')).toEqual(['pin-ended', 'differs-from-target']);
    expect(codes()).toEqual([]);
  });
});
