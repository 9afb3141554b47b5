/**
 * Seals one version of a secret: AES-256-GCM with a data key of its own, which is itself sealed by the root key. What it is
 * for (scope, name, version, root key) is authenticated with both, so a row copied to another customer or another name does
 * not open. A data key seals once, so a random nonce can never repeat under it.
 *
 * Bytes: format (1) | wrapped data key: nonce 12, key 32, tag 16 | value: nonce 12, bytes, tag 16.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { KEY_BYTES, type RootKey } from './key-file.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 1;
const WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES;
/** Enough to tell two values apart, far too little to find one. */
const FINGERPRINT_BYTES = 4;

export interface SealedFor {
  /** `''` for the vendor, or a customer's id. */
  readonly scope: string;
  readonly name: string;
  readonly version: number;
}

/** As JSON: `a|b` and `|` inside a name can then never say the same. */
function authenticated(root: RootKey, what: SealedFor, part: string): Buffer {
  return Buffer.from(JSON.stringify([FORMAT, part, root.id, what.scope, what.name, what.version]));
}

function encrypt(key: Buffer, plain: Buffer, aad: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, sealed: Buffer, aad: Buffer): Buffer {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(sealed.length - TAG_BYTES);
  const cipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(aad)
    .setAuthTag(tag);
  return Buffer.concat([
    cipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)),
    cipher.final(),
  ]);
}

export function sealSecret(root: RootKey, what: SealedFor, value: string): Buffer {
  const dataKey = randomBytes(KEY_BYTES);
  try {
    return Buffer.concat([
      Buffer.of(FORMAT),
      encrypt(root.wrapping, dataKey, authenticated(root, what, 'key')),
      encrypt(dataKey, Buffer.from(value, 'utf8'), authenticated(root, what, 'value')),
    ]);
  } finally {
    dataKey.fill(0);
  }
}

/** Throws when the bytes were changed, are another's, or were sealed by another key; never says anything of the value. */
export function unsealSecret(root: RootKey, what: SealedFor, sealed: Buffer): string {
  const shortest = 1 + WRAPPED_BYTES + NONCE_BYTES + TAG_BYTES;
  if (sealed.length < shortest || sealed[0] !== FORMAT)
    throw new Error(`secret ${what.name} version ${what.version} is not in a format that this version knows`);
  try {
    const wrapped = sealed.subarray(1, 1 + WRAPPED_BYTES);
    const dataKey = decrypt(root.wrapping, wrapped, authenticated(root, what, 'key'));
    const plain = decrypt(dataKey, sealed.subarray(1 + WRAPPED_BYTES), authenticated(root, what, 'value'));
    dataKey.fill(0);
    return plain.toString('utf8');
  } catch (cause) {
    throw new Error(
      `secret ${what.name} version ${what.version} does not open with key ${root.id}: it was changed, or it is another's`,
      { cause },
    );
  }
}

/** Four keyed bytes, for a person who asks "is it the one that I think". Keyed by scope too: equal values of two customers differ. */
export function fingerprintSecret(root: RootKey, scope: string, value: string): string {
  const mac = createHmac('sha256', root.marking)
    .update(JSON.stringify([scope, value]))
    .digest();
  return mac.subarray(0, FINGERPRINT_BYTES).toString('hex');
}

export interface Sealer {
  readonly seal: typeof sealSecret;
  readonly unseal: typeof unsealSecret;
}
export const SEALER: Sealer = { seal: sealSecret, unseal: unsealSecret };
