/** What going back would lose, for screens: the journal's report, without the rows' keys for who may not see output. */
import type { MeasuredLossView } from '@sitelift/contract/loss-view.ts';
import { bailOutAt } from '@sitelift/domain/run/bail-out.ts';
import type { StepHistory } from '@sitelift/domain/run/forecast.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import type { RunState } from '@sitelift/domain/run/run-state.ts';

export function lossView(state: RunState, mayOperate: boolean): MeasuredLossView | null {
  if (state.loss === null) return null;
  const { report, problem } = state.loss;
  if (report === null) return { report: null, problem };
  const { tables, more, exportPath, sinceAt, measuredAt, inserted, changed, deleted } = report;
  return {
    report: {
      inserted,
      changed,
      deleted,
      tables: tables.map((table) => ({
        ...table,
        rows: mayOperate ? table.rows.map(({ change, key }) => ({ change, key: { ...key } })) : [],
      })),
      moreTables: more,
      sinceAt: new Date(sinceAt).toISOString(),
      measuredAt: new Date(measuredAt).toISOString(),
      exported: exportPath !== null,
    },
    problem,
  };
}

/**
 * The minute that is counted down: of the window in which closing began, before that of the one that the plan names. Null
 * without a window, and once it has nothing to say any more: the site is open again, or the run is over or on its way back.
 */
export function bailOutView(plan: RunPlan, state: RunState, history: StepHistory): string | null {
  const over = state.ended !== null || state.phase !== 'main';
  if (over || (state.closedAt === null && state.openedAt !== null)) return null;
  const planned = plan.anyTime ? null : (plan.window?.closesAt ?? null);
  const at = bailOutAt(plan, state.closedAt === null ? planned : state.windowEndsAt, history);
  return at === null ? null : new Date(at).toISOString();
}
