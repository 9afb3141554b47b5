/**
 * May a person's word stand for a step (semantics 20)? A manual step takes it once it was handed out; an automatic one when
 * everything before it has ended. The point of no return is crossed by hand as by machine: not without a backup (22), and
 * crossed it stays (14). Closing and opening by hand are a claim until the proxy was seen to agree.
 */
import { missingBackup } from './backup-proof.ts';
import { no, yes, type CommandVerdict, type RunCommand } from './run-command.ts';
import type { Lane, RunEventBody } from './events.ts';
import { GRADE_ORDER } from './grades.ts';
import { isManual, mustBeSeenOpen } from './hand-work.ts';
import { openingVerdict } from './opening-verdict.ts';
import { ancestorsOf, type PlannedStep, type RunPlan, type UsesStep } from './plan.ts';
import { endedWell, stepRecord, type RunState, type StepRecord } from './run-state.ts';

/** The action that alone sees version, health and write check (semantics 10). */
const PROBE_ACTION = 'app/probe';

type Witness = Pick<RunEventBody & { kind: 'step-done-by-hand' }, 'observed' | 'backup'>;

/** What a person saw and made, where the step is about seeing or making; or why it does not do. */
function witnessOf(lane: Lane, step: UsesStep, command: RunCommand): Witness | { readonly lacks: string } {
  const { observed = null, backup = null } = command;
  if (lane === 'undo') return {};
  if (step.run.action === PROBE_ACTION && isManual(step)) {
    if (observed === null)
      return { lacks: 'say what you saw: the version, and whether a write went through' };
    return { observed };
  }
  if (step.require === null) return {};
  if (backup !== null && GRADE_ORDER[backup.grade] >= GRADE_ORDER[step.require]) return { backup };
  if (backup === null && !isManual(step)) return {};
  return { lacks: `say which backup it is: when it was begun, and that it is ${step.require}` };
}

function unmetNeeds(plan: RunPlan, state: RunState, lane: Lane, step: PlannedStep): readonly string[] {
  if (lane === 'undo') return [];
  const steps = lane === 'main' ? plan.steps : (plan.recover?.steps ?? []);
  return [...ancestorsOf(steps, step.id)].filter((id) => !endedWell(stepRecord(state, lane, id).state));
}

export function byHandVerdict(
  plan: RunPlan,
  state: RunState,
  lane: Lane,
  step: PlannedStep,
  record: StepRecord,
  command: RunCommand,
): CommandVerdict {
  const { actor: by, evidence } = command;
  if (step.kind !== 'uses') return no(`"${step.title}" is nothing that a person does`);
  const manual = isManual(step);
  const seenOpen = mustBeSeenOpen(plan, lane, step.id);
  if (seenOpen !== null && !manual)
    return no("closing and opening by hand need the proxy's state observed: do it, then retry the step");
  if (manual && record.state !== 'waiting') return no(`step ${step.id} has not been handed out yet`);
  if (evidence === null || evidence === '') return no('done by hand needs evidence: what was seen');
  const unmet = manual ? [] : unmetNeeds(plan, state, lane, step);
  if (unmet.length > 0) return no(...unmet.map((id) => `step ${id} has not ended well`));
  const witness = witnessOf(lane, step, command);
  if ('lacks' in witness) return no(witness.lacks);
  if (seenOpen === true) {
    const verdict = openingVerdict(plan, state, lane, step.id);
    if (!verdict.allowed) return no(...verdict.reasons.map((reason) => `the site may not open: ${reason}`));
  }
  if (seenOpen !== null) {
    const does = `looks at the proxy, and records "${step.title}" as done by hand if the site is seen ${seenOpen ? 'open' : 'closed'}`;
    return yes(does, { kind: 'hand-claimed', lane, step: step.id, by, evidence });
  }
  const done: RunEventBody = { kind: 'step-done-by-hand', lane, step: step.id, by, evidence, ...witness };
  if (lane !== 'main' || !step.pointOfNoReturn || state.pointCrossed)
    return yes(`records "${step.title}" as done by hand`, done);
  const missing = missingBackup(plan, state, null);
  if (missing !== null) return no(`it is the point of no return, and ${missing}`);
  return yes(
    `records "${step.title}" as done by hand: from here, going back means restoring`,
    { kind: 'step-handed-out', lane, step: step.id, attempt: record.attempt + 1 },
    done,
  );
}
