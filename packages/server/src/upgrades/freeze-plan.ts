/**
 * Turns a playbook into the plan of one run: every action bound to a driver with the instance's own settings, every role to
 * addresses, every policy to its value. Pure. What cannot be bound is named, all of it at once; nothing is left to be found
 * out at three in the morning.
 */
import type {
  ActionCall,
  Playbook,
  PlaybookGateStep,
  PlaybookStep,
  PlaybookUsesStep,
  PlaybookWaitStep,
} from '@sitelift/playbook/playbook.ts';
import { ACTION_CATALOGUE } from '@sitelift/playbook/action-catalogue.ts';
import type { Release, WindowOccurrence } from '@sitelift/domain/fleet/fleet.ts';
import {
  LOOKS,
  type BoundAction,
  type JsonObject,
  type PlannedChecklist,
  type PlannedStep,
  type PlaybookRef,
  type RunPlan,
  type WaitStep,
} from '@sitelift/domain/run/plan.ts';

export interface Contact {
  readonly email: string;
  readonly name: string;
  readonly roles: readonly string[];
}

/** What the driver registry says of one action on one instance. */
export type Bind = (
  bindings: JsonObject,
  action: string,
) => { readonly driver: string; readonly config: JsonObject } | { readonly problem: string };

export interface FreezeInput {
  readonly playbook: { readonly ref: PlaybookRef; readonly playbook: Playbook };
  readonly recover: { readonly ref: PlaybookRef; readonly playbook: Playbook } | null;
  readonly customer: RunPlan['customer'] & { readonly contacts: readonly Contact[] };
  readonly instance: RunPlan['instance'];
  /** The customer's other instances of the same product. */
  readonly siblings?: readonly Pick<RunPlan['instance'], 'id' | 'slug' | 'role'>[];
  /** By name. */
  readonly checklists?: ReadonlyMap<string, PlannedChecklist>;
  readonly bindings: JsonObject;
  readonly product: string;
  readonly from: RunPlan['from'];
  readonly release: Pick<Release, 'id' | 'version' | 'kind' | 'artefact' | 'needsDowntime'>;
  readonly slots: RunPlan['slots'];
  readonly window: WindowOccurrence | null;
  readonly anyTime: boolean;
  readonly backup: RunPlan['backup'];
}

export type FrozenPlan = { readonly plan: RunPlan } | { readonly problems: readonly string[] };

/** Stands where a driver's name does, for an action that nobody but a person carries out. */
const BY_HAND = 'by-hand';

class Freezer {
  readonly problems: string[] = [];
  readonly input: FreezeInput;
  readonly bind: Bind;
  constructor(input: FreezeInput, bind: Bind) {
    this.input = input;
    this.bind = bind;
  }

  action(action: string, input: JsonObject, disruptive: boolean): BoundAction {
    const flags = ACTION_CATALOGUE.get(action);
    const bound = this.bind(this.input.bindings, action);
    if ('problem' in bound) this.problems.push(bound.problem);
    if (flags === undefined) this.problems.push(`no driver family has the action ${action}`);
    return {
      action,
      driver: 'driver' in bound ? bound.driver : '',
      config: 'config' in bound ? bound.config : {},
      input,
      flags: {
        ...(flags ?? { ...LOOKS, idempotent: false, disruptive, mutates: true }),
        disruptive: disruptive || flags?.disruptive === true,
      },
    };
  }

  /** What a person does needs no driver; where one is bound the plan says so, for whoever reads it. */
  byHand(action: string, input: JsonObject, disruptive: boolean): BoundAction {
    const bound = this.bind(this.input.bindings, action);
    if (!('problem' in bound)) return this.action(action, input, disruptive);
    const known = this.problems.length;
    const made = { ...this.action(action, input, disruptive), driver: BY_HAND };
    this.problems.splice(known);
    if ((made.flags.opensSite || made.flags.closesSite) && this.optional('proxy/probe') === null)
      this.problems.push(
        `${action} by hand counts when the proxy was seen: nothing is bound for proxy/probe`,
      );
    return made;
  }

