/**
 * The journal of a run. `RunState` is nothing but the fold of these; they are only ever appended. Every event carries the
 * fence of the worker that wrote it (0 for people and the planner).
 */
import type { EpochMs } from '../time/instant.ts';
import type { LossReport } from './loss.ts';
import type { BackupGrade, Json, OnTimeout } from './plan.ts';

/** How an attempt ended, in a driver's words. */
export const OUTCOMES = ['done', 'already-done', 'retry-later', 'failed', 'unknown'] as const;
export type OutcomeKind = (typeof OUTCOMES)[number];

/** What was seen of a site: version, health, whether a write went through, whether it is open, as seen from outside. */
export interface SiteObservation {
  readonly version: string | null;
  readonly healthy: boolean;
  readonly writeOk: boolean | null;
  readonly problem: string | null;
}

/** A backup as the journal knows it. `begunAt` is when the dump's snapshot was taken: loss counts from there (E1). */
export interface BackupRecord {
  readonly backupId: string;
  readonly grade: BackupGrade;
  readonly begunAt: EpochMs;
  readonly bytes: number;
}

/** `main`: a step of the playbook. `undo`: taking one back. `recover`: a step of the recovery. */
export type Lane = 'main' | 'undo' | 'recover';

export type RunEventBody =
  | { readonly kind: 'run-started' }
  | {
      readonly kind: 'step-started';
      readonly lane: Lane;
      readonly step: string;
      readonly attempt: number;
      readonly worker: string;
      /** Of the committing step: when the window that it started in ends. */
      readonly windowEndsAt?: EpochMs;
    }
  | {
      /** A manual step is a person's now. The marked one crosses the point of no return here (semantics 14). */
      readonly kind: 'step-handed-out';
      readonly lane: Lane;
      readonly step: string;
      readonly attempt: number;
      /** When it has waited too long; absent: never. */
      readonly until?: EpochMs;
      /** See `step-started`. */
      readonly windowEndsAt?: EpochMs;
    }
  | {
      /** The step waits for something outside; its clock runs from here. */
      readonly kind: 'step-waiting';
      readonly lane: Lane;
      readonly step: string;
      readonly until: EpochMs | null;
    }
  | {
      readonly kind: 'step-timed-out';
      readonly lane: Lane;
      readonly step: string;
      readonly onTimeout: OnTimeout;
      readonly reason: string;
    }
  /** Gates stand in the way forward only. The clock of a gate runs from here and is nobody else's. */
  | { readonly kind: 'gate-opened'; readonly step: string; readonly until: EpochMs | null }
  | {
      readonly kind: 'gate-item';
      readonly step: string;
      readonly checklist: string;
      readonly item: string;
      readonly by: string;
      readonly result: ItemResult;
      readonly note: string;
    }
  | {
      readonly kind: 'gate-voted';
      readonly step: string;
      readonly by: string;
      readonly decision: 'pass' | 'deny';
      readonly reason: string;
      readonly evidence: string | null;
    }
  | {
      readonly kind: 'gate-decided';
      readonly step: string;
      readonly by: string;
      readonly decision: 'passed' | 'denied';
      readonly reason: string;
    }
  | { readonly kind: 'gate-overridden'; readonly step: string; readonly by: string; readonly reason: string }
  /** Something outside spoke; kept whether or not anybody waits for it yet. */
  | { readonly kind: 'signal-received'; readonly name: string; readonly by: string }
  | {
      /** A person says that closing or opening by hand is done; it counts when the proxy was seen to agree (semantics 20). */
      readonly kind: 'hand-claimed';
      readonly lane: Lane;
      readonly step: string;
      readonly by: string;
      readonly evidence: string;
    }
  | {
      /** The proxy was seen otherwise than claimed: the step still waits. */
      readonly kind: 'hand-refused';
      readonly lane: Lane;
      readonly step: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'process-started';
      readonly lane: Lane;
      readonly step: string;
      readonly attempt: number;
      readonly process: ProcessRef;
    }
  | {
      readonly kind: 'step-ended';
      readonly lane: Lane;
      readonly step: string;
      readonly attempt: number;
      readonly outcome: OutcomeKind;
      readonly reason: string | null;
      /** For `failed` and `unknown`: true when an observation proved that nothing was applied (semantics 14, 18). */
      readonly notApplied: boolean;
      /** For `retry-later`: not before. */
      readonly retryAt: EpochMs | null;
      readonly output: { readonly [key: string]: Json };
      readonly observed: SiteObservation | null;
      readonly backup: BackupRecord | null;
    }
  | {
      readonly kind: 'step-skipped';
      readonly lane: Lane;
      readonly step: string;
      readonly by: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'step-done-by-hand';
      readonly lane: Lane;
      readonly step: string;
      readonly by: string;
      readonly evidence: string;
      /** What the person saw of the site, for a manual `app/probe`. */
      readonly observed?: SiteObservation;
      /** The backup that the person made and vouches for, for a manual `database/backup`. */
      readonly backup?: BackupRecord;
    }
  | {
      readonly kind: 'step-resolved';
      readonly lane: Lane;
      readonly step: string;
      readonly by: string;
      readonly as: 'applied' | 'not-applied';
      readonly reason: string;
    }
  | { readonly kind: 'site-observed'; readonly lane: Lane; readonly observed: SiteObservation }
  | { readonly kind: 'held'; readonly reason: string; readonly code: string; readonly until: EpochMs | null }
  | { readonly kind: 'hold-ended' }
  | {
      readonly kind: 'asked-person';
      readonly question: string;
      readonly code: string;
      readonly step: string | null;
    }
  | {
      /** What going back would lose, or why nobody can say. `recover`: just before the restore, when nothing is written any more. */
      readonly kind: 'loss-measured';
      readonly lane: 'main' | 'recover';
      readonly loss: LossReport | null;
      readonly problem: string | null;
    }
  /** The bail-out minute was reached past the point of no return: a person is paged (semantics 6). */
  | { readonly kind: 'bail-out-passed' }
  | { readonly kind: 'paused'; readonly by: string; readonly reason: string }
  | { readonly kind: 'resumed'; readonly by: string }
  | { readonly kind: 'retry-requested'; readonly by: string; readonly step: string }
  | { readonly kind: 'cancel-requested'; readonly by: string; readonly reason: string }
  | { readonly kind: 'roll-back-requested'; readonly by: string; readonly reason: string }
  | { readonly kind: 'undo-began'; readonly reason: string; readonly ending: UndoEnding }
  | { readonly kind: 'recovery-began'; readonly reason: string; readonly by: string | null }
  | {
      readonly kind: 'run-ended';
      readonly state: TerminalState;
      readonly siteOpen: boolean | null;
      readonly reason: string | null;
    };

