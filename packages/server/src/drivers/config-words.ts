/** Schemas that several drivers' settings share, so that the same thing is written the same way in every binding. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@sitelift/domain/time/instant.ts';
import { z } from 'zod';

const UNIT_MS: Readonly<Record<string, number>> = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };
const DURATION = /^(0|[1-9]\d{0,5})([smhd])$/;

/** `90s`, `5m`, `2h`; becomes milliseconds. */
export const durationSchema = z
  .string()
  .regex(DURATION, 'a duration such as 90s, 5m or 2h')
  .transform((text) => Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? SECOND_MS));

/** The name of a secret, as `sitelift secret set` takes it; never the secret. */
export const secretNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'the name of a secret in kebab-case (never the secret itself)');

/** `{ secret: name }` in place of a value. */
export const secretRefSchema = z.strictObject({ secret: secretNameSchema });

/** An absolute path that can stand in a command of one line. */
export const plainPathSchema = z
  .string()
  .regex(/^\/[A-Za-z0-9._/@+-]*$/, 'an absolute path of letters, digits and . _ / @ + -');
