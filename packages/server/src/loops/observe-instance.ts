/**
 * One look at one instance outside of any run: first the proxy (open? which slot serves?), then the application in that very
 * slot. It changes nothing: no write check, no expected version, no fence. What cannot be seen is said as a problem, never
 * guessed: a slot that nobody saw is not probed.
 */
import type { SiteObservation } from '@sitelift/domain/run/events.ts';
import type { BoundAction, JsonObject } from '@sitelift/domain/run/plan.ts';
import { ACTION_CATALOGUE } from '@sitelift/playbook/action-catalogue.ts';
import type { ActionRunner, AttemptScope } from '../engine/action-runner.ts';
import type { Bind } from '../upgrades/freeze-plan.ts';

type Outcome = Awaited<ReturnType<ActionRunner['apply']>>;
type Slots = AttemptScope['target']['slots'];

export interface ProbedInstance {
  readonly id: string;
  readonly slug: string;
  readonly role: string;
  readonly url: string;
  readonly host: string | null;
  readonly settings: JsonObject;
  readonly bindings: JsonObject;
  readonly customer: { readonly id: string; readonly slug: string; readonly name: string };
  readonly product: string;
  readonly version: string | null;
}

export interface Look {
  readonly site: SiteObservation;
  /** As the proxy shows it; null when it could not be told, or no proxy is bound. */
  readonly open: boolean | null;
  readonly slot: string | null;
}

export interface LookDeps {
  readonly runner: ActionRunner;
  readonly bind: Bind;
  readonly openSecret: (instance: ProbedInstance, name: string) => Promise<string>;
  readonly nowMs: () => number;
}

/** One action of a look may take this long, milliseconds; a site that answers later is not healthy. */
const LOOK_LIMIT_MS = 30_000;
/** An observation changes nothing, so no receiver has anything to refuse. */
const NO_FENCE = 0;

function bound(
  deps: LookDeps,
  instance: ProbedInstance,
  action: string,
  input: JsonObject,
): BoundAction | string {
  const flags = ACTION_CATALOGUE.get(action);
  const found = deps.bind(instance.bindings, action);
  if ('problem' in found) return found.problem;
  if (flags === undefined) return `no driver family has the action ${action}`;
  return { action, driver: found.driver, config: found.config, input, flags };
}

function scopeOf(deps: LookDeps, instance: ProbedInstance, slots: Slots, signal: AbortSignal): AttemptScope {
  const { id, slug, role, url, host, settings, customer, product } = instance;
  const version = instance.version ?? '';
  return {
    runId: '',
    fence: NO_FENCE,
    target: {
      instance: { id, slug, role, url, host, settings },
      customer: { slug: customer.slug, name: customer.name },
      product,
      from: { version, artefact: null },
      to: { version, artefact: { kind: 'digest', digest: '', location: null } },
      slots,
    },
    stepId: 'look',
    attempt: 1,
    timeoutMs: LOOK_LIMIT_MS,
    signal,
    // A look has no journal; what it saw is all that is kept of it.
    log: { line: () => {} },
    backup: null,
    nowMs: deps.nowMs,
    processStarted: () => Promise.resolve(),
    openSecret: (name) => deps.openSecret(instance, name),
  };
}

function problemOf(outcome: Outcome, what: string): string {
  return 'reason' in outcome ? outcome.reason : `${what} saw nothing`;
}

type SlotNames = readonly [string, string] | null;

/** Names of the two slots from the settings; null for a site with one side. */
function slotNames(settings: JsonObject): SlotNames {
  const names = settings['slots'];
  const [first, second] = Array.isArray(names) ? names : [];
  return typeof first === 'string' && typeof second === 'string' ? [first, second] : null;
}

interface ProxySeen {
  readonly open: boolean | null;
  readonly slot: string | null;
  readonly slots: Slots;
  readonly problem: string | null;
}

async function lookAtProxy(
  deps: LookDeps,
  instance: ProbedInstance,
  signal: AbortSignal,
): Promise<ProxySeen> {
  const names = slotNames(instance.settings);
  const look = bound(deps, instance, 'proxy/probe', {});
  const blind = { open: null, slot: null, slots: null };
  if (typeof look === 'string') return { ...blind, problem: names === null ? null : look };
  // Which slot serves is the question, so neither name may suggest an answer.
  const asked = names === null ? null : { live: names[0], staging: names[1] };
  const outcome = await deps.runner.apply(look, scopeOf(deps, instance, asked, signal));
  if (outcome.kind !== 'done' && outcome.kind !== 'already-done')
    return { ...blind, problem: `the proxy could not be looked at: ${problemOf(outcome, 'proxy/probe')}` };
  const open = typeof outcome.output?.['open'] === 'boolean' ? outcome.output['open'] : null;
  const slot = typeof outcome.output?.['slot'] === 'string' ? outcome.output['slot'] : null;
  if (names === null) return { open, slot, slots: null, problem: null };
  const [first, second] = names;
  if (slot !== first && slot !== second)
    return {
      open,
      slot: null,
      slots: null,
      problem: `the proxy sends to ${slot ?? 'no slot'}, which is not in settings.slots`,
    };
  return { open, slot, slots: { live: slot, staging: slot === first ? second : first }, problem: null };
}

export async function observeInstance(
  deps: LookDeps,
  instance: ProbedInstance,
  signal: AbortSignal,
): Promise<Look> {
  const { open, slot, slots, problem } = await lookAtProxy(deps, instance, signal);
  const failed = (why: string): Look => ({
    site: { version: null, healthy: false, writeOk: null, problem: why },
    open,
    slot,
  });
  if (problem !== null) return failed(problem);
  const probe = bound(deps, instance, 'app/probe', { slot: 'live', write: false, within: '0s' });
  if (typeof probe === 'string') return failed(probe);
  const outcome = await deps.runner.apply(probe, scopeOf(deps, instance, slots, signal));
  const observed = 'observed' in outcome ? outcome.observed : undefined;
  return observed === undefined ? failed(problemOf(outcome, 'app/probe')) : { site: observed, open, slot };
}
