/**
 * What the steps print, as it comes. It follows the end until somebody scrolls up; a screen reader hears changes of state
 * from the page, not every line of this.
 */
import type { LogLineView, RunView } from '@sitelift/contract/views.ts';
import { useQuery } from '@tanstack/react-query';
import { ArrowDown } from 'lucide-react';
import { memo, useEffect, useRef, useState } from 'react';
import { city, clock } from '../ui/format.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { meQuery, type Liveness } from './api.ts';
import { LiveDot } from './live-dot.tsx';

/** This close to the end somebody still reads along, pixels. */
const AT_END_PX = 24;

const TONES = { out: 'text-fg', err: 'text-wait', note: 'text-fg2' } as const;
/** Not by colour alone. */
const MARKS = { out: ' ', err: '!', note: '·' } as const;

const Line = memo(function Line({
  line,
  zone,
  title,
}: {
  readonly line: LogLineView;
  readonly zone: string;
  /** Of the step, at its first line. */
  readonly title: string | null;
}) {
  return (
    <>
      {title !== null && (
        <div className="mt-1 bg-raised px-4 py-0.5 font-medium first:mt-0">
          {title}
          {line.attempt > 1 && <span className="num font-normal text-fg3"> attempt {line.attempt}</span>}
        </div>
      )}
      <div className="mono flex gap-3 px-4 whitespace-pre">
        <span className="shrink-0 text-fg3">{clock(line.at, zone)}</span>
        <span className={TONES[line.stream]}>
          {MARKS[line.stream]} {line.text}
        </span>
      </div>
    </>
  );
});

function titlesOf(run: RunView): ReadonlyMap<string, string> {
  const recover = (lane: string): boolean => lane === 'recover';
  return new Map(
    run.steps.flatMap(({ lane, id, title }) =>
      recover(lane)
        ? [[`recover ${id}`, title]]
        : [
            [`main ${id}`, title],
            [`undo ${id}`, `Undo: ${title}`],
          ],
    ),
  );
}

function startsPart(line: LogLineView, before: LogLineView | undefined): boolean {
  return before?.step !== line.step || before.lane !== line.lane || before.attempt !== line.attempt;
}

export function RunLog({
  run,
  lines,
  liveness,
}: {
  readonly run: RunView;
  readonly lines: readonly LogLineView[];
  readonly liveness: Liveness;
}) {
  const me = useQuery(meQuery);
  const [following, setFollowing] = useState(true);
  const pane = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (following && pane.current !== null) pane.current.scrollTop = pane.current.scrollHeight;
  }, [lines, following]);
  const onScroll = (): void => {
    const at = pane.current;
    if (at !== null) setFollowing(at.scrollHeight - at.scrollTop - at.clientHeight < AT_END_PX);
  };
  const titles = titlesOf(run);
  const mayRead = me.data === undefined || me.data.scopes.includes('operate');
  const nothing = !mayRead
    ? 'The output of steps is shown to operators. Ask an administrator for the role.'
    : run.endedAt === null
      ? 'No step has printed anything yet.'
      : 'No step printed anything.';
  return (
    <section aria-label="Log" className="flex min-h-64 min-w-0 flex-1 flex-col">
      <h2 className="flex flex-wrap items-center gap-x-3 border-b border-line px-4 py-2 font-medium">
        Log {run.endedAt === null && <LiveDot liveness={liveness} />}
        <span className="num ml-auto text-xs font-normal text-fg3">
          {lines.length} {lines.length === 1 ? 'line' : 'lines'}, times in {city(run.zone)}
        </span>
      </h2>
      <div
        ref={pane}
        onScroll={onScroll}
        role="log"
        aria-live="off"
        aria-label="Output of the steps"
        tabIndex={0}
        className="min-h-0 flex-1 overflow-auto pb-2 -outline-offset-2 max-lg:max-h-96"
      >
        {lines.length === 0 && <p className="px-4 py-2 text-fg3">{nothing}</p>}
        <div className="w-max min-w-full">
          {lines.map((line, index) => (
            <Line
              key={line.id}
              line={line}
              zone={run.zone}
              title={
                startsPart(line, lines[index - 1])
                  ? (titles.get(`${line.lane} ${line.step}`) ?? line.step)
                  : null
              }
            />
          ))}
        </div>
      </div>
      {!following && (
        <div className="flex justify-end border-t border-line px-4 py-1.5">
          <ActionButton look="quiet" onPress={() => setFollowing(true)}>
            <ArrowDown size={14} aria-hidden="true" /> Latest line
          </ActionButton>
        </div>
      )}
    </section>
  );
}
