/**
 * The root key: 32 random bytes in a file of mode 0600 in the data directory, made at the first start and never shipped.
 * Whoever has this file and the database has the secrets; whoever has only one of them has nothing. There is no copy of it:
 * back it up apart from the database.
 *
 * A file that others may read, that belongs to somebody else, that is a link or has another length is refused, not mended:
 * somebody has to say what happened to it.
 */
import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export const KEY_FILE = 'root.key';
export const KEY_BYTES = 32;
/** Read, write or execute for anybody but the owner. */
const OTHERS = 0o077;
const ID_CHARS = 16;

export interface RootKey {
  /** Stored beside every ciphertext: says which key opens it, and nothing about the key. */
  readonly id: string;
  /** Wraps the data keys. */
  readonly wrapping: Buffer;
  /** For fingerprints only. */
  readonly marking: Buffer;
}

/** Two keys out of one, so that none is used for two purposes. */
export function rootKeyFrom(bytes: Buffer): RootKey {
  if (bytes.length !== KEY_BYTES) throw new Error(`a root key has ${KEY_BYTES} bytes, not ${bytes.length}`);
  const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', bytes, '', purpose, KEY_BYTES));
  const id = createHash('sha256').update(derive('sitelift key id')).digest('hex').slice(0, ID_CHARS);
  return { id: `root_${id}`, wrapping: derive('sitelift wrap'), marking: derive('sitelift fingerprint') };
}

async function readKey(path: string): Promise<Buffer | null> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      if (error.code === 'ELOOP')
        throw new Error(`${path} is a link: the key must be a file of its own`, { cause: error });
      throw new Error(`the key file ${path} cannot be opened: ${error.message}`, { cause: error });
    },
  );
  if (handle === null) return null;
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) throw new Error(`${path} is no file`);
    const uid = process.getuid?.();
    if (uid !== undefined) {
      if ((facts.mode & OTHERS) !== 0)
        throw new Error(
          `others may read the key file ${path} (mode ${(facts.mode & 0o777).toString(8)}): find out who did, then chmod 600`,
        );
      if (facts.uid !== uid)
        throw new Error(`the key file ${path} belongs to user ${facts.uid}, not to us (${uid})`);
    }
    const bytes = await handle.readFile();
    if (bytes.length !== KEY_BYTES)
      throw new Error(
        `the key file ${path} has ${bytes.length} bytes, not ${KEY_BYTES}: it is damaged; put back the copy that you kept`,
      );
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Writes a new key under a name of its own, then links it into place: of two servers starting at once one wins. */
async function makeKey(dataDir: string, path: string): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  const handle = await open(fresh, 'wx', 0o600);
  try {
    await handle.writeFile(randomBytes(KEY_BYTES));
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(fresh, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(fresh, { force: true });
  }
  const directory = await open(dataDir, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The root key of this data directory; made when there is none. Throws with what to do when the file is not as it must be. */
export async function openRootKey(dataDir: string, keyFile: string | null = null): Promise<RootKey> {
  const path = keyFile ?? join(dataDir, KEY_FILE);
  let bytes = await readKey(path);
  if (bytes === null) {
    await mkdir(dirname(path), { recursive: true });
    await makeKey(dirname(path), path);
    bytes = await readKey(path);
  }
  if (bytes === null) throw new Error(`the key file ${path} was made and is not there`);
  return rootKeyFrom(bytes);
}
