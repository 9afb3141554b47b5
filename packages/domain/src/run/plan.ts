/**
 * A frozen plan: everything that a run needs to know, resolved when the run was created and never changed afterwards.
 * `contentHash` binds what people sign, `scheduleHash` what they book (semantics 1); both are made outside the domain
 * from the canonical JSON of this value. Editing a playbook, a policy or an instance changes no run in flight.
 */
import type { Artefact, EnvironmentRole, ReleaseKind, WindowOccurrence } from '../fleet/fleet.ts';
import type { CustomerId, InstanceId, ReleaseId } from '../ids.ts';
import type { EpochMs } from '../time/instant.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Grades of proof of a backup, worst first: `written` < `readable` < `restored`. */
export const BACKUP_GRADES = ['written', 'readable', 'restored'] as const;
export type BackupGrade = (typeof BACKUP_GRADES)[number];

/** What an action says of itself; a playbook may add `disruptive` (semantics 9). */
export interface ActionFlags {
  /** Running it twice does no more than running it once. */
  readonly idempotent: boolean;
  /** Users or data may notice: must lie between closing and opening. */
  readonly disruptive: boolean;
  /** Destroys what cannot be had again without a backup. */
  readonly destructive: boolean;
  /** Changes the site or its data in any way (false for probes and checks). */
  readonly mutates: boolean;
  readonly closesSite: boolean;
  readonly opensSite: boolean;
  readonly switchesTraffic: boolean;
}

/** An action that looks and changes nothing: what every other one differs from by what it says of itself. */
export const LOOKS: ActionFlags = {
  idempotent: true,
  disruptive: false,
  destructive: false,
  mutates: false,
  closesSite: false,
  opensSite: false,
  switchesTraffic: false,
};

/** An action bound to a driver for one instance: who does it, and with which settings (secrets by name only). */
export interface BoundAction {
  /** Family and verb as written in the playbook, e.g. `database/backup`. */
  readonly action: string;
  /** Driver kind, e.g. `postgres`. */
  readonly driver: string;
  readonly config: JsonObject;
  /** `with:` of the step. */
  readonly input: JsonObject;
  readonly flags: ActionFlags;
}

/**
 * What follows when something that waits has waited too long. `fail`, `abort` and `roll-back` take back what was done and tell
 * apart why; `hold-closed` keeps the page up and asks a person. No time-out ever passes a step (semantics 12).
 */
export const ON_TIMEOUT = ['fail', 'abort', 'roll-back', 'hold-closed'] as const;
export type OnTimeout = (typeof ON_TIMEOUT)[number];

interface StepCommon {
  readonly id: string;
  readonly title: string;
  readonly owner: string | null;
  /** Ids of the steps that must have ended well before this one starts. */
  readonly needs: readonly string[];
  /** Limit of one attempt; of the waiting, for a step that waits. */
  readonly timeoutMs: number;
  /** For what waits; null or absent: it waits without limit, as all did in plans of the first version. */
  readonly onTimeout?: OnTimeout | null;
  /** The playbook's own estimate; stands for p95 until five runs exist (semantics 7). */
  readonly expectMs: number;
}

export interface UsesStep extends StepCommon {
  readonly kind: 'uses';
  readonly run: BoundAction;
  /** What takes it back before the point of no return. */
  readonly undo: BoundAction | null;
  readonly retry: { readonly times: number; readonly pauseMs: number };
  readonly pointOfNoReturn: boolean;
  /** A named person does it by the same text, both ways, and ticks it with evidence. Absent in plans of the first version. */
  readonly manual?: boolean;
  /** The step ends only when its backup has reached this grade; `prove` is the bound `database/prove`. */
  readonly require: BackupGrade | null;
  readonly prove: BoundAction | null;
}

export interface WaitStep extends StepCommon {
  readonly kind: 'wait';
  readonly until:
    | { readonly kind: 'instant'; readonly at: EpochMs }
    | { readonly kind: 'window' }
    /** Something outside says so, by name; it may have said so before anybody waited. */
    | { readonly kind: 'signal'; readonly name: string }
    /** The last upgrade of each of these instances of the customer went to the same release and ended well. */
    | {
        readonly kind: 'upgrade';
        readonly instances: readonly { readonly id: InstanceId; readonly slug: string }[];
      };
}

