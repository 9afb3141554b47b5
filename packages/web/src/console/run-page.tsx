/** One run as it happens: every step with its time, the log, what a person may do now and what each would do. */
import { routes } from '@sitelift/contract/routes.ts';
import type { LogLineView, RunStepView, RunView } from '@sitelift/contract/views.ts';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { city, clock, dayAndTime, elapsed } from '../ui/format.ts';
import { StatusGlyph, statusOfRun, statusOfStep, StatusWord, wordOfRun } from '../ui/status.tsx';
import { client, queryClient, runQuery, useRunStream, type Liveness } from './api.ts';
import { Failed, Loading } from './page-parts.tsx';
import { LiveDot } from './shell.tsx';

function StepItem({ step }: { readonly step: RunStepView }) {
  const took =
    step.startedAt !== null && step.endedAt !== null
      ? Date.parse(step.endedAt) - Date.parse(step.startedAt)
      : null;
  const isCurrent = step.state === 'running' || step.state === 'unknown' || step.state === 'retrying';
  return (
    <li
      aria-current={isCurrent ? 'step' : undefined}
      className="flex gap-2 border-l-2 border-transparent px-4 py-2 aria-[current=step]:border-accent aria-[current=step]:bg-raised"
    >
      <span className="pt-0.5">
        <StatusGlyph status={statusOfStep(step.state)} />
      </span>
      <span className="min-w-0 flex-1">
        <span className="flex justify-between gap-2">
          <span className={step.state === 'pending' ? 'text-fg2' : 'text-fg'}>{step.title}</span>
          <span className="num text-fg3">
            {took === null ? `~${elapsed(step.forecastMs)}` : elapsed(took)}
          </span>
        </span>
        <span className="block text-xs text-fg3">
          <span className="mono">{step.action ?? step.kind}</span>
          {step.state === 'pending' ? '' : ` · ${step.state}`}
          {step.attempt > 1 && ` · attempt ${step.attempt}`}
        </span>
        {step.pointOfNoReturn && (
          <span className="block text-xs text-fail">
            Point of no return: from here, back means restoring the backup
          </span>
        )}
        {step.detail !== null && step.detail !== '' && (
          <span className="block text-xs text-wait">{step.detail}</span>
        )}
      </span>
    </li>
  );
}

