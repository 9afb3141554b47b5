/**
 * The port to where runs live. Two promises carry the whole engine: every write is refused unless its fence is the
 * newest (I-2), and an append is one transaction with everything that follows from it (state cache, audit, notices, the
 * release of the instance). PostgreSQL answers it in `pg-run-store.ts`.
 */
import type { Lane, RunEvent, RunEventBody } from '@sitelift/domain/run/events.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import type { RunState } from '@sitelift/domain/run/run-state.ts';
import type { HoldVerdict, StartFacts } from '@sitelift/domain/run/start-facts.ts';

/** A run under our lease, as of the last thing that we read or wrote. */
export interface RunHandle {
  readonly runId: string;
  readonly upgradeId: string;
  readonly plan: RunPlan;
  readonly fence: number;
  readonly state: RunState;
  /** Hash of the last journal row; the next one chains to it. */
  readonly lastHash: string;
}

/** Another worker has taken the run over: write nothing, stop everything. */
export class FencedError extends Error {
  constructor(runId: string) {
    super(`run ${runId} was taken over by another worker`);
    this.name = 'FencedError';
  }
}

/** What must be true in the very transaction that journals a start. */
export interface StartGuard {
  readonly lane: Lane;
  readonly step: string;
  /** The first step that touches the instance: take the one open upgrade per instance (semantics 21). */
  readonly takesInstance: boolean;
  /** Ask whether everything is stopped: a start of the way forward, which may have been decided long before (I-11). */
  readonly forward: boolean;
  /** Re-read the facts and check that the committing step may start (semantics 6). */
  readonly commits: boolean;
  /** Ask the database whether the site may open (semantics 10). */
  readonly opens: boolean;
}

/** What a start journals: an attempt of ours, or a manual step given to a person. */
export type StartBody = RunEventBody & { readonly kind: 'step-started' | 'step-handed-out' };

/** `again`: a person spoke between the decision and the start; decide anew with their word in it. */
export type StartResult =
  | { readonly started: true; readonly run: RunHandle }
  | { readonly started: false; readonly run: RunHandle; readonly held: HoldVerdict }
  | { readonly started: false; readonly run: RunHandle; readonly refused: string }
  | { readonly started: false; readonly run: RunHandle; readonly again: true };

export interface NoticeToSend {
  readonly key: string;
  readonly recipient: string;
  readonly event: string;
  readonly subject: string;
  readonly body: string;
}

export interface RunStore {
  /** Raises the fence and takes the lease. `busy`: another worker holds it; `over`: ended or unknown. */
  claim(runId: string, worker: string, leaseMs: number): Promise<RunHandle | 'busy' | 'over'>;
  /** Extends the lease. Null: fenced. `interrupt`: a person has asked to cancel or to go back since `afterSeq`. */
  extend(run: RunHandle, leaseMs: number): Promise<{ readonly interrupt: boolean } | null>;
  /** Gives the lease back and sets when to look again; false when somebody wrote meanwhile, so look again now. */
  release(run: RunHandle, wakeAt: number | null): Promise<boolean>;
  /**
   * After a defect: puts a run aside for a while so that it neither spins nor stands before others (F-11). Gives back a lease
   * of this worker's; leaves a run alone that somebody else holds. A person's word still wakes it at once.
   */
  park(runId: string, worker: string, forMs: number): Promise<void>;
  /** Appends after whatever people appended meanwhile; the returned handle has seen those too. */
  append(
    run: RunHandle,
    bodies: readonly RunEventBody[],
    notices?: readonly NoticeToSend[],
  ): Promise<RunHandle>;
  /**
   * Appends what was decided, unless somebody wrote since: a decision knows nothing of what it has not seen, and a run that was
   * cancelled a moment ago must not end as succeeded (I-10). The returned handle has seen what came; decide again.
   */
  appendDecision(run: RunHandle, body: RunEventBody): Promise<RunHandle>;
  /** Appends `step-started` or `step-handed-out` if the guards hold in that same transaction. */
  start(run: RunHandle, body: StartBody, guard: StartGuard): Promise<StartResult>;
  /** The clock of decisions and everything else that `decideNext` asks for. */
  facts(run: RunHandle): Promise<{ readonly now: number; readonly facts: StartFacts }>;
  /** Runs that should be looked at now: due, or with a lease that ran out. */
  due(limit: number): Promise<readonly string[]>;
  journal(runId: string): Promise<readonly RunEvent[]>;
}
