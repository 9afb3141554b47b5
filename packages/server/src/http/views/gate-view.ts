/** A gate as its screen shows it: what it asks for, from the plan; what became of it, from the journal's fold. */
import type { GateView } from '@sitelift/contract/views.ts';
import { findStep } from '@sitelift/domain/run/apply-event.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import { stepRecord, type RunState } from '@sitelift/domain/run/run-state.ts';

const iso = (at: number): string => new Date(at).toISOString();

export function gateView(
  plan: RunPlan,
  state: RunState,
  lane: 'main' | 'recover',
  id: string,
): GateView | null {
  const step = findStep(plan, lane, id);
  if (step?.kind !== 'gate') return null;
  const { gate } = stepRecord(state, lane, id);
  return {
    kind: step.gate,
    by: [...step.by],
    quorum: step.quorum,
    state: gate?.state ?? null,
    decided: gate?.decided == null ? null : { ...gate.decided, at: iso(gate.decided.at) },
    votes: (gate?.votes ?? []).map((vote) => ({ ...vote, at: iso(vote.at) })),
    items: step.checklists.flatMap(({ name, items }) =>
      items.map(({ id: item, text }) => {
        const said = gate?.items[`${name}/${item}`];
        return {
          checklist: name,
          item,
          text,
          result: said?.result ?? null,
          by: said?.by ?? null,
          note: said?.note ?? null,
          at: said === undefined ? null : iso(said.at),
        };
      }),
    ),
  };
}
