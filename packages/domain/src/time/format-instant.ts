/**
 * An instant in words, in a site's own zone with the zone's name beside it: `Thu 2026-11-26 02:00 Europe/Amsterdam`. The
 * planner's reasons are read by people in several zones; a time without its zone has cost nights. In the hour that the
 * clocks repeat the offset is added, because 02:30 alone would mean two instants.
 */
import { Temporal } from 'temporal-polyfill';
import { DAY_MS, HOUR_MS, type EpochMs } from './instant.ts';
import { isZone } from './resolve-local-time.ts';

const WEEKDAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** Enough for a large fleet's zones and instants; then a cache starts anew instead of growing for ever. */
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

function offsetMs(at: EpochMs, zone: string): number {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).offsetNanoseconds / 1e6;
}

/** No change of clocks repeats more than this. */
const AROUND_MS = 3 * HOUR_MS;

const steady = new Map<string, number | null>();

/**
 * The offset that a zone has all through a UTC day and some hours around it, or null near a change of the clocks. An instant
 * formatted through the polyfill costs some ten microseconds; a fleet has thousands of instants on a few hundred days.
 */
function steadyOffset(day: number, zone: string): number | null {
  const key = `${day} ${zone}`;
  const found = steady.get(key);
  if (found !== undefined) return found;
  if (steady.size >= CACHE_LIMIT) steady.clear();
  const before = offsetMs(day * DAY_MS - AROUND_MS, zone);
  const answer = before === offsetMs((day + 1) * DAY_MS + AROUND_MS, zone) ? before : null;
  steady.set(key, answer);
  return answer;
}

/** The offset in writing where the clock reads the same twice: it stood differently an hour or two before or after. */
function writtenOffset(at: EpochMs, zone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  const plain = local.toPlainDateTime();
  const earlier = plain.toZonedDateTime(zone, { disambiguation: 'earlier' });
  const later = plain.toZonedDateTime(zone, { disambiguation: 'later' });
  return earlier.offset === later.offset ? '' : local.offset;
}

function write(at: EpochMs, zone: string): string {
  const offset = steadyOffset(Math.floor(at / DAY_MS), zone);
  const wall = new Date(at + (offset ?? offsetMs(at, zone))).toISOString();
  const weekday = WEEKDAY_NAMES[new Date(wall).getUTCDay()] ?? '';
  return `${weekday} ${wall.slice(0, 10)} ${wall.slice(11, 16)}${offset === null ? writtenOffset(at, zone) : ''} ${zone}`;
}

const formatted = new Map<string, Map<EpochMs, string>>();

/** To the minute, rounded down. A zone that this machine does not know is written in UTC instead: a text must not throw. */
export function formatInstant(at: EpochMs, zone: string): string {
  let texts = formatted.get(zone);
  if (texts === undefined || texts.size >= CACHE_LIMIT) {
    texts = new Map();
    if (formatted.size >= CACHE_LIMIT) formatted.clear();
    formatted.set(zone, texts);
  }
  let text = texts.get(at);
  if (text === undefined) {
    text = write(at, isKnownZone(zone) ? zone : 'UTC');
    texts.set(at, text);
  }
  return text;
}
