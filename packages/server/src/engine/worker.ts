/**
 * A worker: wakes up for runs and advances each until it must wait. Level-triggered: a wake-up may be lost or doubled, a
 * slow sweep over the rows finds whatever is due (reliability, decision 9). Any number of workers share the work; there is
 * no leader.
 *
 * What it must never do: let one poisoned run slow down the others (F-11), or hang when told to stop. A run that throws is
 * put aside in its row, longer each time, until it moves again or a person wakes it.
 */
import { advanceRun, type EngineDeps } from './advance-run.ts';
import { systemTimers, type Timers } from './timers.ts';

export interface WorkerSettings {
  /** Runs advanced at once by this process. */
  readonly runsAtOnce: number;
  /** How often the rows are swept for what no wake-up told, milliseconds. */
  readonly sweepMs: number;
}

export interface Worker {
  /** A wake-up for one run; resolves when the run sleeps again or is somebody else's. */
  wake(runId: string): Promise<void>;
  /**
   * Takes no new run and resolves in bounded time: runs leave between two steps; an attempt still in flight after `graceMs`
   * is ended and left to the next holder, who looks at what was done. Called again with a shorter grace, the shorter counts.
   */
  stop(graceMs?: number): Promise<void>;
}

/** The first failure puts a run aside for this long, each further one for twice as long, up to the limit; milliseconds. */
const PARK_MS = 5_000;
const PARK_LIMIT_MS = 600_000;

/** A step in flight may end by itself within this; most do. A service manager kills after 90 s. Milliseconds. */
const STOP_GRACE_MS = 20_000;
/** Then drivers are told to end: their own grace (30 s, `action-runner.ts`) and a little for the journal. */
const ABANDON_MS = 35_000;

interface Waiting {
  readonly promise: Promise<void>;
  readonly begin: () => void;
}

function waiting(): Waiting {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, begin: resolve };
}

/** Resolves when the work has or after the limit, whichever is first. */
function within(work: Promise<unknown>, limitMs: number, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    const callOff = timers.after(limitMs, resolve);
    void work.finally(() => {
      callOff();
      resolve();
    });
  });
}

export function startWorker(
  deps: EngineDeps,
  settings: WorkerSettings,
  onError: (error: unknown, runId: string) => void,
): Worker {
  const inFlight = new Map<string, Promise<void>>();
  /** Woken while no place was free, first come first served. */
  const queue = new Map<string, Waiting>();
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const soon = new AbortController();
  const now = new AbortController();
  const timers = deps.timers ?? systemTimers;
  let sweeping = false;

  const putAside = async (runId: string, error: unknown): Promise<void> => {
    const count = (failures.get(runId) ?? 0) + 1;
    failures.set(runId, count);
    onError(error, runId);
    try {
      await deps.store.park(runId, deps.worker, Math.min(PARK_LIMIT_MS, PARK_MS * 2 ** (count - 1)));
    } catch (failed) {
      // The database is away: the lease runs out by itself and the sweep goes on when it is back.
      onError(failed, runId);
    }
  };
  const advance = async (runId: string): Promise<void> => {
    try {
      await advanceRun(deps, runId, { soon: soon.signal, now: now.signal });
      failures.delete(runId);
    } catch (error) {
      await putAside(runId, error);
    }
  };
  const startNext = (): void => {
    const [next] = queue;
    if (next === undefined || soon.signal.aborted || inFlight.size >= settings.runsAtOnce) return;
    const [runId, place] = next;
    queue.delete(runId);
    void begin(runId).then(place.begin);
  };
  const begin = (runId: string): Promise<void> => {
    const work = advance(runId).then(() => {
      inFlight.delete(runId);
      const more = again.delete(runId) ? wake(runId) : undefined;
      startNext();
      return more;
    });
    inFlight.set(runId, work);
    return work;
  };
  const wake = (runId: string): Promise<void> => {
    if (soon.signal.aborted) return Promise.resolve();
    const running = inFlight.get(runId);
    if (running !== undefined) {
      // It may already have decided to sleep; look once more when it has.
      again.add(runId);
      return running;
    }
    const place = queue.get(runId) ?? waiting();
    queue.set(runId, place);
    startNext();
    return place.promise;
  };
  const sweep = async (): Promise<void> => {
    if (sweeping || soon.signal.aborted) return;
    sweeping = true;
    try {
      for (const runId of await deps.store.due(settings.runsAtOnce * 2)) void wake(runId);
    } catch (error) {
      onError(error, 'sweep');
    } finally {
      sweeping = false;
    }
  };
  const endSweeps = timers.every(settings.sweepMs, () => void sweep());
  void sweep();

  return {
    wake,
    stop: async (graceMs = STOP_GRACE_MS) => {
      endSweeps();
      soon.abort(new Error('the worker stops'));
      for (const place of queue.values()) place.begin();
      queue.clear();
      const left = Promise.all(inFlight.values());
      await within(left, graceMs, timers);
      now.abort(new Error('the worker stops at once'));
      await within(left, ABANDON_MS, timers);
    },
  };
}
