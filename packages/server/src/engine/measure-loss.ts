/** Measures what going back would lose, for the journal. It changes nothing, so that whatever ends it may end it. */
import type { RunEventBody } from '@sitelift/domain/run/events.ts';
import { readLoss } from '@sitelift/domain/run/loss.ts';
import type { ActionRunner, AttemptScope } from './action-runner.ts';
import type { RunHandle } from './run-store.ts';

/** What it is called in logs. No step: nothing waits for it, and nothing of it is left to be looked at. */
export const LOSS_STEP = 'measure-loss';

/** Nothing when a person's word ended it: what is decided next may not need it any more. */
export async function measureLoss(
  runner: ActionRunner,
  run: RunHandle,
  lane: 'main' | 'recover',
  scope: AttemptScope,
): Promise<readonly RunEventBody[]> {
  const measured = (problem: string | null, loss: ReturnType<typeof readLoss> = null) =>
    [{ kind: 'loss-measured', lane, loss, problem }] as const;
  const { backup } = run.state;
  const { loss: bound } = run.plan;
  if (bound === undefined || bound === null || backup === null)
    return measured('nothing is bound that could measure it');
  const outcome = await runner.apply(bound, scope);
  if (scope.signal.aborted) return [];
  switch (outcome.kind) {
    case 'done':
    case 'already-done': {
      const loss = readLoss(outcome.output ?? {}, backup.begunAt, scope.nowMs());
      return loss === null ? measured(`${bound.action} gave no report`) : measured(null, loss);
    }
    case 'retry-later':
    case 'failed':
    case 'unknown':
      return measured(outcome.reason);
    default:
      return outcome satisfies never;
  }
}
