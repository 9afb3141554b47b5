/**
 * A worker: wakes up for runs and advances each until it must wait. Level-triggered: a wake-up may be lost or doubled, a
 * slow sweep over the rows finds whatever is due (reliability, decision 9). Any number of workers share the work; there is
 * no leader.
 */
import { advanceRun, type EngineDeps } from './advance-run.ts';

export interface WorkerSettings {
  /** Runs advanced at once by this process. */
  readonly runsAtOnce: number;
  /** How often the rows are swept for what no wake-up told, milliseconds. */
  readonly sweepMs: number;
}

export interface Worker {
  /** A wake-up for one run; resolves when the run sleeps again or is somebody else's. */
  wake(runId: string): Promise<void>;
  /** Takes no new run, ends the attempts in flight by letting their leases be, and resolves when none is left. */
  stop(): Promise<void>;
}

/** Wake-ups beyond `runsAtOnce` wait for the sweep; rows are the truth, so nothing is lost. */
export function startWorker(
  deps: EngineDeps,
  settings: WorkerSettings,
  onError: (error: unknown, runId: string) => void,
): Worker {
  const inFlight = new Map<string, Promise<void>>();
  const again = new Set<string>();
  let stopping = false;

  const advance = async (runId: string): Promise<void> => {
    try {
      await advanceRun(deps, runId);
    } catch (error) {
      onError(error, runId);
    }
  };
  const wake = (runId: string): Promise<void> => {
    const running = inFlight.get(runId);
    if (running !== undefined) {
      // It may already have decided to sleep; look once more when it has.
      again.add(runId);
      return running;
    }
    if (stopping || inFlight.size >= settings.runsAtOnce) return Promise.resolve();
    const work = advance(runId).then(() => {
      inFlight.delete(runId);
      if (again.delete(runId) && !stopping) return wake(runId);
      return undefined;
    });
    inFlight.set(runId, work);
    return work;
  };
  const sweep = async (): Promise<void> => {
    if (stopping) return;
    try {
      const due = await deps.store.due(settings.runsAtOnce * 2);
      for (const runId of due) void wake(runId);
    } catch (error) {
      onError(error, 'sweep');
    }
  };
  const timer = setInterval(() => void sweep(), settings.sweepMs);
  void sweep();

  return {
    wake,
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await Promise.all(inFlight.values());
    },
  };
}
