/**
 * The plain values of our files, each with the phrase that an error gives after "expected: ". Playbooks and fleet files use
 * the same ones, so a name or an instant is written alike everywhere.
 */
import { isVersion } from '@sitelift/domain/fleet/version-order.ts';
import { isZone } from '@sitelift/domain/time/resolve-local-time.ts';
import { z } from 'zod';
import { DURATION_PATTERN } from './duration.ts';

const NAME_PATTERN = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
/** An instant with its offset: a local time would have to be resolved twice a year (semantics 4). */
export const INSTANT_PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/;
export const INSTANT_EXPECTED = 'an instant with its offset, such as 2026-12-18T16:00:00Z';
/** Shape only: no spaces, brackets or commas, so nothing can smuggle a second recipient into a header. */
export const EMAIL_PATTERN = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/;
const CLOCK_PATTERN = /^([01]\d|2[0-3]):[0-5]\d$/;

const MAX_NAME = 63;
const MAX_LINE = 200;
const MAX_TEXT = 20_000;
const MAX_EMAIL = 254;
const MAX_URL = 2_000;

export const NameSchema = z
  .string({ error: 'a name in kebab-case' })
  .max(MAX_NAME, `at most ${MAX_NAME} characters`)
  .regex(NAME_PATTERN, 'a name in kebab-case, such as `overnight-channel`');
export const LineSchema = z
  .string({ error: 'a line of text' })
  .min(1, 'a line of text')
  .max(MAX_LINE, `at most ${MAX_LINE} characters`)
  .regex(/^[^\r\n]*$/, 'one line of text');
export const TextSchema = z.string({ error: 'text' }).max(MAX_TEXT, `at most ${MAX_TEXT} characters`);
export const FlagSchema = z.boolean({ error: 'true or false' });
export const JsonSchema = z.json({ error: 'a plain value' });
export const JsonObjectSchema = z.record(z.string(), JsonSchema, { error: 'a mapping' });
export const DurationSchema = z
  .string({ error: 'a duration such as 90s, 15m, 3h or 14d' })
  .regex(DURATION_PATTERN, 'a duration such as 90s, 15m, 3h or 14d');
export const InstantSchema = z
  .string({ error: INSTANT_EXPECTED })
  .regex(INSTANT_PATTERN, INSTANT_EXPECTED)
  .refine((text) => parseInstant(text) !== null, 'a day and a time that exist');
export const EmailSchema = z
  .string({ error: 'an e-mail address' })
  .max(MAX_EMAIL, `at most ${MAX_EMAIL} characters`)
  .regex(EMAIL_PATTERN, 'an e-mail address');
export const ClockSchema = z
  .string({ error: 'a local time in quotes, such as "02:00"' })
  .regex(CLOCK_PATTERN, 'a local time, such as "02:00"');
/** YAML reads `5.10` as the number 5.1, which is another version: quotes are asked for instead of a guess. */
export const VersionSchema = z
  .string({ error: 'a version, in quotes when it looks like a number: "5.10"' })
  .refine(isVersion, 'an exact version, such as 5.12.8 or 6.0-beta.1');
export const ZoneSchema = z
  .string({ error: 'an IANA time zone, such as Europe/Amsterdam' })
  .refine(isZone, 'an IANA time zone, such as Europe/Amsterdam');
export const UrlSchema = z
  .string({ error: 'an http or https address' })
  .max(MAX_URL, `at most ${MAX_URL} characters`)
  .refine(isSiteUrl, 'an http or https address without a user name or password');

export const OneOrMore = <Item extends z.ZodType>(item: Item, error: string) =>
  z.union([item, z.array(item).min(1, error)], { error });

/** Milliseconds since the epoch; null for a day or an hour that does not exist (`Date` would roll it over). */
export function parseInstant(text: string): number | null {
  if (!INSTANT_PATTERN.test(text)) return null;
  const at = Date.parse(text);
  const day = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
  const exists = !Number.isNaN(day) && new Date(day).toISOString().startsWith(text.slice(0, 10));
  return Number.isNaN(at) || !exists ? null : at;
}

function isSiteUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null &&
    /^https?:\/\//i.test(text) &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.username === '' &&
    url.password === '' &&
    url.hostname !== ''
  );
}
