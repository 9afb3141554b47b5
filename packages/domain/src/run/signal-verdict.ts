/**
 * A signal from outside: the run keeps it whether or not a step waits for it yet, so that it can never come too early. The
 * first word of each name counts and a repeat changes nothing; a name that no step ever waits for is a slip and is refused.
 */
import { no, yes, type CommandVerdict } from './run-command.ts';
import type { RunPlan } from './plan.ts';
import { runStateName, type RunState } from './run-state.ts';

/** The names that the steps of this plan wait for, in their order. */
export function signalsOf(plan: RunPlan): readonly string[] {
  const names = plan.steps.flatMap((step) =>
    step.kind === 'wait' && step.until.kind === 'signal' ? [step.until.name] : [],
  );
  return [...new Set(names)];
}

export function decideSignal(plan: RunPlan, state: RunState, name: string, by: string): CommandVerdict {
  const known = signalsOf(plan);
  if (!known.includes(name))
    return no(
      `no step of this run waits for it; it knows ${known.length === 0 ? 'no signal' : known.join(', ')}`,
    );
  // A repeat after a lost answer gets the same one, also when the run has ended meanwhile.
  if (state.signals[name] !== undefined) return yes('changes nothing: it was received before');
  if (state.ended !== null) return no(`the run has ended: ${runStateName(state)}`);
  return yes(`lets the step go on that waits for ${name}`, { kind: 'signal-received', name, by });
}
