/**
 * Counts tries per key within a window: taken before the try is made, so that many at once cannot all slip through, and given
 * back when it succeeded, so that nobody is shut out by doing right. In memory: forgotten with the process.
 */
export interface TryCounter {
  /** Null when this try may be made; else the milliseconds until the next one may. */
  take(key: string): number | null;
  giveBack(key: string): void;
}

interface Entry {
  count: number;
  readonly endsAt: number;
}

/** Keys of windows that are over are swept out when there are more than this. */
const SWEEP_ABOVE = 10_000;

export function createTryCounter(limit: number, windowMs: number, monotonicMs: () => number): TryCounter {
  const entries = new Map<string, Entry>();
  return {
    take: (key) => {
      const now = monotonicMs();
      if (entries.size > SWEEP_ABOVE)
        for (const [old, entry] of entries) if (entry.endsAt <= now) entries.delete(old);
      let entry = entries.get(key);
      if (entry === undefined || entry.endsAt <= now) {
        entry = { count: 0, endsAt: now + windowMs };
        entries.set(key, entry);
      }
      if (entry.count >= limit) return entry.endsAt - now;
      entry.count += 1;
      return null;
    },
    giveBack: (key) => {
      const entry = entries.get(key);
      if (entry !== undefined && entry.count > 0) entry.count -= 1;
    },
  };
}
