/**
 * What the API answers with: one schema per thing that a screen, a script or the CLI shows. Instants are ISO 8601 in UTC;
 * durations are milliseconds and end in `Ms`; `zone` is an IANA name. Views only ever grow.
 */
import { ENVIRONMENT_ROLES, HOLD_KINDS } from '@sitelift/domain/fleet/fleet.ts';
import { REASON_CODES, VERDICTS } from '@sitelift/domain/planning/decision.ts';
import { RUN_VERBS } from '@sitelift/domain/run/command-verdict.ts';
import { ITEM_RESULTS, RUN_STATES, STEP_STATES } from '@sitelift/domain/run/events.ts';
import { BACKUP_GRADES, GATE_KINDS } from '@sitelift/domain/run/plan.ts';
import { z } from 'zod';
import { MeasuredLossSchema } from './loss-view.ts';
import { FileErrorSchema } from './problems.ts';

export const InstantSchema = z.iso.datetime();
const MaybeInstant = InstantSchema.nullable();

export const STAFF_ROLES = ['viewer', 'operator', 'release-manager', 'admin'] as const;
export type StaffRole = (typeof STAFF_ROLES)[number];
/** What a caller may do. A role has scopes; a token has some of its account's. */
export const SCOPES = ['read', 'operate', 'promote', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
export const SCOPES_OF_ROLE: Readonly<Record<StaffRole, readonly Scope[]>> = {
  viewer: ['read'],
  operator: ['read', 'operate'],
  'release-manager': ['read', 'operate', 'promote'],
  admin: ['read', 'operate', 'promote', 'admin'],
};

export const AccountSchema = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.enum(STAFF_ROLES),
  scopes: z.array(z.enum(SCOPES)),
  mustChangePassword: z.boolean(),
});
export type AccountView = z.infer<typeof AccountSchema>;

export const TokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  createdAt: InstantSchema,
  expiresAt: InstantSchema,
  lastUsedAt: MaybeInstant,
});
export type TokenView = z.infer<typeof TokenSchema>;

export const WindowSchema = z.object({
  opensAt: InstantSchema,
  closesAt: InstantSchema,
  cutOffAt: InstantSchema,
});

export const ReasonSchema = z.object({
  code: z.enum(REASON_CODES),
  detail: z.string(),
  clearsAt: MaybeInstant,
  clearedBy: z.string().nullable(),
});

const TargetSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('channel'), channel: z.string() }),
  z.object({ kind: z.literal('version'), version: z.string() }),
]);

export const PinSchema = z.object({
  version: z.string(),
  owner: z.string(),
  reason: z.string(),
  setAt: InstantSchema,
  untilAt: MaybeInstant,
  untilChannel: z.string().nullable(),
  managedBy: z.enum(['file', 'hand']),
});

export const HoldSchema = z.object({
  id: z.string(),
  kind: z.enum(HOLD_KINDS),
  reason: z.string(),
  owner: z.string().nullable(),
  version: z.string().nullable(),
  sinceAt: InstantSchema,
  untilAt: MaybeInstant,
});

export const DecisionSchema = z.object({
  instance: z.string(),
  customer: z.string(),
  product: z.string(),
  role: z.enum(ENVIRONMENT_ROLES),
  zone: z.string(),
  verdict: z.enum(VERDICTS),
  fromVersion: z.string().nullable(),
  toVersion: z.string().nullable(),
  reasons: z.array(ReasonSchema),
  window: WindowSchema.nullable(),
  startsAt: MaybeInstant,
});
export type DecisionView = z.infer<typeof DecisionSchema>;

export const PlanSchema = z.object({
  /** The instant that was planned for. */
  at: InstantSchema,
  decisions: z.array(DecisionSchema),
  counts: z.record(z.enum(VERDICTS), z.int()),
  /** Notes of the second opinion; a fatal one stops every start. */
  notes: z.array(
    z.object({ severity: z.enum(['fatal', 'warning']), instance: z.string().nullable(), text: z.string() }),
  ),
  stopped: z.object({ at: InstantSchema, by: z.string(), reason: z.string() }).nullable(),
});
export type PlanView = z.infer<typeof PlanSchema>;

