/** The playbook of a run: every step of it, also those still to come, with its time against what was forecast. */
import type { RunStepView, RunView } from '@sitelift/contract/views.ts';
import { useEffect, useRef } from 'react';
import { elapsed, sentence } from '../ui/format.ts';
import { StatusGlyph, statusOfStep } from '../ui/status.tsx';
import { useNow } from '../ui/use-now.ts';

function Running({ since, forecastMs }: { readonly since: string; readonly forecastMs: number }) {
  const ms = useNow(1_000) - Date.parse(since);
  return (
    <span className={`num shrink-0 ${ms > forecastMs ? 'text-wait' : 'text-run'}`}>
      {elapsed(ms)} <span className="text-fg3">of ~{elapsed(forecastMs)}</span>
    </span>
  );
}

function Took({ step }: { readonly step: RunStepView }) {
  const { startedAt, endedAt, forecastMs, state } = step;
  if (startedAt !== null && endedAt !== null) {
    const ms = Date.parse(endedAt) - Date.parse(startedAt);
    return <span className="num shrink-0 text-fg2">{elapsed(ms)}</span>;
  }
  if (startedAt !== null && state === 'running') return <Running since={startedAt} forecastMs={forecastMs} />;
  return <span className="num shrink-0 text-fg3">~{elapsed(forecastMs)}</span>;
}

/** What is usual is told by the glyph alone; the word is there for who does not see it. */
function StateWord({ state }: { readonly state: RunStepView['state'] }) {
  const isUsual = state === 'succeeded' || state === 'pending' || state === 'running';
  return <span className={isUsual ? 'sr-only' : undefined}> · {state.replaceAll('-', ' ')}</span>;
}

/** Where the run is. */
const NOW: ReadonlySet<RunStepView['state']> = new Set(['running', 'waiting', 'unknown', 'retrying']);

function StepItem({ step, isOver }: { readonly step: RunStepView; readonly isOver: boolean }) {
  const isCurrent = NOW.has(step.state);
  const notReached = step.state === 'pending';
  return (
    <li
      aria-current={isCurrent ? 'step' : undefined}
      className="flex gap-2.5 border-l-2 border-transparent py-1.5 pr-4 pl-3.5 aria-[current=step]:border-accent aria-[current=step]:bg-raised"
    >
      <span className="pt-0.5">
        <StatusGlyph status={notReached && isOver ? 'skipped' : statusOfStep(step.state)} />
      </span>
      <span className="min-w-0 flex-1">
        <span className="flex justify-between gap-2">
          <span className={notReached ? 'text-fg2' : 'text-fg'}>{step.title}</span>
          {!(notReached && isOver) && <Took step={step} />}
        </span>
        <span className="block text-xs text-fg3">
          <span className="mono">{step.action ?? step.kind}</span>
          {notReached && isOver ? ' · not reached' : <StateWord state={step.state} />}
          {step.attempt > 1 && ` · attempt ${step.attempt}`}
        </span>
        {step.pointOfNoReturn && (
          <span className="block text-xs text-fg2">
            Point of no return: from here, back means restoring the backup
          </span>
        )}
        {step.detail !== null && step.detail !== '' && (
          <span className={`block text-xs ${step.state === 'failed' ? 'text-fail' : 'text-wait'}`}>
            {sentence(step.detail)}
          </span>
        )}
      </span>
    </li>
  );
}

export function RunSteps({ run }: { readonly run: RunView }) {
  const isOver = run.endedAt !== null;
  const pane = useRef<HTMLElement>(null);
  const now = run.steps.find(({ state }) => NOW.has(state))?.id;
  // Where the run is stays in sight; the page itself does not move.
  useEffect(() => {
    const step = pane.current?.querySelector<HTMLElement>('[aria-current=step]');
    const box = pane.current;
    if (step === undefined || step === null || box === null) return;
    const below = step.offsetTop + step.offsetHeight - box.offsetTop - box.clientHeight;
    if (below > box.scrollTop) box.scrollTop = below;
  }, [now]);
  const main = run.steps.filter(({ lane }) => lane === 'main');
  const recover = run.steps.filter(
    ({ lane, state }) => lane === 'recover' && (state !== 'pending' || run.state === 'recovering'),
  );
  return (
    <section
      ref={pane}
      aria-label="Playbook"
      tabIndex={0}
      className="shrink-0 border-line pb-3 max-lg:border-b lg:w-84 lg:overflow-y-auto lg:border-r"
    >
      <h2 className="px-4 pt-3 pb-1.5 text-xs text-fg3">
        Playbook <span className="mono text-fg2">{run.playbook.name}</span>
      </h2>
      <ol>
        {main.map((step) => (
          <StepItem key={step.id} step={step} isOver={isOver || recover.length > 0} />
        ))}
      </ol>
      {recover.length > 0 && (
        <>
          <h2 className="mt-2 border-t border-line px-4 pt-3 pb-1.5 text-xs text-back">
            Going back <span className="mono">{run.recover?.name}</span>
          </h2>
          <ol>
            {recover.map((step) => (
              <StepItem key={step.id} step={step} isOver={isOver} />
            ))}
          </ol>
        </>
      )}
    </section>
  );
}
