/**
 * New ids: the kind as prefix and a lower-case ULID (48 bits of milliseconds, 80 random bits), so that ids sort by creation
 * and cannot be guessed. The only place with randomness for ids.
 */
import { randomBytes } from 'node:crypto';
import type { Id, IdKind } from '@sitelift/domain/ids.ts';
import { systemClock } from './clock.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;

function encodeTime(ms: number): string {
  let text = '';
  let rest = ms;
  for (let index = 0; index < TIME_CHARS; index += 1) {
    text = `${ALPHABET[rest % 32] ?? ''}${text}`;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** A fresh id of this kind. */
export function newId<K extends IdKind>(kind: K): Id<K> {
  const random = [...randomBytes(RANDOM_CHARS)].map((byte) => ALPHABET[byte % 32] ?? '').join('');
  return `${kind}_${encodeTime(systemClock.wallMs())}${random}`;
}
