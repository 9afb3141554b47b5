/** Every route of the API, below `/api/v1`. An explicit list: what is not here does not exist. */
import { ITEM_RESULTS } from '@sitelift/domain/run/events.ts';
import { RUN_VERBS } from '@sitelift/domain/run/command-verdict.ts';
import { BACKUP_GRADES } from '@sitelift/domain/run/plan.ts';
import { z } from 'zod';
import { CustomerSchema } from './customer-view.ts';
import { LostRowSchema, MeasuredLossSchema } from './loss-view.ts';
import type { Route } from './route.ts';
import {
  AccountChangeAnswerSchema,
  AccountChangeSchema,
  NewAccountAnswerSchema,
  NewAccountSchema,
  StaffAccountSchema,
} from './staff-account.ts';
import { SelectedUpgradeSchema, SelectionSchema } from './upgrade-selection.ts';
import {
  AccountSchema,
  ApplyResultSchema,
  AuditEventSchema,
  DecisionSchema,
  HealthSchema,
  InstanceSchema,
  InstantSchema,
  JournalEventSchema,
  LogLineSchema,
  PlanSchema,
  PreviewSchema,
  ReleaseSchema,
  RunSchema,
  RunSummarySchema,
  SCOPES,
  SecretSchema,
  SignalSchema,
  TokenSchema,
} from './views.ts';

const Nothing = z.strictObject({});
const Done = z.object({ done: z.literal(true) });
const Slug = z.string().min(1).max(100);
const Line = z.string().min(1).max(500);
const Reason = z.string().min(1, 'a reason').max(2_000);
const InstanceParams = z.strictObject({ instance: Slug });
const RunParams = z.strictObject({ run: Slug });
const GateParams = z.strictObject({ run: Slug, step: Slug });
const ReleaseParams = z.strictObject({ product: Slug, version: Slug });
const Limit = z.coerce.number().int().min(1).max(200).default(50);

/** A body of this many bytes is read for a fleet directory, and of 1 MiB for anything else. */
export const FLEET_BODY_BYTES = 16 * 1024 * 1024;
export const BODY_BYTES = 1024 * 1024;

const defaults = {
  params: Nothing,
  query: Nothing,
  body: Nothing,
  idempotency: false,
  stream: false,
} as const;

function route<
  const R extends Partial<Route> &
    Pick<Route, 'name' | 'method' | 'path' | 'summary' | 'access' | 'response'>,
>(spec: R): Omit<typeof defaults, keyof R> & R {
  return { ...defaults, ...spec };
}

