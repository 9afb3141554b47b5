/**
 * Gates: where a run waits for people's word. A gate opens, takes checks and votes, and is decided once; nothing but a
 * decision or an override passes it, least of all its clock (semantics 12). While the site is closed its clock ends at the
 * bail-out minute at the latest, the last one at which going back still fits the window (6). What a gate must never do: pass
 * with an item of its checklists open, or let two people believe that theirs was the word that counted.
 */
import type { EpochMs } from '../time/instant.ts';
import { bailOutAt } from './bail-out.ts';
import type { Next } from './decide-next.ts';
import type { GateStep, RunPlan } from './plan.ts';
import { stepRecord, type GateRecord, type RunState } from './run-state.ts';
import type { StartFacts } from './start-facts.ts';
import { deadlineOf } from './waiting.ts';

/** Items that have not passed, as `checklist/item`, with what came of them so far. */
export function openItems(step: GateStep, gate: GateRecord | null): readonly string[] {
  return step.checklists.flatMap(({ name, items }) =>
    items.map(({ id }) => `${name}/${id}`).filter((key) => gate?.items[key]?.result !== 'passed'),
  );
}

/** Items that earlier gates were passed without: what a `follow-ups` gate is about. */
export function leftOpen(plan: RunPlan, state: RunState, before: GateStep): readonly string[] {
  const at = plan.steps.findIndex((step) => step.id === before.id);
  return plan.steps.slice(0, at).flatMap((step) => {
    if (step.kind !== 'gate') return [];
    return openItems(step, stepRecord(state, 'main', step.id).gate);
  });
}

export function decideGate(step: GateStep, plan: RunPlan, state: RunState, facts: StartFacts, now: EpochMs): Next {
  const record = stepRecord(state, 'main', step.id);
  if (record.state !== 'waiting' || record.gate === null) {
    const own = deadlineOf(step, now);
    const last = state.closedAt === null ? null : bailOutAt(plan, state.windowEndsAt, facts.history);
    const until = own === null || last === null ? own : Math.min(own, last);
    return { kind: 'append', event: { kind: 'gate-opened', step: step.id, until } };
  }
  if (step.gate === 'follow-ups' && record.gate.decided === null && leftOpen(plan, state, step).length === 0) {
    const event = { kind: 'gate-decided', step: step.id, by: 'sitelift', decision: 'passed', reason: 'nothing was left open' } as const;
    return { kind: 'append', event };
  }
  const why =
    record.gate.decided === null ? `"${step.title}" waits for ${step.by.join(', ') || 'somebody'}` : (record.reason ?? '');
  return { kind: 'sleep', until: null, why };
} // prettier-ignore
