/** A person's command to a run: pause, resume, cancel, retry, skip, done by hand, resolve, roll back. */
import { decideCommand, type RunCommand } from '@sitelift/domain/run/command-verdict.ts';
import { tellRun, type CommandDeps, type CommandResult } from './tell-run.ts';

export async function commandRun(
  deps: CommandDeps,
  runId: string,
  command: RunCommand,
): Promise<CommandResult> {
  const { actor, verb, reason, step, as, evidence, observed = null, backup = null } = command;
  const witness = { ...(observed === null ? {} : { observed }), ...(backup === null ? {} : { backup }) };
  const said = { step, as, evidence, ...witness };
  return tellRun(deps, runId, { actor, verb: `run-${verb}`, reason, said }, ({ plan, state }) =>
    decideCommand(plan, state, command),
  );
}