/** What came of an item of a checklist; the last word on it counts. */
export const ITEM_RESULTS = ['passed', 'failed', 'not-possible'] as const;
export type ItemResult = (typeof ITEM_RESULTS)[number];

/** Why everything was taken back: how the run ends when it has been. */
export type UndoEnding = 'rolled-back' | 'cancelled' | 'aborted' | 'failed';

/** A process group of ours on a host: enough to recognise it after a crash (a pid alone may have been given away). */
export interface ProcessRef {
  readonly host: string;
  readonly pgid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly startTicks: number;
}

export type RunEvent = RunEventBody & {
  readonly seq: number;
  readonly at: EpochMs;
  readonly fence: number;
};

/** Terminal states of a run (semantics 19). */
export const TERMINAL_STATES = [
  'succeeded',
  'rolled-back',
  'recovered',
  'aborted',
  'cancelled',
  'failed',
] as const;
export type TerminalState = (typeof TERMINAL_STATES)[number];

/** Every state of a run (semantics 19). */
export const RUN_STATES = [
  'planned',
  'running',
  'waiting',
  'paused',
  'suspended',
  'undoing',
  'recovering',
  'needs-a-person',
  ...TERMINAL_STATES,
] as const;
export type RunStateName = (typeof RUN_STATES)[number];

/** States of a step (semantics 19), and the ones before its end. `waiting`: for a person or for something outside. */
export const STEP_STATES = [
  'pending',
  'waiting',
  'running',
  'unknown',
  'retrying',
  'succeeded',
  'failed',
  'skipped',
  'done-by-hand',
  'cancelled',
  'undone',
] as const;
export type StepState = (typeof STEP_STATES)[number];
