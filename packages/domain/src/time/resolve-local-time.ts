/**
 * A local time becomes an instant here and nowhere else (semantics 4). In a gap (the spring night): the first valid instant
 * after the gap, so 02:30 in Amsterdam is 03:00 CEST; Temporal's `compatible` would give 03:30. In a fold (the autumn
 * night): the first occurrence. SQL only ever compares the instants that come of this.
 */
import { Temporal } from 'temporal-polyfill';
import type { EpochMs } from './instant.ts';

/** `clock` is `HH:MM`; `zone` an IANA name. Throws a RangeError for an unknown zone. */
export function resolveLocalTime(date: Temporal.PlainDate, clock: string, zone: string): EpochMs {
  const local = date.toPlainDateTime(Temporal.PlainTime.from(clock));
  const earlier = local.toZonedDateTime(zone, { disambiguation: 'earlier' });
  // Only a time inside a gap does not come back as it was asked for.
  if (earlier.toPlainDateTime().equals(local)) return earlier.epochMilliseconds;
  const transition = earlier.getTimeZoneTransition('next');
  if (transition !== null) return transition.epochMilliseconds;
  return local.toZonedDateTime(zone, { disambiguation: 'later' }).epochMilliseconds;
}

/** True for a zone that this machine's time-zone data knows by an IANA name (no offsets, no abbreviations such as EST). */
export function isZone(zone: string): boolean {
  if (zone !== 'UTC' && !/^[A-Z][A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+$/.test(zone)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}
