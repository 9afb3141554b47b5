/**
 * Rule 10 of the semantics, for the explanation: may this step open the site, and if not, every reason why. The SQL
 * function `opening_allowed` says the same for the truth, in the transaction that claims the step; a disagreement refuses.
 *
 * "All undo has ended" in 10(b) is read as: of everything that began after this site was closed. What began before closing
 * (staged code beside the old) is taken back after opening, in reverse order of start (rule 16).
 */
import type { Lane } from './events.ts';
import { ancestorsOf, type RunPlan } from './plan.ts';
import { endedWell, gatePassed, stepRecord, type RunState } from './run-state.ts';

export type OpeningVerdict =
  { readonly allowed: true } | { readonly allowed: false; readonly reasons: readonly string[] };

function siteReasons(state: RunState, version: string, needsWrite: boolean): string[] {
  const seen = state.observed;
  if (seen === null || seen.seq <= state.lastMutationSeq) {
    return [`version ${version} was not observed after the last change to the site`];
  }
  const reasons: string[] = [];
  if (seen.site.version !== version)
    reasons.push(
      `the site shows version ${seen.site.version ?? 'none'}, not ${version}${seen.site.problem === null ? '' : ` (${seen.site.problem})`}`,
    );
  if (needsWrite && seen.site.writeOk !== true)
    reasons.push(`no write check has passed on version ${version}`);
  return reasons;
}

/** `stepId` is the opening step of its lane; in the undo lane, the closing step that is being taken back. */
export function openingVerdict(plan: RunPlan, state: RunState, lane: Lane, stepId: string): OpeningVerdict {
  const reasons: string[] = [];
  if (lane === 'undo') {
    if (state.pointCrossed) reasons.push('the point of no return was crossed');
    const closing = stepRecord(state, 'main', stepId);
    for (const step of plan.steps) {
      if (step.kind !== 'uses' || step.undo === null || step.id === stepId) continue;
      const record = stepRecord(state, 'main', step.id);
      if (record.startedSeq === null || record.state === 'undone' || record.notApplied) continue;
      if (record.startedSeq > (closing.startedSeq ?? 0)) reasons.push(`step ${step.id} is not undone`);
    }
    reasons.push(...siteReasons(state, plan.from.version, false));
  } else {
    const steps = lane === 'main' ? plan.steps : (plan.recover?.steps ?? []);
    for (const id of ancestorsOf(steps, stepId)) {
      const record = stepRecord(state, lane, id);
      if (!endedWell(record.state)) reasons.push(`step ${id} is ${record.state}`);
      else if (steps.find((step) => step.id === id)?.kind === 'gate' && !gatePassed(record.gate))
        reasons.push(`gate ${id} is not passed`);
    }
    reasons.push(...siteReasons(state, lane === 'main' ? plan.to.version : plan.from.version, true));
  }
  return reasons.length === 0 ? { allowed: true } : { allowed: false, reasons };
}
