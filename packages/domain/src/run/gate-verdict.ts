/**
 * A person's word at a gate: a check of an item, or a vote. The first decision wins; whoever comes later is told whose it was
 * and when. Whoever asked for an upgrade does not approve it. A denial is not waived: it is fixed and the gate opened anew,
 * or the run ends (semantics 12).
 */
import { openItems } from './gates.ts';
import { findStep } from './apply-event.ts';
import type { ItemResult, RunEventBody } from './events.ts';
import type { GateStep, RunPlan } from './plan.ts';
import { no, yes, type CommandVerdict } from './run-command.ts';
import { runStateName, stepRecord, type GateRecord, type RunState } from './run-state.ts';

export interface Vote {
  readonly step: string;
  readonly by: string;
  readonly decision: 'pass' | 'deny';
  readonly reason: string;
  readonly evidence: string | null;
}

export interface ItemCheck {
  readonly step: string;
  readonly by: string;
  readonly checklist: string;
  readonly item: string;
  readonly result: ItemResult;
  readonly note: string;
}

/** The person behind an actor: a token is its owner's hand. */
export function personOf(actor: string): string {
  return actor.split(' via token ')[0] ?? actor;
}

type OpenGate = { readonly step: GateStep; readonly gate: GateRecord };

function openGate(plan: RunPlan, state: RunState, stepId: string): OpenGate | CommandVerdict {
  const step = findStep(plan, 'main', stepId);
  if (step?.kind !== 'gate') return no(`this run has no gate ${stepId}`);
  const { gate } = stepRecord(state, 'main', stepId);
  if (gate?.decided != null && gate.state === 'decided') {
    const { as, by, at } = gate.decided;
    return {
      allowed: false,
      reasons: [`${by} has ${as} it at ${new Date(at).toISOString()}`],
      code: 'gate-decided',
    };
  }
  if (state.ended !== null) return no(`the run has ended: ${runStateName(state)}`);
  if (gate === null) return no(`gate ${stepId} has not opened yet`);
  return gate.state === 'open' ? { step, gate } : no(`gate ${stepId} is ${gate.state}`);
}

export function decideVote(plan: RunPlan, state: RunState, vote: Vote, requestedBy: string): CommandVerdict {
  const found = openGate(plan, state, vote.step);
  if ('allowed' in found) return found;
  const { step, gate } = found;
  const person = personOf(vote.by);
  const { by, reason } = vote;
  const voted: RunEventBody = { kind: 'gate-voted', ...vote };
  if (vote.decision === 'deny')
    return yes(`denies "${step.title}": it is fixed and opened anew, or the run ends`, voted, {
      kind: 'gate-decided',
      step: step.id,
      by,
      decision: 'denied',
      reason,
    });
  if (step.gate === 'approval' && person === personOf(requestedBy))
    return no('whoever asked for the upgrade cannot approve it');
  if (gate.votes.some((each) => personOf(each.by) === person))
    return no('you have passed it already; others must');
  const open = openItems(step, gate);
  if (open.length > 0) return no(...open.map((item) => `${item} is not passed`));
  const people = new Set([person, ...gate.votes.map((each) => personOf(each.by))]);
  if (people.size < step.quorum)
    return yes(`is vote ${people.size} of ${step.quorum} for "${step.title}"`, voted);
  return yes(`passes "${step.title}"`, voted, {
    kind: 'gate-decided',
    step: step.id,
    by,
    decision: 'passed',
    reason,
  });
}

export function decideItem(plan: RunPlan, state: RunState, check: ItemCheck): CommandVerdict {
  const found = openGate(plan, state, check.step);
  if ('allowed' in found) return found;
  const { step, gate } = found;
  const { checklist, item, result, by, note } = check;
  const known = step.checklists.find(({ name }) => name === checklist)?.items.some(({ id }) => id === item);
  if (known !== true) return no(`gate ${step.id} asks for no item ${checklist}/${item}`);
  if (result !== 'passed' && note === '') return no('say in a note what was seen');
  const checked: RunEventBody = { kind: 'gate-item', ...check };
  const left = openItems(step, gate).filter((key) => key !== `${checklist}/${item}`);
  const complete =
    result === 'passed' && left.length === 0 && step.gate === 'certification' && step.quorum === 1;
  if (!complete) return yes(`records ${checklist}/${item} as ${result}`, checked);
  return yes(`records the last item and passes "${step.title}"`, checked, {
    kind: 'gate-decided',
    step: step.id,
    by,
    decision: 'passed',
    reason: note === '' ? 'every item passed' : note,
  });
}

/** A denied gate, or one that timed out, may be asked again after what was wrong is mended. */
export function mayOpenAnew(gate: GateRecord | null): boolean {
  return gate !== null && (gate.state === 'timed-out' || gate.decided?.as === 'denied');
}