// One route a line: a table is read down its columns.
// prettier-ignore
export const routes = {
  health: route({ name: 'health', method: 'GET', path: '/health', summary: 'Is the server up, and does its database answer?', access: 'public', response: HealthSchema }),
  // ---- sign-in
  signIn: route({ name: 'signIn', method: 'POST', path: '/session', summary: 'Sign in with e-mail and password', access: 'public', body: z.strictObject({ email: Line, password: z.string().min(1).max(1_000) }), response: AccountSchema }),
  me: route({ name: 'me', method: 'GET', path: '/session', summary: 'Who am I, and what may I do?', access: 'session', response: AccountSchema }),
  signOut: route({ name: 'signOut', method: 'DELETE', path: '/session', summary: 'Sign out', access: 'session', response: Done }),
  changePassword: route({ name: 'changePassword', method: 'POST', path: '/session/password', summary: 'Replace my password', access: 'session', body: z.strictObject({ current: z.string().min(1).max(1_000), next: z.string().min(12, 'at least 12 characters').max(1_000) }), response: AccountSchema }),
  listTokens: route({ name: 'listTokens', method: 'GET', path: '/tokens', summary: 'My API tokens', access: 'read', response: z.object({ tokens: z.array(TokenSchema) }) }),
  createToken: route({ name: 'createToken', method: 'POST', path: '/tokens', summary: 'Make an API token; it is shown once', access: 'read', body: z.strictObject({ name: Line, scopes: z.array(z.enum(SCOPES)).min(1), days: z.int().min(1).max(365).default(90) }), response: TokenSchema.extend({ token: z.string() }) }),
  revokeToken: route({ name: 'revokeToken', method: 'DELETE', path: '/tokens/:token', summary: 'Revoke a token of mine', access: 'read', params: z.strictObject({ token: Slug }), response: Done }),
  // ---- staff
  listAccounts: route({ name: 'listAccounts', method: 'GET', path: '/accounts', summary: 'Every account of staff', access: 'admin', response: z.object({ accounts: z.array(StaffAccountSchema) }) }),
  createAccount: route({ name: 'createAccount', method: 'POST', path: '/accounts', summary: 'Make an account; its one-time password is shown once', access: 'admin', body: NewAccountSchema, response: NewAccountAnswerSchema }),
  changeAccount: route({ name: 'changeAccount', method: 'POST', path: '/accounts/:account', summary: 'Change the role of an account (its id or e-mail address), disable or enable it, or give it a new one-time password', access: 'admin', params: z.strictObject({ account: Line }), body: AccountChangeSchema, response: AccountChangeAnswerSchema }),
  // ---- fleet
  applyFleet: route({ name: 'applyFleet', method: 'POST', path: '/fleet/apply', summary: 'Bring the fleet to what a directory of YAML says', access: 'operate', body: z.strictObject({ files: z.array(z.strictObject({ path: z.string().min(1).max(500), text: z.string() })).min(1).max(20_000), dryRun: z.boolean().default(false), prune: z.boolean().default(false) }), response: ApplyResultSchema }),
  listCustomers: route({ name: 'listCustomers', method: 'GET', path: '/customers', summary: 'Every customer with its instances, and who is below the minimum of two', access: 'read', response: z.object({ customers: z.array(CustomerSchema) }) }),
  listInstances: route({ name: 'listInstances', method: 'GET', path: '/instances', summary: 'Every instance with what it runs and should run', access: 'read', response: z.object({ instances: z.array(InstanceSchema) }) }),
  getInstance: route({ name: 'getInstance', method: 'GET', path: '/instances/:instance', summary: 'One instance', access: 'read', params: InstanceParams, response: InstanceSchema }),
  setPin: route({ name: 'setPin', method: 'PUT', path: '/instances/:instance/pin', summary: 'Pin an instance to a version', access: 'operate', params: InstanceParams, body: z.strictObject({ version: Slug, reason: Reason, owner: Line.optional(), untilAt: InstantSchema.optional(), untilChannel: Slug.optional(), dryRun: z.boolean().default(false) }), response: PreviewSchema }),
  endPin: route({ name: 'endPin', method: 'DELETE', path: '/instances/:instance/pin', summary: 'End a pin', access: 'operate', params: InstanceParams, body: z.strictObject({ reason: Reason, dryRun: z.boolean().default(false) }), response: PreviewSchema }),
  clearHold: route({ name: 'clearHold', method: 'POST', path: '/holds/:hold/clear', summary: 'Clear a hold; with `tryAgain` the night may also try again what was taken back', access: 'operate', params: z.strictObject({ hold: Slug }), body: z.strictObject({ reason: Reason, tryAgain: z.boolean().default(false) }), response: Done }),
  // ---- releases
  listReleases: route({ name: 'listReleases', method: 'GET', path: '/releases', summary: 'Every release, its channels, and where it runs', access: 'read', response: z.object({ releases: z.array(ReleaseSchema) }) }),
  promote: route({ name: 'promote', method: 'POST', path: '/releases/:product/:version/promote', summary: 'Place a release in a channel; `dryRun` shows who would move', access: 'promote', params: ReleaseParams, body: z.strictObject({ channel: Slug, reason: Reason, dryRun: z.boolean().default(false) }), response: PreviewSchema }),
  withdraw: route({ name: 'withdraw', method: 'POST', path: '/releases/:product/:version/withdraw', summary: 'Withdraw a release: no run starts to it any more', access: 'promote', params: ReleaseParams, body: z.strictObject({ reason: Reason, dryRun: z.boolean().default(false) }), response: PreviewSchema }),
  // ---- planning
  plan: route({ name: 'plan', method: 'GET', path: '/plan', summary: 'What happens tonight, and why not the others', access: 'read', query: z.strictObject({ at: InstantSchema.optional() }), response: PlanSchema }),
  why: route({ name: 'why', method: 'GET', path: '/instances/:instance/why', summary: 'Every reason why an instance moves or does not', access: 'read', params: InstanceParams, query: z.strictObject({ at: InstantSchema.optional() }), response: DecisionSchema }),
  planNow: route({ name: 'planNow', method: 'POST', path: '/plan', summary: 'Look at the fleet now instead of at the next pass, and start what may start', access: 'operate', response: z.object({ started: z.array(z.string()) }) }),
  stop: route({ name: 'stop', method: 'PUT', path: '/stop', summary: 'Stop the world: nothing starts any more; ways back go on', access: 'operate', body: z.strictObject({ reason: Reason }), response: Done }),
  releaseStop: route({ name: 'releaseStop', method: 'DELETE', path: '/stop', summary: 'Let starts happen again', access: 'promote', body: z.strictObject({ reason: Reason }), response: Done }),
  // ---- upgrades and runs
  requestUpgrade: route({ name: 'requestUpgrade', method: 'POST', path: '/upgrades', summary: 'Start an upgrade of one instance now (or in its window)', access: 'operate', body: z.strictObject({ instance: Slug, version: Slug.optional(), reason: Reason, anyTime: z.boolean().default(false) }), response: z.object({ upgrade: z.string(), run: z.string() }), idempotency: true }),
  requestUpgrades: route({ name: 'requestUpgrades', method: 'POST', path: '/upgrades/selection', summary: 'Start upgrades of every instance that the selection fits, as many as capacity allows; `dryRun` shows who is affected', access: 'operate', body: z.strictObject({ select: SelectionSchema, version: Slug.optional(), reason: Reason, anyTime: z.boolean().default(false), dryRun: z.boolean().default(false) }), response: z.object({ items: z.array(SelectedUpgradeSchema) }), idempotency: true }),
  listRuns: route({ name: 'listRuns', method: 'GET', path: '/runs', summary: 'Runs, newest first', access: 'read', query: z.strictObject({ instance: Slug.optional(), state: z.enum(['open', 'ended', 'all']).default('all'), limit: Limit, before: Slug.optional() }), response: z.object({ runs: z.array(RunSummarySchema) }) }),
  getRun: route({ name: 'getRun', method: 'GET', path: '/runs/:run', summary: 'One run with every step', access: 'read', params: RunParams, response: RunSchema }),
  commandRun: route({ name: 'commandRun', method: 'POST', path: '/runs/:run/commands', summary: 'Pause, resume, cancel, retry, skip, done by hand, resolve, roll back', access: 'operate', params: RunParams, body: z.strictObject({ verb: z.enum(RUN_VERBS), step: Slug.optional(), reason: z.string().max(2_000).default(''), evidence: z.string().max(10_000).optional(), as: z.enum(['applied', 'not-applied']).optional(), observed: z.strictObject({ version: Slug, writeOk: z.boolean() }).optional(), backup: z.strictObject({ grade: z.enum(BACKUP_GRADES), begunAt: InstantSchema, bytes: z.int().min(0).default(0) }).optional(), dryRun: z.boolean().default(false) }), response: z.object({ does: z.string() }), idempotency: true }),
  signalRun: route({ name: 'signalRun', method: 'POST', path: '/runs/:run/signals/:name', summary: 'Tell a run that something outside has happened; kept until a step waits for it, and a repeat changes nothing', access: 'operate', params: z.strictObject({ run: Slug, name: Slug }), body: z.strictObject({ reason: z.string().max(2_000).default('') }), response: SignalSchema }),
  voteAtGate: route({ name: 'voteAtGate', method: 'POST', path: '/runs/:run/gates/:step/votes', summary: "Record a person's word at a gate; the first decision counts", access: 'operate', params: GateParams, body: z.strictObject({ decision: z.enum(['pass', 'deny']), reason: Reason, evidence: z.string().max(10_000).optional() }), response: z.object({ does: z.string() }), idempotency: true }),
  checkGateItem: route({ name: 'checkGateItem', method: 'POST', path: '/runs/:run/gates/:step/items', summary: 'Record what came of an item of a checklist; the last word on it counts', access: 'operate', params: GateParams, body: z.strictObject({ checklist: Slug, item: Slug, result: z.enum(ITEM_RESULTS), note: z.string().max(10_000).default('') }), response: z.object({ does: z.string() }), idempotency: true }),
  overrideGate: route({ name: 'overrideGate', method: 'POST', path: '/runs/:run/gates/:step/override', summary: 'Pass a gate with items open; refused by this version', access: 'operate', params: GateParams, body: z.strictObject({ reason: Reason }), response: z.object({ does: z.string() }), idempotency: true }),
  runLog: route({ name: 'runLog', method: 'GET', path: '/runs/:run/log', summary: 'Output of the steps of a run', access: 'operate', params: RunParams, query: z.strictObject({ step: Slug.optional(), after: z.coerce.number().int().min(0).default(0), limit: z.coerce.number().int().min(1).max(5_000).default(1_000) }), response: z.object({ lines: z.array(LogLineSchema), more: z.boolean() }) }),
  runJournal: route({ name: 'runJournal', method: 'GET', path: '/runs/:run/journal', summary: 'The journal of a run: the truth', access: 'read', params: RunParams, query: z.strictObject({ after: z.coerce.number().int().min(0).default(0) }), response: z.object({ events: z.array(JournalEventSchema) }) }),
  runLoss: route({ name: 'runLoss', method: 'GET', path: '/runs/:run/loss', summary: 'What going back would lose, as last measured; null until a question or a recovery asked for it', access: 'operate', params: RunParams, response: z.object({ loss: MeasuredLossSchema.nullable() }) }),
  runLossExport: route({ name: 'runLossExport', method: 'GET', path: '/runs/:run/loss/export', summary: 'The rows themselves that going back would lose, one JSON object a line; recorded', access: 'operate', params: RunParams, response: LostRowSchema, stream: true, media: 'application/x-ndjson' }),
  streamRun: route({ name: 'streamRun', method: 'GET', path: '/runs/:run/stream', summary: 'A run as it happens: `run` (RunView) and `log` (lines) events; resumes by Last-Event-ID', access: 'read', params: RunParams, response: z.union([RunSchema, z.array(LogLineSchema)]), stream: true }),
  stream: route({ name: 'stream', method: 'GET', path: '/stream', summary: 'The fleet as it happens: `runs` (open and just ended runs) and `audit` (events); resumes by Last-Event-ID', access: 'read', response: z.union([z.array(RunSummarySchema), AuditEventSchema]), stream: true }),
  // ---- record
  listEvents: route({ name: 'listEvents', method: 'GET', path: '/events', summary: 'Who did what, when, before and after; newest first', access: 'read', query: z.strictObject({ object: Slug.optional(), customer: Slug.optional(), limit: Limit, before: z.coerce.number().int().optional() }), response: z.object({ events: z.array(AuditEventSchema) }) }),
  verifyEvents: route({ name: 'verifyEvents', method: 'GET', path: '/events/verify', summary: 'Is every audit chain whole?', access: 'read', response: z.object({ intact: z.boolean(), events: z.int(), problem: z.string().nullable() }) }),
  // ---- secrets
  setSecret: route({ name: 'setSecret', method: 'PUT', path: '/secrets/:name', summary: 'Store a new version of a secret; nothing ever reads it back', access: 'admin', params: z.strictObject({ name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'a name in kebab-case') }), body: z.strictObject({ customer: Slug.optional(), value: z.string().min(1).max(64_000) }), response: SecretSchema }),
  listSecrets: route({ name: 'listSecrets', method: 'GET', path: '/secrets', summary: 'Names and versions of secrets', access: 'operate', response: z.object({ secrets: z.array(SecretSchema) }) }),
} as const;

export type Routes = typeof routes;
export const ROUTES: readonly Route[] = Object.values(routes);
