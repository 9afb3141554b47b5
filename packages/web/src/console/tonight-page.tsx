/** Tonight: what moves, how far it is, and why everything else does not. What waits for a person stands above all. */
import type { DecisionView, RunSummary } from '@sitelift/contract/views.ts';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import { city, dayAndTime, elapsed } from '../ui/format.ts';
import {
  StatusGlyph,
  statusOfDecision,
  statusOfRun,
  StatusWord,
  statusWord,
  wordOfRun,
  type Status,
} from '../ui/status.tsx';
import { planQuery, runsQuery } from './api.ts';
import { Empty, Failed, Loading, PageHeader } from './page-parts.tsx';
import { LiveDot } from './shell.tsx';

/** A run that ended longer ago than this is history, not tonight. */
const TONIGHT_MS = 18 * 3_600_000;

interface Row {
  readonly decision: DecisionView;
  readonly run: RunSummary | null;
  readonly status: Status;
}

export function rowsOf(
  decisions: readonly DecisionView[],
  runs: readonly RunSummary[],
  nowMs: number,
): readonly Row[] {
  const newest = new Map<string, RunSummary>();
  for (const run of runs) {
    const isOld = run.endedAt !== null && nowMs - Date.parse(run.endedAt) > TONIGHT_MS;
    const known = newest.get(run.instance);
    if (!isOld && (known === undefined || known.id < run.id)) newest.set(run.instance, run);
  }
  return decisions.map((decision) => {
    const run = newest.get(decision.instance) ?? null;
    return {
      decision,
      run,
      status: run === null ? statusOfDecision(decision.verdict) : statusOfRun(run.state),
    };
  });
}

function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

function Progress({ run }: { readonly run: RunSummary }) {
  const share = run.stepsTotal === 0 ? 0 : run.stepsDone / run.stepsTotal;
  const isBack = run.state === 'recovering' || run.state === 'undoing';
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden="true" className="h-1.5 w-20 overflow-hidden rounded-full bg-raised">
        <span
          className={`block h-full origin-left rounded-full ${isBack ? 'bg-back-bar' : 'bg-run-bar'}`}
          ref={(bar) => bar?.style.setProperty('width', `${Math.round(share * 100)}%`)}
        />
      </span>
      <span className="num text-xs text-fg3">
        {run.stepsDone}/{run.stepsTotal}
      </span>
    </span>
  );
}

function What({ row, nowMs }: { readonly row: Row; readonly nowMs: number }) {
  const { run, decision } = row;
  if (run === null) {
    const [first, ...more] = decision.reasons;
    return (
      <details>
        <summary className="cursor-default">
          {first?.detail}
          {more.length > 0 && <span className="text-fg3"> and {more.length} more</span>}
        </summary>
        <ul className="mt-1 mb-2 list-disc pl-5 text-fg2">
          {decision.reasons.map((reason) => (
            <li key={reason.code}>
              {reason.detail}
              {reason.clearsAt !== null &&
                ` Clears ${dayAndTime(reason.clearsAt, decision.zone)} ${city(decision.zone)}.`}
              {reason.clearedBy !== null && ` Cleared by ${reason.clearedBy}.`}
            </li>
          ))}
        </ul>
      </details>
    );
  }
  if (run.endedAt !== null) {
    const closed =
      run.closedAt !== null && run.openedAt !== null
        ? Date.parse(run.openedAt) - Date.parse(run.closedAt)
        : null;
    return (
      <span>
        {run.detail ??
          `Took ${elapsed(Date.parse(run.endedAt) - Date.parse(run.startedAt ?? run.createdAt))}`}
        {closed !== null && <span className="text-fg3">, page up {elapsed(closed)}</span>}
      </span>
    );
  }
  const left = run.forecastEndAt === null ? null : Date.parse(run.forecastEndAt) - nowMs;
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      <Progress run={run} />
      <span>{run.detail ?? run.step?.title}</span>
      {run.pointCrossed && <span className="text-xs text-fail">past the point of no return</span>}
      {left !== null && (
        <span className={`num text-xs ${left < 0 ? 'text-wait' : 'text-fg3'}`}>
          {left < 0 ? 'overdue' : `${elapsed(left)} left`}
        </span>
      )}
    </span>
  );
}

