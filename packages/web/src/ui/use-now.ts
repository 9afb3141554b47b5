/** A clock for displays that tick: time left, how long something runs. Nothing is decided by it. */
import { useEffect, useState } from 'react';

/** Milliseconds since 1970, read anew every so often; only the component that shows it renders again. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
