import { HOUR_MS, MINUTE_MS } from '@sitelift/domain/time/instant.ts';
import { describe, expect, it } from 'vitest';
import { backupPolicy, isAnyTime } from './policy-values.ts';

describe('policies that this version acts on', () => {
  // prettier-ignore
  it.each<[string, Parameters<typeof backupPolicy>[0], Parameters<typeof backupPolicy>[1], ReturnType<typeof backupPolicy>]>([
    ['nothing said: restored, four hours, no loss', undefined, undefined, { grade: 'restored', maxAgeMs: 4 * HOUR_MS, acceptedLossMs: 0 }],
    ['a grade alone', undefined, 'readable', { grade: 'readable', maxAgeMs: 4 * HOUR_MS, acceptedLossMs: 0 }],
    ['an age alone', undefined, { maxAge: '90m' }, { grade: 'restored', maxAgeMs: 90 * MINUTE_MS, acceptedLossMs: 0 }],
    ['all of it', { acceptedLoss: '5m' }, { grade: 'written', maxAge: '1h' }, { grade: 'written', maxAgeMs: HOUR_MS, acceptedLossMs: 5 * MINUTE_MS }],
    ['what cannot be read is the strictest', { acceptedLoss: 'much' }, 'none', { grade: 'restored', maxAgeMs: 4 * HOUR_MS, acceptedLossMs: 0 }],
  ])('P4 and P5, %s', (_name, p4, p5, expected) => {
    expect(backupPolicy(p4, p5)).toEqual(expected);
  });

  it('P3 is any time only when it says so', () => {
    expect([undefined, null, 'window', 'anytime', true, 'any-time'].map(isAnyTime)).toEqual([false, false, false, false, false, true]); // prettier-ignore
  });
});