export interface NotifyStep extends StepCommon {
  readonly kind: 'notify';
  /** E-mail addresses, resolved from roles when the plan was made. */
  readonly to: readonly string[];
  readonly template: string;
}

export const GATE_KINDS = [
  'sign-off',
  'approval',
  'certification',
  'permission',
  'confirmation',
  'follow-ups',
] as const;
export type GateKind = (typeof GATE_KINDS)[number];

/** A checklist as it was when the plan was frozen: what people sign is this, whatever becomes of the file. */
export interface PlannedChecklist {
  readonly name: string;
  readonly title: string;
  readonly items: readonly { readonly id: string; readonly text: string }[];
}

export interface GateStep extends StepCommon {
  readonly kind: 'gate';
  readonly gate: GateKind;
  /** Roles of the customer's contacts whose word it asks for; the staff records it. */
  readonly by: readonly string[];
  readonly checklists: readonly PlannedChecklist[];
  /** So many different people must pass it. */
  readonly quorum: number;
}

export type PlannedStep = UsesStep | WaitStep | NotifyStep | GateStep;

export interface PlaybookRef {
  readonly name: string;
  readonly title: string;
  /** SHA-256 of the playbook's bytes, hex. */
  readonly digest: string;
}

export interface RunPlan {
  readonly playbook: PlaybookRef;
  readonly customer: { readonly id: CustomerId; readonly slug: string; readonly name: string };
  readonly instance: {
    readonly id: InstanceId;
    readonly slug: string;
    readonly role: EnvironmentRole;
    readonly url: string;
    readonly zone: string;
    readonly host: string | null;
    readonly settings: JsonObject;
  };
  readonly product: string;
  readonly from: { readonly version: string; readonly artefact: Artefact | null };
  readonly to: {
    readonly releaseId: ReleaseId;
    readonly version: string;
    readonly kind: ReleaseKind;
    readonly artefact: Artefact;
    readonly needsDowntime: boolean;
  };
  /** Which side of the site serves and which stands beside it, as observed when the plan was made. */
  readonly slots: { readonly live: string; readonly staging: string } | null;
  readonly window: WindowOccurrence | null;
  /** Policy P3 `any-time` as it was when the plan was frozen: no window is asked for. */
  readonly anyTime: boolean;
  readonly steps: readonly PlannedStep[];
  readonly recover: { readonly playbook: PlaybookRef; readonly steps: readonly PlannedStep[] } | null;
  /** How the site is observed: the bound `app/probe`; used by the engine before it lets a site open on the way back. */
  readonly probe: BoundAction | null;
  /** How the proxy is looked at from outside: the bound `proxy/probe`; every terminal state says whether the site is open. */
  readonly look: BoundAction | null;
  /** How it is measured what going back would lose: the bound `database/loss`. Absent in plans of the first version. */
  readonly loss?: BoundAction | null;
  readonly backup: {
    /** Rule 22: the marked step needs a backup younger than this. */
    readonly maxAgeMs: number;
    readonly grade: BackupGrade;
    /** Rule 17: recovery by itself may lose at most this stretch between backup start and closing. */
    readonly acceptedLossMs: number;
  };
}

/** A mutating action on the site itself; closing, switching and opening move the page and the traffic, not the site. */
export function mutatesSite(flags: ActionFlags): boolean {
  return flags.mutates && !flags.closesSite && !flags.opensSite && !flags.switchesTraffic;
}

/**
 * The committing step (semantics 6): the closing step; without one, the first that is disruptive, switches traffic or is
 * the point of no return. Null when nothing of the plan commits.
 */
export function committingStep(plan: Pick<RunPlan, 'steps'>): UsesStep | null {
  const uses = plan.steps.filter((step) => step.kind === 'uses');
  return (
    uses.find((step) => step.run.flags.closesSite) ??
    uses.find(
      (step) => step.run.flags.disruptive || step.run.flags.switchesTraffic || step.pointOfNoReturn,
    ) ??
    null
  );
}

/** Ids of every step that must end before `stepId`, directly or through others. */
export function ancestorsOf(steps: readonly PlannedStep[], stepId: string): ReadonlySet<string> {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const seen = new Set<string>();
  const queue = [...(byId.get(stepId)?.needs ?? [])];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    queue.push(...(byId.get(id)?.needs ?? []));
  }
  return seen;
}
