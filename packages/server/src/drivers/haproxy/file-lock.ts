/**
 * One writer at a time for a map file, across processes. The lock is a listening socket in the kernel's abstract namespace:
 * it needs no file, and the kernel lets go of it when its holder dies, however it dies. Where that does not exist (not
 * Linux) only this process is kept apart from itself.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const TRY_EVERY_MS = 10;
/** A writer needs milliseconds; whoever holds it longer is stuck. */
const WAIT_LIMIT_MS = 15_000;

const held = new Set<string>();

function listen(name: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen({ path: `\0${name}`, exclusive: true }, () => resolve(server));
  });
}

async function tryLock(name: string): Promise<(() => Promise<void>) | null> {
  if (process.platform !== 'linux') {
    if (held.has(name)) return null;
    held.add(name);
    return async () => void held.delete(name);
  }
  const server = await listen(name);
  if (server === null) return null;
  return () => new Promise((resolve) => server.close(() => resolve()));
}

/** `directory` of the file is what is locked, by its inode: two names of one place are one lock. */
export async function withFileLock<T>(path: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const { dev, ino } = await stat(dirname(path));
  const name = `sitelift-maps-${createHash('sha256').update(`${dev}/${ino}`).digest('hex').slice(0, 32)}`;
  for (let waited = 0; ; waited += TRY_EVERY_MS) {
    signal.throwIfAborted();
    const unlock = await tryLock(name);
    if (unlock !== null) {
      try {
        return await work();
      } finally {
        await unlock();
      }
    }
    if (waited >= WAIT_LIMIT_MS)
      throw new Error(`somebody has been writing in ${dirname(path)} for too long`);
    await pause(TRY_EVERY_MS);
  }
}
