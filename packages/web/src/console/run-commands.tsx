/** What a person may tell a run now. Each asks for its reason and says first what it will do. */
import { routes } from '@sitelift/contract/routes.ts';
import type { RunView } from '@sitelift/contract/views.ts';
import { useRef, useState } from 'react';
import { ActionButton } from '../ui/action-button.tsx';
import { client, queryClient, runQuery } from './api.ts';

type Action = RunView['actions'][number];

/** In the order of the buttons. Skip, done by hand and resolve need more than a reason: the command line has them. */
const WORDS = [
  ['pause', 'Pause'],
  ['resume', 'Resume'],
  ['retry', 'Try again'],
  ['cancel', 'Cancel'],
  ['roll-back', 'Roll back'],
] as const;
/** These stay in sight when they are refused: who looks for them must learn why. */
const ALWAYS: ReadonlySet<string> = new Set(['cancel', 'roll-back']);

interface Offered {
  readonly action: Action;
  readonly word: string;
}

function offeredBy(run: RunView): readonly Offered[] {
  if (run.endedAt !== null) return [];
  return WORDS.flatMap(([name, word]) => {
    const action = run.actions.find((each) => each.name === name);
    return action !== undefined && (action.allowed || ALWAYS.has(name)) ? [{ action, word }] : [];
  });
}

export function RunCommands({ run }: { readonly run: RunView }) {
  const [chosen, setChosen] = useState<Offered | null>(null);
  const [reason, setReason] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  const offered = offeredBy(run);
  const open = (offer: Offered): void => {
    setChosen(offer);
    setError(null);
    setReason('');
    dialog.current?.showModal();
  };
  const send = async (): Promise<void> => {
    if (chosen === null) return;
    setBusy(true);
    try {
      const body = { verb: chosen.action.name, reason };
      await client.call(routes.commandRun, { params: { run: run.id }, body });
      dialog.current?.close();
      await queryClient.invalidateQueries({ queryKey: runQuery(run.id).queryKey });
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : 'The server did not answer');
    } finally {
      setBusy(false);
    }
  };
  const isBack = chosen !== null && ALWAYS.has(chosen.action.name);
  return (
    <>
      <div className="flex flex-wrap gap-2">
        {offered.map((offer) => (
          <span
            key={offer.action.name}
            title={offer.action.allowed ? undefined : offer.action.reasons.join('; ')}
          >
            <ActionButton
              isDisabled={!offer.action.allowed}
              look={offer.action.name === 'roll-back' ? 'danger' : 'plain'}
              onPress={() => open(offer)}
            >
              {offer.word}
              {!offer.action.allowed && (
                <span className="sr-only">, not now: {offer.action.reasons.join('; ')}</span>
              )}
            </ActionButton>
          </span>
        ))}
      </div>
      <dialog
        ref={dialog}
        aria-labelledby="command-title"
        className="m-auto w-full max-w-md rounded-xl border border-line2 bg-panel p-5 text-fg shadow-(--shadow) backdrop:bg-(--scrim)"
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <h2 id="command-title" className="text-lg font-semibold">
            {chosen?.word} <span className="mono">{run.instance}</span>
          </h2>
          <p className="mt-1 text-fg2">
            {run.fromVersion} → {run.toVersion}: {chosen?.action.does}.
          </p>
          <label className="mt-4 block">
            <span className="text-xs font-medium text-fg2">Reason</span>
            <input
              value={reason}
              onChange={(event) => setReason(event.target.value)}
              required
              maxLength={2_000}
              autoFocus
              className="mt-1 h-9 w-full rounded-md border border-line2 bg-bg px-3 text-base"
            />
            <span className="mt-1 block text-xs text-fg3">
              It stands in the journal of this run, beside your name.
            </span>
          </label>
          {error !== null && (
            <p role="alert" className="mt-3 text-fail">
              {error}
            </p>
          )}
          <div className="mt-5 flex justify-end gap-2">
            <ActionButton look="quiet" onPress={() => dialog.current?.close()}>
              Leave it as it is
            </ActionButton>
            <ActionButton type="submit" look={isBack ? 'danger' : 'primary'} isDisabled={busy}>
              {chosen?.word}
            </ActionButton>
          </div>
        </form>
      </dialog>
    </>
  );
}
