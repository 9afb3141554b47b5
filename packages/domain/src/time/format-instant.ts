/**
 * An instant in words, in a site's own zone with the zone's name beside it: `Thu 2026-11-26 02:00 Europe/Amsterdam`. The
 * planner's reasons are read by people in several zones; a time without its zone has cost nights. In the hour that the
 * clocks repeat the offset is added, because 02:30 alone would mean two instants.
 */
import { Temporal } from 'temporal-polyfill';
import type { EpochMs } from './instant.ts';
import { isZone } from './resolve-local-time.ts';

const WEEKDAY_NAMES = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

/** Zones and instants repeat all over a fleet; formatting one with the polyfill costs some ten microseconds. */
const formatted = new Map<string, string>();
const CACHE_LIMIT = 100_000;

const known = new Map<string, boolean>();

/** `isZone`, remembered: it is asked for every instance of a fleet and answers by trying. */
export function isKnownZone(zone: string): boolean {
  let answer = known.get(zone);
  if (answer === undefined) {
    if (known.size >= CACHE_LIMIT) known.clear();
    answer = isZone(zone);
    known.set(zone, answer);
  }
  return answer;
}

function write(at: EpochMs, zone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  const time = local.toPlainTime().toString({ smallestUnit: 'minute' });
  const plain = local.toPlainDateTime();
  const isRepeated =
    plain.toZonedDateTime(zone, { disambiguation: 'earlier' }).offset !==
    plain.toZonedDateTime(zone, { disambiguation: 'later' }).offset;
  const offset = isRepeated ? local.offset : '';
  return `${WEEKDAY_NAMES[local.dayOfWeek - 1] ?? ''} ${local.toPlainDate().toString()} ${time}${offset} ${zone}`;
}

/** To the minute, rounded down. A zone that this machine does not know is written in UTC instead: a text must not throw. */
export function formatInstant(at: EpochMs, zone: string): string {
  const key = `${at} ${zone}`;
  const found = formatted.get(key);
  if (found !== undefined) return found;
  if (formatted.size >= CACHE_LIMIT) formatted.clear();
  const text = write(at, isKnownZone(zone) ? zone : 'UTC');
  formatted.set(key, text);
  return text;
}
