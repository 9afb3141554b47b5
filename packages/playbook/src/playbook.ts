/**
 * A playbook as read: what a person declared, complete with defaults, each part with its place in the file. Nothing is
 * bound to a driver or an instance yet; that is done when a run is planned and frozen.
 */
import type { EnvironmentRole } from '@sitelift/domain/fleet/fleet.ts';
import type { BackupGrade, GateKind, JsonObject, OnTimeout } from '@sitelift/domain/run/plan.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '@sitelift/domain/time/instant.ts';
import type { EpochMs } from '@sitelift/domain/time/instant.ts';
import type { Position, SourceError } from './source-error.ts';

export type PlaybookError = SourceError;

/** Long enough for a large dump; a step that needs more says so. */
export const DEFAULT_TIMEOUT_MS = HOUR_MS;
/** Nothing is known of the step: a minute is neither a promise nor a scare, and five runs replace it. */
export const DEFAULT_EXPECT_MS = MINUTE_MS;
/** A notice goes into the outbox, a wait costs a row: neither takes time of the night. */
export const DEFAULT_IDLE_EXPECT_MS = 0;
export const DEFAULT_RETRY_PAUSE_MS = 2 * SECOND_MS;
/** A wait may last as long as the farthest window that the planner looks for. */
export const DEFAULT_WAIT_TIMEOUT_MS = 35 * 24 * HOUR_MS;

export interface ActionCall {
  /** Family and verb, `database/backup`. */
  readonly action: string;
  readonly input: JsonObject;
}

interface StepBase {
  readonly id: string;
  readonly title: string;
  readonly owner: string | null;
  /** Written `needs`, or the step before; resolved, so no default is left for a reader to know. */
  readonly needs: readonly string[];
  readonly timeoutMs: number;
  /** What follows when the step has waited that long; null: nothing. Written, or what the kind of step has by default. */
  readonly onTimeout: OnTimeout | null;
  readonly expectMs: number;
  readonly at: Position;
  /** Where a key of the step stands; the step itself for a key that is not written. */
  readonly keyAt: Readonly<Record<string, Position>>;
}

export interface PlaybookUsesStep extends StepBase, ActionCall {
  readonly kind: 'uses';
  readonly undo: ActionCall | null;
  readonly retry: { readonly times: number; readonly pauseMs: number };
  readonly require: BackupGrade | null;
  /** The key of the step; the action may be disruptive by itself as well (semantics 9). */
  readonly disruptive: boolean;
  readonly pointOfNoReturn: boolean;
  /** A person does it, and takes it back, by hand. */
  readonly manual: boolean;
}

export interface PlaybookWaitStep extends StepBase {
  readonly kind: 'wait';
  readonly until:
    | { readonly kind: 'window' }
    | { readonly kind: 'instant'; readonly at: EpochMs }
    | { readonly kind: 'signal'; readonly name: string }
    /** Roles of the customer's environments: the first that exists. */
    | { readonly kind: 'upgrade'; readonly roles: readonly EnvironmentRole[] };
}

export interface PlaybookNotifyStep extends StepBase {
  readonly kind: 'notify';
  /** Roles of contacts (`primary`), `all`, or e-mail addresses. */
  readonly to: readonly string[];
  readonly template: string;
}

export interface PlaybookGateStep extends StepBase {
  readonly kind: 'gate';
  readonly gate: GateKind;
  /** Roles of contacts. */
  readonly by: readonly string[];
  /** Names of checklists that the playbook declares. */
  readonly checklists: readonly string[];
  readonly quorum: number;
}

export type PlaybookStep = PlaybookGateStep | PlaybookUsesStep | PlaybookWaitStep | PlaybookNotifyStep;

export interface Playbook {
  readonly name: string;
  readonly title: string;
  /** Roles that it is meant for; null for any. */
  readonly roles: readonly EnvironmentRole[] | null;
  /** Files of the checklists that its gates ask for; a checklist is named like its file. */
  readonly checklists: readonly string[];
  /** Name of the playbook that brings the site back after the point of no return. */
  readonly recover: string | null;
  readonly steps: readonly PlaybookStep[];
  readonly path: string;
  /** The text itself: whoever stores a playbook keeps it and its digest. */
  readonly source: string;
  readonly at: Position;
  readonly recoverAt: Position;
}
