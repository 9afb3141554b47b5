import { Temporal } from 'temporal-polyfill';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MaintenanceWindow } from '../fleet/fleet.ts';
import { WEEKDAYS } from '../fleet/fleet.ts';
import { HOUR_MS, MINUTE_MS } from './instant.ts';
import { isZone, resolveLocalTime } from './resolve-local-time.ts';
import { nextOccurrence, windowAt } from './window-occurrences.ts';

const AMSTERDAM = 'Europe/Amsterdam';

function daily(start: string, hours: number): MaintenanceWindow {
  return {
    id: 'win_1',
    scope: { kind: 'fleet' },
    days: WEEKDAYS,
    start,
    zone: 'site',
    lengthMs: hours * HOUR_MS,
    cutOffMs: 0,
  };
}

function local(at: number): string {
  const zoned = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(AMSTERDAM);
  return `${zoned.toPlainTime().toString({ smallestUnit: 'minute' })}${zoned.offset}`;
}

describe('a window on the nights the clocks change (the six rows of the table)', () => {
  it.each([
    ['normal winter', '2026-01-14', 2, 120, '02:00+01:00', '04:00+01:00'],
    ['spring', '2026-03-29', 2, 120, '03:00+02:00', '05:00+02:00'],
    ['autumn', '2026-10-25', 2, 120, '02:00+02:00', '03:00+01:00'],
    ['summer', '2026-07-15', 2, 120, '02:00+02:00', '04:00+02:00'],
    ['one hour, spring', '2026-03-29', 1, 60, '03:00+02:00', '04:00+02:00'],
    ['one hour, autumn', '2026-10-25', 1, 60, '02:00+02:00', '02:00+01:00'],
  ])('%s: open for exactly its length, once', (_name, day, hours, minutes, opens, closes) => {
    const window = daily('02:00', hours);
    const midnight = Temporal.PlainDate.from(day).toZonedDateTime(AMSTERDAM);
    let open = 0;
    const seen = new Set<number>();
    for (
      let at = midnight.epochMilliseconds;
      at < midnight.add({ days: 1 }).epochMilliseconds;
      at += MINUTE_MS
    ) {
      const found = windowAt(window, AMSTERDAM, at);
      if (found !== null && found.opensAt <= at) {
        open += 1;
        seen.add(found.opensAt);
      }
    }
    const [first] = seen;
    expect([open, seen.size]).toEqual([minutes, 1]);
    expect([local(first ?? 0), local((first ?? 0) + hours * HOUR_MS)]).toEqual([opens, closes]);
  });
});

describe('local times', () => {
  it('02:30 in the spring gap is the first instant after it, not 03:30', () => {
    expect(local(resolveLocalTime(Temporal.PlainDate.from('2026-03-29'), '02:30', AMSTERDAM))).toBe(
      '03:00+02:00',
    );
  });

  it('02:30 in the autumn fold is the first of the two', () => {
    expect(local(resolveLocalTime(Temporal.PlainDate.from('2026-10-25'), '02:30', AMSTERDAM))).toBe(
      '02:30+02:00',
    );
  });

  it('every local time of every day in any zone is one instant, and later local times are never earlier instants', () => {
    const zones = Intl.supportedValuesOf('timeZone');
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: 0, max: 18 * 365 }),
        fc.integer({ min: 0, max: 1438 }),
        (zone, day, minute) => {
          const date = Temporal.PlainDate.from('2020-01-01').add({ days: day });
          const clock = (m: number) =>
            `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`;
          const a = resolveLocalTime(date, clock(minute), zone);
          const b = resolveLocalTime(date, clock(minute + 1), zone);
          expect(b).toBeGreaterThanOrEqual(a);
          const wall = Temporal.Instant.fromEpochMilliseconds(a).toZonedDateTimeISO(zone);
          // Either exactly the wanted wall time, or the instant at which a gap ends.
          const exact = wall.hour * 60 + wall.minute === minute && wall.toPlainDate().equals(date);
          const before = wall.subtract({ milliseconds: 1 });
          expect(exact || before.offsetNanoseconds !== wall.offsetNanoseconds).toBe(true);
        },
      ),
      { numRuns: 400, seed: 4 },
    );
  });

  it.each(['EST', 'GMT+25', '../etc/passwd', 'Mars/Olympus', '+01:00', ''])('%s is not a zone', (zone) => {
    expect(isZone(zone)).toBe(false);
  });
});

describe('which occurrence counts', () => {
  const friday: MaintenanceWindow = { ...daily('22:00', 6), days: ['fri'], cutOffMs: HOUR_MS };

  it('a window over midnight is one window: Friday 22:00 is still open on Saturday at 03:00', () => {
    const saturday = Temporal.ZonedDateTime.from(`2026-11-28T03:00[${AMSTERDAM}]`).epochMilliseconds;
    const found = windowAt(friday, AMSTERDAM, saturday);
    expect(found?.opensAt).toBe(saturday - 5 * HOUR_MS);
    expect(found?.cutOffAt).toBe(saturday);
  });

  it('after the cut-off the next occurrence is not the one that is closing', () => {
    const late = Temporal.ZonedDateTime.from(`2026-11-28T03:30[${AMSTERDAM}]`).epochMilliseconds;
    const other = daily('05:00', 1);
    expect(nextOccurrence([friday, other], AMSTERDAM, late)?.opensAt).toBe(late + 90 * MINUTE_MS);
  });
});
