/** A signal to a run, by name; kept from the first time on, whether or not a step waits for it yet. A repeat changes nothing. */
import { decideSignal } from '@sitelift/domain/run/signal-verdict.ts';
import { tellRun, type CommandDeps, type CommandResult } from './tell-run.ts';

export async function signalRun(
  deps: CommandDeps,
  runId: string,
  signal: { readonly name: string; readonly actor: string; readonly reason: string },
): Promise<CommandResult> {
  const { name, actor, reason } = signal;
  return tellRun(
    deps,
    runId,
    { actor, verb: 'run-signal', reason, said: { signal: name } },
    ({ plan, state }) => decideSignal(plan, state, name, actor),
  );
}