function SiteRow({ row, nowMs }: { readonly row: Row; readonly nowMs: number }) {
  const { decision, run, status } = row;
  const name = <span className="mono font-medium text-fg">{decision.instance}</span>;
  const starts = run?.startedAt ?? decision.startsAt;
  return (
    <tr className="border-b border-line align-top hover:bg-hover">
      <td className="py-1.5 pr-3 pl-4">
        <StatusWord status={status} word={run === null ? undefined : wordOfRun(run.state, run.waitingCode)} />
      </td>
      <th scope="row" className="py-1.5 pr-3 text-left font-normal">
        {run === null ? (
          name
        ) : (
          <Link
            to="/runs/$run"
            params={{ run: run.id }}
            className="underline decoration-line2 underline-offset-2"
          >
            {name}
          </Link>
        )}
        <span className="ml-2 text-xs text-fg3">{decision.customer}</span>
      </th>
      <td className="mono py-1.5 pr-3 whitespace-nowrap">
        {run === null ? decision.fromVersion : run.fromVersion}
        {(run?.toVersion ?? decision.toVersion) !== null &&
          (run?.toVersion ?? decision.toVersion) !== (run?.fromVersion ?? decision.fromVersion) && (
            <>
              <span className="text-fg3"> → </span>
              {run?.toVersion ?? decision.toVersion}
            </>
          )}
      </td>
      <td className="num py-1.5 pr-3 whitespace-nowrap text-fg2">
        {starts === null ? '–' : `${dayAndTime(starts, decision.zone)} ${city(decision.zone)}`}
      </td>
      <td className="py-1.5 pr-4 text-fg2">
        <What row={row} nowMs={nowMs} />
      </td>
    </tr>
  );
}

function NeedsYou({ rows }: { readonly rows: readonly Row[] }) {
  const waiting = rows.filter(
    ({ status, run }) =>
      status === 'waiting' && run !== null && wordOfRun(run.state, run.waitingCode) === undefined,
  );
  if (waiting.length === 0) return null;
  return (
    <section aria-label="Needs a person" className="border-b border-line bg-wait-bg px-4 py-3">
      {waiting.map(({ run, decision }) => (
        <p key={decision.instance} className="flex items-start gap-2 py-0.5">
          <StatusGlyph status="waiting" />
          <span>
            <Link
              to="/runs/$run"
              params={{ run: run?.id ?? '' }}
              className="mono font-medium underline underline-offset-2"
            >
              {decision.instance}
            </Link>{' '}
            {run?.detail}
          </span>
        </p>
      ))}
    </section>
  );
}

function Counts({ rows }: { readonly rows: readonly Row[] }) {
  const { show } = useSearch({ from: '/shell/' });
  const navigate = useNavigate();
  const counts = Map.groupBy(rows, ({ status }) => status);
  return (
    <div
      role="group"
      aria-label="Show only"
      className="flex flex-wrap items-center gap-1 border-b border-line px-3 py-1.5"
    >
      {[...counts].map(([status, found]) => (
        <Button
          key={status}
          aria-pressed={show === status}
          onPress={() => void navigate({ to: '/', search: show === status ? {} : { show: status } })}
          className="inline-flex h-7 items-center gap-1.5 rounded-md px-2 text-sm hover:bg-hover aria-pressed:bg-sel"
        >
          <StatusGlyph status={status} />
          {statusWord(status)}
          <span className="num text-fg3">{found.length}</span>
        </Button>
      ))}
    </div>
  );
}

export function TonightPage() {
  const plan = useQuery(planQuery);
  const runs = useQuery(runsQuery);
  const nowMs = useNow(1_000);
  const { show } = useSearch({ from: '/shell/' });
  if (plan.isPending || runs.isPending) return <Loading />;
  if (plan.isError) return <Failed error={plan.error} retry={() => void plan.refetch()} />;
  if (runs.isError) return <Failed error={runs.error} retry={() => void runs.refetch()} />;
  const rows = rowsOf(plan.data.decisions, runs.data.runs, nowMs);
  const shown = rows.filter(({ status }) => show === undefined || status === show);
  return (
    <>
      <PageHeader title="Tonight" aside={<span className="num text-fg2">{rows.length} sites</span>}>
        <LiveDot />
      </PageHeader>
      {plan.data.stopped !== null && (
        <p role="alert" className="border-b border-line bg-fail-bg px-4 py-2 font-medium text-fail">
          Everything is stopped by {plan.data.stopped.by}: {plan.data.stopped.reason}
        </p>
      )}
      <NeedsYou rows={rows} />
      {rows.length === 0 ? (
        <Empty title="The fleet is empty">
          Bring one in with <code className="mono">sitelift apply -f fleet/</code>, or start the demo with{' '}
          <code className="mono">npm start</code> in a new data directory.
        </Empty>
      ) : (
        <>
          <Counts rows={rows} />
          <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Sites tonight">
            <table className="w-full text-sm">
              <thead>
                <tr className="border-b border-line text-left text-xs text-fg3">
                  <th scope="col" className="py-2 pr-3 pl-4 font-medium">
                    State
                  </th>
                  <th scope="col" className="py-2 pr-3 font-medium">
                    Site
                  </th>
                  <th scope="col" className="py-2 pr-3 font-medium">
                    Versions
                  </th>
                  <th scope="col" className="py-2 pr-3 font-medium">
                    Start, site local
                  </th>
                  <th scope="col" className="py-2 pr-4 font-medium">
                    Step, or why not
                  </th>
                </tr>
              </thead>
              <tbody>
                {shown.map((row) => (
                  <SiteRow key={row.decision.instance} row={row} nowMs={nowMs} />
                ))}
              </tbody>
            </table>
            {shown.length === 0 && (
              <Empty title="No site is in this state now">Choose another one above.</Empty>
            )}
          </div>
        </>
      )}
    </>
  );
}
