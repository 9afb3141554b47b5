/**
 * What waits in the engine: heartbeats, sweeps, limits. An argument like the clock, so that the simulation can let three
 * weeks pass in a moment and stop a worker between any two instructions.
 */
export interface Timers {
  /** Calls `work` every `ms` milliseconds; the answer ends it. */
  readonly every: (ms: number, work: () => void) => () => void;
  /** Calls `work` once after `ms` milliseconds; the answer calls it off. */
  readonly after: (ms: number, work: () => void) => () => void;
}

export const systemTimers: Timers = {
  every: (ms, work) => {
    const timer = setInterval(work, ms);
    return () => clearInterval(timer);
  },
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};
