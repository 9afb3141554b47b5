/** The random strings that stand for a person: 256 bits, of which only the SHA-256 is stored. */
import { createHash, randomBytes } from 'node:crypto';

/** What API tokens begin with, so that a leaked one is found by whoever scans for it. */
export const TOKEN_PREFIX = 'slt_';

export function makeBearer(prefix = ''): string {
  return `${prefix}${randomBytes(32).toString('base64url')}`;
}

/** No salt and no stretching: 256 random bits cannot be guessed from their hash. */
export function hashBearer(bearer: string): string {
  return createHash('sha256').update(bearer).digest('hex');
}