export const RunSummarySchema = z.object({
  id: z.string(),
  upgrade: z.string(),
  instance: z.string(),
  customer: z.string(),
  role: z.enum(ENVIRONMENT_ROLES),
  url: z.string(),
  zone: z.string(),
  fromVersion: z.string(),
  toVersion: z.string(),
  trigger: z.enum(['emergency', 'booked', 'nightly', 'requested']),
  requestedBy: z.string(),
  state: z.enum(RUN_STATES),
  /** Why it waits, is held or turned back; the question that a person was asked. */
  detail: z.string().nullable(),
  waitingCode: z.string().nullable(),
  step: z.object({ id: z.string(), title: z.string(), lane: z.enum(['main', 'undo', 'recover']) }).nullable(),
  stepsDone: z.int(),
  stepsTotal: z.int(),
  pointCrossed: z.boolean(),
  /** As seen from outside at the end; until then whether the page is down by the journal. */
  siteOpen: z.boolean().nullable(),
  createdAt: InstantSchema,
  startedAt: MaybeInstant,
  closedAt: MaybeInstant,
  openedAt: MaybeInstant,
  endedAt: MaybeInstant,
  /** Start plus the forecast of every step still to come (p95, else what the playbook expects). */
  forecastEndAt: MaybeInstant,
});
export type RunSummary = z.infer<typeof RunSummarySchema>;

export const GateSchema = z.object({
  kind: z.enum(GATE_KINDS),
  /** Roles of contacts whose word it asks for. */
  by: z.array(z.string()),
  quorum: z.int(),
  /** Null before it opens. */
  state: z.enum(['open', 'closed', 'timed-out', 'decided', 'overridden']).nullable(),
  decided: z.object({ as: z.enum(['passed', 'denied']), by: z.string(), at: InstantSchema }).nullable(),
  votes: z.array(
    z.object({ by: z.string(), decision: z.enum(['pass', 'deny']), reason: z.string(), at: InstantSchema }),
  ),
  items: z.array(
    z.object({
      checklist: z.string(),
      item: z.string(),
      text: z.string(),
      result: z.enum(ITEM_RESULTS).nullable(),
      by: z.string().nullable(),
      note: z.string().nullable(),
      at: MaybeInstant,
    }),
  ),
});
export type GateView = z.infer<typeof GateSchema>;

export const RunStepSchema = z.object({
  lane: z.enum(['main', 'recover']),
  id: z.string(),
  title: z.string(),
  kind: z.enum(['uses', 'wait', 'gate', 'notify']),
  action: z.string().nullable(),
  driver: z.string().nullable(),
  needs: z.array(z.string()),
  state: z.enum(STEP_STATES),
  detail: z.string().nullable(),
  attempt: z.int(),
  startedAt: MaybeInstant,
  endedAt: MaybeInstant,
  expectMs: z.number(),
  forecastMs: z.number(),
  pointOfNoReturn: z.boolean(),
  closes: z.boolean(),
  opens: z.boolean(),
  switches: z.boolean(),
  /** A person does it by hand and ticks it with evidence. */
  manual: z.boolean(),
  /** While it waits: when it has waited too long. */
  waitsUntil: MaybeInstant,
  /** Of a gate. */
  gate: GateSchema.nullable(),
});
export type RunStepView = z.infer<typeof RunStepSchema>;

export const SignalSchema = z.object({
  name: z.string(),
  /** Null until it was received. */
  receivedAt: MaybeInstant,
  by: z.string().nullable(),
});

export const RunActionSchema = z.object({
  name: z.enum(RUN_VERBS),
  allowed: z.boolean(),
  /** What it will do, when allowed. */
  does: z.string().nullable(),
  reasons: z.array(z.string()),
});

export const BackupSchema = z.object({
  id: z.string(),
  grade: z.enum(BACKUP_GRADES),
  begunAt: InstantSchema,
  finishedAt: InstantSchema,
  bytes: z.number(),
});

export const RunSchema = RunSummarySchema.extend({
  playbook: z.object({ name: z.string(), title: z.string(), digest: z.string() }),
  recover: z.object({ name: z.string(), digest: z.string() }).nullable(),
  contentHash: z.string(),
  scheduleHash: z.string(),
  window: WindowSchema.nullable(),
  steps: z.array(RunStepSchema),
  backup: BackupSchema.nullable(),
  /** What going back would lose; null until it was measured. */
  loss: MeasuredLossSchema.nullable(),
  /** The latest minute at which going back still fits into the window; null when nothing is counted down. */
  bailOutAt: MaybeInstant,
  /** What its steps wait for from outside, by name. */
  signals: z.array(SignalSchema),
  notices: z.array(
    z.object({
      event: z.string(),
      recipient: z.string(),
      subject: z.string(),
      state: z.string(),
      sentAt: MaybeInstant,
      error: z.string().nullable(),
    }),
  ),
  /** What this caller may tell the run now, and why not. */
  actions: z.array(RunActionSchema),
});
export type RunView = z.infer<typeof RunSchema>;

