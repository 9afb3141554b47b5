import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WEEKDAYS, type MaintenanceWindow } from '../fleet/fleet.ts';
import { firstFit } from './first-fit.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './instant.ts';

/** Thursday 2026-11-26, 00:00 UTC. */
const MIDNIGHT = Date.UTC(2026, 10, 26);

function window(start: string, lengthMs: number, cutOffMs = 0): MaintenanceWindow {
  return {
    id: `win_${start}`,
    scope: { kind: 'fleet' },
    days: WEEKDAYS,
    start,
    zone: 'UTC',
    lengthMs,
    cutOffMs,
  };
}

function hoursAfterMidnight(at: number | undefined): number | null {
  return at === undefined ? null : (at - MIDNIGHT) / HOUR_MS;
}

const NIGHT = window('02:00', 2 * HOUR_MS, HOUR_MS / 2);

describe('the first instant that fits', () => {
  it.each([
    ['before it opens: when it opens', [NIGHT], 0, 1, 2],
    ['while it is open: at once', [NIGHT], 2.5, 1, 2.5],
    ['at the cut-off: at once', [NIGHT], 3.5, 0.25, 3.5],
    ['a minute after the cut-off: tomorrow', [NIGHT], 3.52, 0, 26],
    ['too little is left: tomorrow', [NIGHT], 3.25, 1, 26],
    ['exactly what is left: at once', [NIGHT], 3, 1, 3],
    ['never fits', [NIGHT], 2, 2.01, null],
    ['no window', [], 2, 0, null],
    ['the longer window when the sooner is too short', [NIGHT, window('05:00', 4 * HOUR_MS)], 0, 3, 5],
    ['the sooner of two', [window('05:00', 4 * HOUR_MS), NIGHT], 0, 1, 2],
    [
      'a window that opened inside another that closes',
      [NIGHT, window('03:45', HOUR_MS, 55 * MINUTE_MS)],
      3.6,
      0.5,
      3.75,
    ],
  ])('%s', (_name, windows, from, need, expected) => {
    const fit = firstFit(windows, 'UTC', MIDNIGHT + from * HOUR_MS, need * HOUR_MS);
    expect(hoursAfterMidnight(fit?.startsAt)).toBe(expected);
  });

  it('starts inside its window, not after the cut-off, and ends before the window does', () => {
    const anyWindow = fc.record({
      hour: fc.integer({ min: 0, max: 23 }),
      lengthMs: fc.integer({ min: 1, max: 30 * 60 }).map((minutes) => minutes * MINUTE_MS),
      cutOffMs: fc.integer({ min: 0, max: 120 }).map((minutes) => minutes * MINUTE_MS),
      days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
    });
    fc.assert(
      fc.property(
        fc.array(anyWindow, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('Europe/Amsterdam', 'America/New_York', 'Australia/Lord_Howe', 'UTC'),
        fc.integer({ min: 0, max: 365 * 24 * 60 }),
        fc.integer({ min: 0, max: 300 }),
        (many, zone, minute, needMinutes) => {
          const windows = many.map((one) => ({
            ...window(`${String(one.hour).padStart(2, '0')}:15`, 1),
            ...one,
            zone: 'site',
          }));
          const from = MIDNIGHT + minute * MINUTE_MS;
          const needMs = needMinutes * MINUTE_MS;
          const fit = firstFit(windows, zone, from, needMs);
          if (fit === null) {
            expect(windows.every((one) => one.lengthMs < needMs)).toBe(true);
            return;
          }
          expect(fit.startsAt).toBeGreaterThanOrEqual(Math.max(from, fit.window.opensAt));
          expect(fit.startsAt).toBeLessThanOrEqual(fit.window.cutOffAt);
          expect(fit.startsAt + needMs).toBeLessThanOrEqual(fit.window.closesAt);
          expect(fit.startsAt - from).toBeLessThan(9 * DAY_MS);
        },
      ),
      { numRuns: 500, seed: 7 },
    );
  });
});