function Steps({ run }: { readonly run: RunView }) {
  const main = run.steps.filter(({ lane }) => lane === 'main');
  const recover = run.steps.filter(
    ({ lane, state }) => lane === 'recover' && (state !== 'pending' || run.state === 'recovering'),
  );
  return (
    <section
      aria-label="Playbook"
      className="shrink-0 border-line max-lg:border-b lg:w-80 lg:overflow-y-auto lg:border-r"
    >
      <h2 className="px-4 pt-3 pb-1 text-xs text-fg3">
        Playbook{' '}
        <span className="mono text-fg2">
          {run.playbook.name}@{run.playbook.digest.slice(0, 8)}
        </span>
      </h2>
      <ol>
        {main.map((step) => (
          <StepItem key={step.id} step={step} />
        ))}
      </ol>
      {recover.length > 0 && (
        <>
          <h2 className="border-t border-line px-4 pt-3 pb-1 text-xs text-back">
            Going back: {run.recover?.name}
          </h2>
          <ol>
            {recover.map((step) => (
              <StepItem key={step.id} step={step} />
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function Log({
  lines,
  zone,
  liveness,
}: {
  readonly lines: readonly LogLineView[];
  readonly zone: string;
  readonly liveness: Liveness;
}) {
  const [following, setFollowing] = useState(true);
  const pane = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (following && pane.current !== null) pane.current.scrollTop = pane.current.scrollHeight;
  }, [lines, following]);
  const onScroll = (): void => {
    const at = pane.current;
    if (at !== null) setFollowing(at.scrollHeight - at.scrollTop - at.clientHeight < 24);
  };
  return (
    <section aria-label="Log" className="flex min-h-64 min-w-0 flex-1 flex-col">
      <h2 className="flex items-center gap-3 border-b border-line px-4 py-2 font-medium">
        Log <LiveDot liveness={liveness} />
        <span className="num ml-auto text-xs font-normal text-fg3">
          {lines.length} lines, times in {city(zone)}
        </span>
      </h2>
      <div
        ref={pane}
        onScroll={onScroll}
        role="log"
        aria-live="off"
        aria-label="Output of the steps"
        tabIndex={0}
        className="min-h-0 flex-1 overflow-auto py-2 max-lg:max-h-96"
      >
        {lines.length === 0 && <p className="px-4 text-fg3">No step has printed anything yet.</p>}
        {lines.map((line, index) => (
          <div key={line.id} className="mono flex gap-3 px-4 whitespace-pre">
            <span className="w-16 shrink-0 text-fg3">{clock(line.at, zone)}</span>
            <span className="w-28 shrink-0 truncate text-fg3">
              {lines[index - 1]?.step === line.step ? '' : line.step}
            </span>
            <span
              className={
                line.stream === 'err' ? 'text-wait' : line.stream === 'note' ? 'text-fg2' : 'text-fg'
              }
            >
              {line.text}
            </span>
          </div>
        ))}
      </div>
      {!following && (
        <Button
          onPress={() => setFollowing(true)}
          className="h-8 border-t border-line text-sm hover:bg-hover"
        >
          Jump to the latest line
        </Button>
      )}
    </section>
  );
}

function Actions({ run }: { readonly run: RunView }) {
  const [chosen, setChosen] = useState<RunView['actions'][number] | null>(null);
  const [reason, setReason] = useState('');
  const [error, setError] = useState<string | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const open = (action: RunView['actions'][number]): void => {
    setChosen(action);
    setError(null);
    setReason('');
    dialog.current?.showModal();
  };
  const send = async (): Promise<void> => {
    if (chosen === null) return;
    try {
      await client.call(routes.commandRun, { params: { run: run.id }, body: { verb: chosen.name, reason } });
      dialog.current?.close();
      await queryClient.invalidateQueries({ queryKey: runQuery(run.id).queryKey });
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : 'That did not work');
    }
  };
  const words: Readonly<Record<string, string>> = {
    pause: 'Pause',
    resume: 'Resume',
    cancel: 'Cancel',
    retry: 'Try again',
    'roll-back': 'Roll back',
  };
  const shown = run.actions.filter(
    ({ name, allowed }) =>
      words[name] !== undefined && (allowed || name === 'roll-back' || name === 'cancel'),
  );
  if (run.endedAt !== null) return null;
  return (
    <div className="flex flex-wrap gap-2">
      {shown.map((action) => (
        <Button
          key={action.name}
          isDisabled={!action.allowed}
          onPress={() => open(action)}
          className="h-8 rounded-md border border-line2 px-3 text-sm hover:bg-hover disabled:opacity-50"
        >
          <span title={action.allowed ? (action.does ?? '') : action.reasons.join('; ')}>
            {words[action.name]}
          </span>
        </Button>
      ))}
      <dialog
        ref={dialog}
        aria-label={words[chosen?.name ?? ''] ?? 'Command'}
        className="m-auto w-full max-w-md rounded-xl border border-line2 bg-panel p-5 text-fg shadow-(--shadow) backdrop:bg-(--scrim)"
      >
        <form
          method="dialog"
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <h2 className="text-lg font-semibold">
            {words[chosen?.name ?? '']} {run.instance}
          </h2>
          <p className="mt-1 text-fg2">It {chosen?.does}.</p>
          <label className="mt-3 block">
            <span className="text-xs font-medium text-fg2">Reason</span>
            <input
              value={reason}
              onChange={(event) => setReason(event.target.value)}
              required
              className="mt-1 h-9 w-full rounded-md border border-line2 bg-bg px-3"
            />
          </label>
          {error !== null && (
            <p role="alert" className="mt-2 text-fail">
              {error}
            </p>
          )}
          <div className="mt-4 flex justify-end gap-2">
            <Button onPress={() => dialog.current?.close()} className="h-8 rounded-md px-3 hover:bg-hover">
              Leave it
            </Button>
            <Button type="submit" className="h-8 rounded-md bg-pri px-3 font-medium text-onpri">
              {words[chosen?.name ?? '']}
            </Button>
          </div>
        </form>
      </dialog>
    </div>
  );
}

export function RunPage() {
  const { run: id } = useParams({ from: '/shell/runs/$run' });
  const query = useQuery(runQuery(id));
  const { liveness, lines } = useRunStream(id);
  if (query.isPending) return <Loading />;
  if (query.isError) return <Failed error={query.error} retry={() => void query.refetch()} />;
  const run = query.data;
  const closedMs =
    run.closedAt === null || run.openedAt === null
      ? null
      : Date.parse(run.openedAt) - Date.parse(run.closedAt);
  return (
    <div className="flex flex-col lg:h-[calc(100dvh-12px)]">
      <header className="flex flex-wrap items-center gap-x-6 gap-y-2 border-b border-line px-4 py-3">
        <div>
          <h1 className="text-xl font-semibold">{run.instance}</h1>
          <p className="mono text-fg2">
            {run.fromVersion} → {run.toVersion}
          </p>
        </div>
        <StatusWord status={statusOfRun(run.state)} word={wordOfRun(run.state, run.waitingCode)} />
        <dl className="flex flex-wrap gap-x-6 text-xs text-fg3">
          <div>
            <dt>Site</dt>
            <dd className="text-sm text-fg">
              {run.siteOpen === null ? 'not known' : run.siteOpen ? 'open' : 'maintenance page'}
            </dd>
          </div>
          {closedMs !== null && (
            <div>
              <dt>Page was up</dt>
              <dd className="num text-sm text-fg">{elapsed(closedMs)}</dd>
            </div>
          )}
          {run.backup !== null && (
            <div>
              <dt>Backup</dt>
              <dd className="text-sm text-fg">
                {run.backup.grade}, begun {clock(run.backup.begunAt, run.zone)}
              </dd>
            </div>
          )}
          {run.endedAt === null && run.forecastEndAt !== null && (
            <div>
              <dt>Forecast end</dt>
              <dd className="num text-sm text-fg">
                {dayAndTime(run.forecastEndAt, run.zone)} {city(run.zone)}
              </dd>
            </div>
          )}
          {run.endedAt !== null && (
            <div>
              <dt>Ended</dt>
              <dd className="num text-sm text-fg">
                {dayAndTime(run.endedAt, run.zone)} {city(run.zone)}
              </dd>
            </div>
          )}
        </dl>
        <div className="ml-auto">
          <Actions run={run} />
        </div>
      </header>
      {run.detail !== null && (
        <p
          role="status"
          className={`flex items-start gap-2 border-b border-line px-4 py-2 ${statusOfRun(run.state) === 'rolledback' ? 'bg-back-bg' : 'bg-wait-bg'}`}
        >
          <span className="pt-0.5">
            <StatusGlyph status={statusOfRun(run.state)} />
          </span>
          {run.detail}
        </p>
      )}
      <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
        <Steps run={run} />
        <Log lines={lines} zone={run.zone} liveness={liveness} />
      </div>
    </div>
  );
}