export const LogLineSchema = z.object({
  id: z.number(),
  lane: z.enum(['main', 'undo', 'recover']),
  step: z.string(),
  attempt: z.int(),
  at: InstantSchema,
  stream: z.enum(['out', 'err', 'note']),
  text: z.string(),
});
export type LogLineView = z.infer<typeof LogLineSchema>;

export const JournalEventSchema = z.object({
  seq: z.int(),
  at: InstantSchema,
  fence: z.number(),
  kind: z.string(),
  body: z.record(z.string(), z.unknown()),
});

export const InstanceSchema = z.object({
  id: z.string(),
  slug: z.string(),
  customer: z.object({ slug: z.string(), name: z.string() }),
  product: z.string(),
  role: z.enum(ENVIRONMENT_ROLES),
  url: z.string(),
  zone: z.string(),
  labels: z.array(z.string()),
  host: z.string().nullable(),
  target: TargetSchema,
  pin: PinSchema.nullable(),
  holds: z.array(HoldSchema),
  observed: z.object({
    version: z.string().nullable(),
    healthy: z.boolean().nullable(),
    problem: z.string().nullable(),
    slot: z.string().nullable(),
    open: z.boolean().nullable(),
    at: MaybeInstant,
  }),
  /** What the last upgrade installed. `differs` when a probe sees another version. */
  recordedVersion: z.string().nullable(),
  differs: z.boolean(),
  run: z.object({ id: z.string(), state: z.enum(RUN_STATES) }).nullable(),
});
export type InstanceView = z.infer<typeof InstanceSchema>;

export const ReleaseSchema = z.object({
  product: z.string(),
  version: z.string(),
  kind: z.string(),
  notes: z.string().nullable(),
  needsDowntime: z.boolean(),
  risky: z.boolean(),
  smokeTest: z.enum(['passed', 'failed', 'not-run']),
  publishedAt: InstantSchema,
  withdrawn: z.object({ at: InstantSchema, by: z.string(), reason: z.string() }).nullable(),
  channels: z.array(z.object({ channel: z.string(), placedAt: InstantSchema, placedBy: z.string() })),
  /** How many instances were last seen on it. */
  instances: z.int(),
});
export type ReleaseView = z.infer<typeof ReleaseSchema>;

export const MoveSchema = z.object({
  instance: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  verdict: z.enum(VERDICTS),
});
/** Who would be decided differently if a promotion, a withdrawal or a pin were made. */
export const PreviewSchema = z.object({ dryRun: z.boolean(), moves: z.array(MoveSchema) });
export type PreviewView = z.infer<typeof PreviewSchema>;

export const FleetChangeSchema = z.object({
  object: z.string(),
  slug: z.string(),
  change: z.enum(['create', 'update', 'remove', 'keep']),
  fields: z.array(z.object({ field: z.string(), before: z.unknown(), after: z.unknown() })),
  note: z.string().nullable(),
});
export const ApplyResultSchema = z.object({
  dryRun: z.boolean(),
  changes: z.array(FleetChangeSchema),
  warnings: z.array(FileErrorSchema),
});
export type ApplyResult = z.infer<typeof ApplyResultSchema>;

export const AuditEventSchema = z.object({
  id: z.number(),
  at: InstantSchema,
  actor: z.string(),
  verb: z.string(),
  object: z.object({ kind: z.string(), id: z.string() }),
  customer: z.string().nullable(),
  before: z.unknown(),
  after: z.unknown(),
  reason: z.string().nullable(),
});
export type AuditEventView = z.infer<typeof AuditEventSchema>;

export const SecretSchema = z.object({
  scope: z.string(),
  name: z.string(),
  version: z.int(),
  fingerprint: z.string(),
  createdAt: InstantSchema,
  createdBy: z.string(),
});

export const HealthSchema = z.object({
  status: z.enum(['ok', 'unavailable']),
  version: z.string(),
  now: MaybeInstant,
  /** Without an SMTP server notices stay queued. */
  mail: z.enum(['configured', 'not-configured']),
  demo: z.boolean(),
});
