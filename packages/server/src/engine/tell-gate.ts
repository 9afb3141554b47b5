/** A person's word at a gate, recorded by the staff for now. The first decision wins under the run's row lock. */
import { decideItem, decideVote, type ItemCheck, type Vote } from '@sitelift/domain/run/gate-verdict.ts';
import { tellRun, type CommandDeps, type CommandResult } from './tell-run.ts';

export async function voteAtGate(deps: CommandDeps, runId: string, vote: Vote): Promise<CommandResult> {
  const { by, reason, step, decision, evidence } = vote;
  const word = { actor: by, verb: 'gate-vote', reason, said: { step, decision, evidence } };
  return tellRun(deps, runId, word, ({ plan, state, requestedBy }) =>
    decideVote(plan, state, vote, requestedBy),
  );
}

export async function checkGateItem(
  deps: CommandDeps,
  runId: string,
  check: ItemCheck,
): Promise<CommandResult> {
  const { by, note, step, checklist, item, result } = check;
  const word = { actor: by, verb: 'gate-item', reason: note, said: { step, checklist, item, result } };
  return tellRun(deps, runId, word, ({ plan, state }) => decideItem(plan, state, check));
}
