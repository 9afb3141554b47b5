import { expect, it } from 'vitest';
import { formatInstant } from './format-instant.ts';

it.each([
  ['2026-11-26T01:00:30Z', 'Europe/Amsterdam', 'Thu 2026-11-26 02:00 Europe/Amsterdam'],
  ['2026-11-26T01:00:00Z', 'UTC', 'Thu 2026-11-26 01:00 UTC'],
  ['2026-10-25T00:30:00Z', 'Europe/Amsterdam', 'Sun 2026-10-25 02:30+02:00 Europe/Amsterdam'],
  ['2026-10-25T01:30:00Z', 'Europe/Amsterdam', 'Sun 2026-10-25 02:30+01:00 Europe/Amsterdam'],
  ['2026-03-29T01:00:00Z', 'Europe/Amsterdam', 'Sun 2026-03-29 03:00 Europe/Amsterdam'],
  ['2026-11-26T01:00:00Z', 'Mars/Olympus', 'Thu 2026-11-26 01:00 UTC'],
])('%s in %s reads %s', (instant, zone, text) => {
  expect(formatInstant(Date.parse(instant), zone)).toBe(text);
});
