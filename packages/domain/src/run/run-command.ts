/** A person's word to a run and what it is answered: one shape for commands, signals and votes. */
import type { BackupRecord, RunEventBody, SiteObservation } from './events.ts';

export const RUN_VERBS = [
  'pause',
  'resume',
  'cancel',
  'retry',
  'skip',
  'done-by-hand',
  'resolve',
  'roll-back',
] as const;
export type RunVerb = (typeof RUN_VERBS)[number];

export interface RunCommand {
  readonly verb: RunVerb;
  /** Needed by retry, skip, done-by-hand and resolve; defaults to the step that a person was asked about. */
  readonly step: string | null;
  readonly actor: string;
  readonly reason: string;
  /** What was seen, for `done-by-hand`. */
  readonly evidence: string | null;
  /** For `resolve`: what a person found out about an unknown outcome. */
  readonly as: 'applied' | 'not-applied' | null;
  /** For `done-by-hand` of a manual `app/probe`: what the person saw of the site. */
  readonly observed?: SiteObservation | null;
  /** For `done-by-hand` of a backup with a grade: the backup that the person made and vouches for. */
  readonly backup?: BackupRecord | null;
}

export type CommandVerdict =
  | { readonly allowed: true; readonly events: readonly RunEventBody[]; readonly does: string }
  | {
      readonly allowed: false;
      readonly reasons: readonly string[];
      /** Somebody else's decision at a gate came first. */
      readonly code?: 'gate-decided';
    };

export function no(...reasons: string[]): CommandVerdict {
  return { allowed: false, reasons };
}

export function yes(does: string, ...events: RunEventBody[]): CommandVerdict {
  return { allowed: true, events, does };
}
