/**
 * The one contract of everything that touches the world. An action observes, applies, and observes again; it never
 * decides. Its outcome is one of five; an exception is `unknown`. What it gets is what it declared: nothing ambient.
 *
 * Rules that the conformance suite holds every driver to:
 * - `observe` never changes anything and never throws for "not there"; when it cannot tell it says `cannot-tell`.
 * - `apply` twice with the same input does no harm where `flags.idempotent`; where not, the engine never calls it twice
 *   without an observation in between (I-3).
 * - The abort signal ends the work within its grace; nothing is left running.
 * - Every effect that can carry the fence carries it; a lower fence than the receiver has seen is refused (I-2).
 * - Values reach a script through the environment, files and argv elements, never spliced into shell text.
 */
import type { Artefact } from '@sitelift/domain/fleet/fleet.ts';
import type { BackupRecord, ProcessRef, SiteObservation } from '@sitelift/domain/run/events.ts';
import type { ActionFlags, BackupGrade, Json, JsonObject } from '@sitelift/domain/run/plan.ts';
import type { z } from 'zod';

export type { ActionFlags, Json, JsonObject };

/** What an action is told of the instance and the upgrade it works for. */
export interface ActionTarget {
  readonly instance: {
    readonly id: string;
    readonly slug: string;
    readonly role: string;
    readonly url: string;
    readonly host: string | null;
    readonly settings: JsonObject;
  };
  readonly customer: { readonly slug: string; readonly name: string };
  readonly product: string;
  readonly from: { readonly version: string; readonly artefact: Artefact | null };
  readonly to: { readonly version: string; readonly artefact: Artefact };
  /** Slot names as observed when the plan was frozen, e.g. live `blue`, staging `green`. */
  readonly slots: { readonly live: string; readonly staging: string } | null;
  /** The backup that this run took, once there is one; `database/prove` and `database/restore` work on it. */
  readonly backup: (BackupRecord & { readonly output: JsonObject }) | null;
}

/** Lines of output, streamed as they come. The sink redacts, bounds and stores; it never blocks for long. */
export interface LogSink {
  line(stream: 'out' | 'err' | 'note', text: string): void;
}

export interface ActionContext<Config = unknown, Input = unknown> {
  readonly config: Config;
  readonly input: Input;
  readonly target: ActionTarget;
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
  /** Grows with every claim of the run; hand it to whatever receives the effect. */
  readonly fence: number;
  readonly signal: AbortSignal;
  /** Limit of this attempt; `signal` fires at it. */
  readonly timeoutMs: number;
  readonly log: LogSink;
  /** Opens a secret named in `config` (declare the capability `secrets`); refused for a name not in the plan. */
  readonly secret: (name: string) => Promise<string>;
  /** A private directory of this run that outlives the attempt (declare `files`). Holds backups. */
  readonly workDir: string;
  /** Must be awaited right after spawning a process group and before letting it act (I-1, F-1). */
  readonly processStarted: (process: ProcessRef) => Promise<void>;
  /** Awaited, where there is one, when the process has ended and before its output is read. Tests stop a worker there. */
  readonly processEnded?: () => Promise<void>;
  /** Monotonic clock in milliseconds, for durations. */
  readonly monotonicMs: () => number;
  /** Decision clock (`app_now()` as of the claim, advanced by the monotonic clock), epoch milliseconds. */
  readonly nowMs: () => number;
  /** A fresh `bkp_` id for the backup that this attempt takes. */
  readonly newBackupId: () => string;
}

/** What `observe` says of the world with respect to this action's intent. */
export type ObserveResult =
  | {
      readonly state: 'applied';
      readonly facts: JsonObject;
      readonly observed?: SiteObservation;
      readonly backup?: BackupRecord;
      readonly output?: JsonObject;
    }
  | {
      readonly state: 'not-applied';
      readonly facts: JsonObject;
      readonly differs: string;
      /**
       * Some of it was done, and doing it again goes on from there. Only for work that can be resumed; it is tried again
       * like a failure, but never counts as proof that nothing was applied (semantics 14).
       */
      readonly partly?: boolean;
    }
  | { readonly state: 'cannot-tell'; readonly reason: string };

export type Outcome =
  | {
      readonly kind: 'done' | 'already-done';
      readonly output?: JsonObject;
      /** Set by probes: what was seen of the site. */
      readonly observed?: SiteObservation;
      /** Set by backups and their proofs. */
      readonly backup?: BackupRecord;
    }
  | { readonly kind: 'retry-later'; readonly reason: string; readonly afterMs: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly observed?: SiteObservation }
  | { readonly kind: 'unknown'; readonly reason: string };

export type Capability = 'secrets' | 'files' | 'process' | 'network';

export interface Action<Config = unknown, Input = unknown> {
  readonly inputSchema: z.ZodType<Input>;
  readonly capabilities: readonly Capability[];
  readonly flags: ActionFlags;
  /** One sentence for a person: what it will do, before it does it. */
  readonly describe: (config: Config, input: Input) => string;
  readonly observe: (context: ActionContext<Config, Input>) => Promise<ObserveResult>;
  readonly apply: (context: ActionContext<Config, Input>) => Promise<Outcome>;
}

export interface Driver<Config = unknown> {
  /** What an instance writes to bind a family to it, e.g. `postgres`. */
  readonly kind: string;
  readonly title: string;
  readonly configSchema: z.ZodType<Config>;
  /** Paths in the configuration (dots) whose values are names of secrets, never secrets. */
  readonly secretFields: readonly string[];
  /** Keyed by family and verb, `database/backup`. */
  readonly actions: Readonly<Record<string, Action<Config, never>>>;
  /** Free drivers (`exec`) take any action that the catalogue knows; the flags are the catalogue's. */
  readonly anyAction?: (name: string, flags: ActionFlags) => Action<Config, never>;
  /** Why this configuration cannot carry out this action (`no command "stage"`), or null. Asked when a plan is frozen. */
  readonly lacks?: (config: Config, action: string) => string | null;
}

/** Puts an action into a driver's list. The type of its input is forgotten: whoever calls parses with `inputSchema` first. */
export function defineAction<Config, Input>(action: Action<Config, Input>): Action<Config, never> {
  return action as unknown as Action<Config, never>; // as: schemas are covariant, `never` stands for "parsed before"
}

export const GRADE_RANK: Readonly<Record<BackupGrade, number>> = { written: 1, readable: 2, restored: 3 };