  optional(action: string): BoundAction | null {
    const bound = this.bind(this.input.bindings, action);
    return 'problem' in bound ? null : this.action(action, {}, false);
  }

  recipients(to: readonly string[]): readonly string[] {
    const { contacts } = this.input.customer;
    const addresses = to.flatMap((entry) => {
      if (entry.includes('@')) return [entry];
      return contacts
        .filter((contact) => entry === 'all' || contact.roles.includes(entry))
        .map((contact) => contact.email);
    });
    return [...new Set(addresses)];
  }

  checklists({ id, checklists }: PlaybookGateStep): readonly PlannedChecklist[] {
    return checklists.flatMap((name) => {
      const found = this.input.checklists?.get(name);
      if (found === undefined)
        this.problems.push(`gate ${id} asks for the checklist ${name}, and there is none`);
      return found ?? [];
    });
  }

  /** The first role of the list that the customer has; all its instances of this product. */
  until({ id, until }: PlaybookWaitStep): WaitStep['until'] {
    if (until.kind !== 'upgrade') return until;
    const others = this.input.siblings ?? [];
    const role = until.roles.find((each) => others.some((other) => other.role === each));
    if (role === undefined)
      this.problems.push(
        `step ${id} waits for the upgrade of ${until.roles.join(' or ')}, and the customer has none`,
      );
    const instances = others
      .filter((other) => other.role === role)
      .map((other) => ({ id: other.id, slug: other.slug }));
    return { kind: 'upgrade', instances };
  }

  uses(step: PlaybookUsesStep, call: ActionCall): BoundAction {
    const { action, input } = call;
    return step.manual
      ? this.byHand(action, input, step.disruptive)
      : this.action(action, input, step.disruptive);
  }

  step(step: PlaybookStep): PlannedStep {
    const { id, title, owner, needs, timeoutMs, expectMs } = step;
    const common = { id, title, owner, needs, timeoutMs, expectMs };
    const clock = step.onTimeout === null ? {} : { onTimeout: step.onTimeout };
    switch (step.kind) {
      case 'wait':
        return { ...common, kind: 'wait', until: this.until(step), ...clock };
      case 'gate': {
        const { gate, by, quorum } = step;
        return { ...common, ...clock, kind: 'gate', gate, by, quorum, checklists: this.checklists(step) };
      }
      case 'notify':
        return { ...common, kind: 'notify', to: this.recipients(step.to), template: step.template };
      case 'uses':
        return {
          ...common,
          kind: 'uses',
          run: this.uses(step, step),
          undo: step.undo === null ? null : this.uses(step, step.undo),
          retry: step.retry,
          pointOfNoReturn: step.pointOfNoReturn,
          require: step.require,
          prove: step.require === null || step.manual ? null : this.action('database/prove', {}, false),
          ...(step.manual ? { manual: true, ...clock } : {}),
        };
      default:
        return step satisfies never;
    }
  }
}

export function freezePlan(input: FreezeInput, bind: Bind): FrozenPlan {
  const freezer = new Freezer(input, bind);
  const { customer, release } = input;
  const plan: RunPlan = {
    playbook: input.playbook.ref,
    customer: { id: customer.id, slug: customer.slug, name: customer.name },
    instance: input.instance,
    product: input.product,
    from: input.from,
    to: {
      releaseId: release.id,
      version: release.version,
      kind: release.kind,
      artefact: release.artefact,
      needsDowntime: release.needsDowntime,
    },
    slots: input.slots,
    window: input.window,
    anyTime: input.anyTime,
    steps: input.playbook.playbook.steps.map((step) => freezer.step(step)),
    recover:
      input.recover === null
        ? null
        : {
            playbook: input.recover.ref,
            steps: input.recover.playbook.steps.map((step) => freezer.step(step)),
          },
    probe: freezer.optional('app/probe'),
    look: freezer.optional('proxy/probe'),
    loss: input.recover === null ? null : freezer.optional('database/loss'),
    backup: input.backup,
  };
  return freezer.problems.length > 0 ? { problems: [...new Set(freezer.problems)] } : { plan };
}
