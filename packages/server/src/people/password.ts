/**
 * Passwords: scrypt from node:crypto, the parameters stored in the hash so that they can grow later without locking
 * anybody out. A verification costs the same whether or not there is an account: see `verifyAgainstNobody`.
 */
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';

/** OWASP's second choice for scrypt: 32 MiB, three passes; about a tenth of a second here. */
const COST = 32_768;
const BLOCK_SIZE = 8;
const PARALLEL = 3;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** scrypt needs 128 * N * r bytes; Node's own limit is 32 MiB, which is just too little for that. */
const MAX_MEMORY = 256 * 1024 * 1024;

function derive(password: string, salt: Buffer, options: ScryptOptions, bytes: number): Promise<Buffer> {
  return new Promise((done, fail) => {
    // NFKC: the same password typed on two keyboards may arrive in two forms (NIST SP 800-63B, 5.1.1.2).
    scrypt(password.normalize('NFKC'), salt, bytes, { ...options, maxmem: MAX_MEMORY }, (error, key) =>
      error === null ? done(key) : fail(error),
    );
  });
}

/** `scrypt$N$r$p$salt$key`, the last two in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, salt, { N: COST, r: BLOCK_SIZE, p: PARALLEL }, KEY_BYTES);
  return ['scrypt', COST, BLOCK_SIZE, PARALLEL, salt.toString('base64url'), key.toString('base64url')].join(
    '$',
  );
}

/** False for a wrong password; throws when `stored` is no hash of ours. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [kind, cost, blockSize, parallel, salt, key] = stored.split('$');
  if (kind !== 'scrypt' || salt === undefined || key === undefined)
    throw new Error('a stored password hash has an unknown form');
  const expected = Buffer.from(key, 'base64url');
  const options = { N: Number(cost), r: Number(blockSize), p: Number(parallel) };
  const actual = await derive(password, Buffer.from(salt, 'base64url'), options, expected.length);
  return timingSafeEqual(actual, expected);
}

/** Spends what a verification costs, so that an unknown address cannot be told by how fast the answer comes. */
export async function verifyAgainstNobody(password: string): Promise<void> {
  await derive(password, Buffer.alloc(SALT_BYTES), { N: COST, r: BLOCK_SIZE, p: PARALLEL }, KEY_BYTES);
}

/** 80 bits in groups that a person can copy: `kq3t-9x2m-…`. No letters that are mistaken for digits. */
export function makeOneTimePassword(): string {
  const alphabet = '23456789abcdefghjkmnpqrstvwxyz23';
  const letters = [...randomBytes(16)].map((byte) => alphabet[byte % 32] ?? '');
  return [0, 4, 8, 12].map((at) => letters.slice(at, at + 4).join('')).join('-');
}
