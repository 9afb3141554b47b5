/**
 * How long steps take: p95 from history once five runs exist, else what the playbook expects (semantics 7). Durations in
 * milliseconds. A step's time-out never counts as a forecast.
 */
import { committingStep, type PlannedStep, type RunPlan } from './plan.ts';

/** Fewer runs than this say nothing about a tail. */
export const RUNS_NEEDED_FOR_HISTORY = 5;

/** Past durations of one step, any order, milliseconds. */
export type StepHistory = ReadonlyMap<string, readonly number[]>;

/** The value at or below which the share `p` (0..1) of the sample lies (nearest rank). Undefined for an empty sample. */
export function percentile(sample: readonly number[], p: number): number | undefined {
  const sorted = [...sample].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))];
}

/** p95 of a step. */
export function forecastStepMs(step: Pick<PlannedStep, 'id' | 'expectMs'>, history: StepHistory): number {
  const past = history.get(step.id) ?? [];
  if (past.length < RUNS_NEEDED_FOR_HISTORY) return step.expectMs;
  return percentile(past, 0.95) ?? step.expectMs;
}

function sum(steps: readonly PlannedStep[], history: StepHistory): number {
  return steps.reduce((total, step) => total + forecastStepMs(step, history), 0);
}

/** p95 of the steps from the committing one up to and including the opening one: how long users are shut out. */
export function forecastClosedMs(plan: Pick<RunPlan, 'steps'>, history: StepHistory): number {
  const from = plan.steps.findIndex((step) => step.id === committingStep(plan)?.id);
  if (from < 0) return 0;
  const opening = plan.steps.findLastIndex((step) => step.kind === 'uses' && step.run.flags.opensSite);
  return sum(plan.steps.slice(from, opening < from ? undefined : opening + 1), history);
}

/** p95 of the way back at its longest: the recovery where there is one, else taking back every step that can be. */
export function forecastWayBackMs(plan: Pick<RunPlan, 'steps' | 'recover'>, history: StepHistory): number {
  if (plan.recover !== null) return sum(plan.recover.steps, history);
  return sum(
    plan.steps.filter((step) => step.kind === 'uses' && step.undo !== null),
    history,
  );
}
