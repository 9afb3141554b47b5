/**
 * How long an upgrade by this playbook shuts users out, and how long the way back is, before any plan is frozen: the same
 * sums as for a plan (semantics 7), over the playbook's steps with the flags of the actions' catalogue.
 */
import type { DurationForecast } from '@sitelift/domain/planning/snapshot.ts';
import { forecastClosedMs, forecastWayBackMs, type StepHistory } from '@sitelift/domain/run/forecast.ts';
import { LOOKS, type ActionFlags, type BoundAction, type PlannedStep } from '@sitelift/domain/run/plan.ts';
import { ACTION_CATALOGUE } from '@sitelift/playbook/action-catalogue.ts';
import type { Playbook, PlaybookStep } from '@sitelift/playbook/playbook.ts';

/** An action that no catalogue knows: `check` refuses it, and a forecast supposes the worst. */
const UNKNOWN: ActionFlags = { ...LOOKS, idempotent: false, disruptive: true, mutates: true };

function unbound(action: string, disruptive: boolean): BoundAction {
  const flags = ACTION_CATALOGUE.get(action) ?? UNKNOWN;
  const own = { ...flags, disruptive: disruptive || flags.disruptive };
  return { action, driver: '', config: {}, input: {}, flags: own };
}

function toPlanned(step: PlaybookStep): PlannedStep {
  const { id, title, owner, needs, timeoutMs, expectMs } = step;
  const common = { id, title, owner, needs, timeoutMs, expectMs };
  switch (step.kind) {
    case 'wait':
      // A wait takes no time of the night, whatever it waits for.
      return { ...common, kind: 'wait', until: { kind: 'window' } };
    case 'gate': {
      const { gate, by, quorum } = step;
      return { ...common, kind: 'gate', gate, by, quorum, checklists: [] };
    }
    case 'notify':
      return { ...common, kind: 'notify', to: step.to, template: step.template };
    case 'uses':
      return {
        ...common,
        kind: 'uses',
        run: unbound(step.action, step.disruptive),
        undo: step.undo === null ? null : unbound(step.undo.action, step.disruptive),
        retry: step.retry,
        pointOfNoReturn: step.pointOfNoReturn,
        require: step.require,
        prove: null,
        manual: step.manual,
      };
    default:
      return step satisfies never;
  }
}

export function forecastPlaybook(
  playbook: Playbook,
  recover: Playbook | null,
  history: StepHistory,
): DurationForecast {
  const steps = playbook.steps.map(toPlanned);
  const way =
    recover === null
      ? null
      : { playbook: { name: recover.name, title: recover.title, digest: '' }, steps: recover.steps.map(toPlanned) };
  return {
    closedMs: forecastClosedMs({ steps }, history),
    wayBackMs: forecastWayBackMs({ steps, recover: way }, history),
  };
} // prettier-ignore
