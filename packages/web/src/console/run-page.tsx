/** One run as it happens: every step with its time, the log, what a person may do now and what each would do. */
import type { RunView } from '@sitelift/contract/views.ts';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { city, clock, dayAndTime, elapsed, sentence, size } from '../ui/format.ts';
import { StatusGlyph, statusOfRun, StatusWord, wordOfRun } from '../ui/status.tsx';
import { useNow } from '../ui/use-now.ts';
import { runQuery, useRunStream } from './api.ts';
import { Failed, Loading, PageHeader, Stale, usePageTitle } from './page-parts.tsx';
import { BailOut, RunLoss } from './run-loss.tsx';
import { RunCommands } from './run-commands.tsx';
import { RunLog } from './run-log.tsx';
import { RunSteps } from './run-steps.tsx';
import { needsAPerson } from './tonight-rows.ts';

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-fg3">{name}</dt>
      <dd className="num">{children}</dd>
    </div>
  );
}

/** How long nobody could use the site: still counting while the page is up. */
function PageUp({ since, until }: { readonly since: string; readonly until: string | null }) {
  const now = useNow(1_000);
  return <>{elapsed((until === null ? now : Date.parse(until)) - Date.parse(since))}</>;
}

function siteWord({ siteOpen }: RunView): string {
  return siteOpen === null ? 'not known' : siteOpen ? 'open' : 'maintenance page';
}

function Facts({ run }: { readonly run: RunView }) {
  const { zone, closedAt, openedAt, endedAt, forecastEndAt, backup } = run;
  return (
    <dl className="flex flex-wrap gap-x-6 gap-y-2">
      <Fact name="Site">
        <span className={run.siteOpen === false ? 'text-wait' : undefined}>{siteWord(run)}</span>
      </Fact>
      {closedAt !== null && (
        <Fact name="Maintenance page up">
          <PageUp since={closedAt} until={openedAt} />
        </Fact>
      )}
      {backup !== null && (
        <Fact name={backup.grade === 'restored' ? 'Backup, proven by a restore' : `Backup, ${backup.grade}`}>
          {clock(backup.begunAt, zone)}, {size(backup.bytes)}
        </Fact>
      )}
      {endedAt === null && forecastEndAt !== null && (
        <Fact name="Forecast end">
          {clock(forecastEndAt, zone)} {city(zone)}
        </Fact>
      )}
      {endedAt !== null && (
        <Fact name="Ended">
          {dayAndTime(endedAt, zone)} {city(zone)}
        </Fact>
      )}
      {run.bailOutAt !== null && (
        <Fact name="Going back still fits for">
          <BailOut at={run.bailOutAt} zone={zone} />
        </Fact>
      )}
      {run.window !== null && endedAt === null && (
        <Fact name="Window closes">
          {clock(run.window.closesAt, zone)} {city(zone)}
        </Fact>
      )}
    </dl>
  );
}

const BANNERS: Readonly<Record<string, string>> = { rolledback: 'bg-back-bg', failed: 'bg-fail-bg' };

function Banner({ run }: { readonly run: RunView }) {
  const status = statusOfRun(run.state);
  const lead = needsAPerson(run) ? 'This run waits for a person. ' : '';
  if (run.detail === null && lead === '') return null;
  return (
    <p
      role="status"
      className={`flex items-start gap-2 border-b border-line px-4 py-2.5 ${BANNERS[status] ?? 'bg-wait-bg'}`}
    >
      <span className="pt-1">
        <StatusGlyph status={status} />
      </span>
      <span>
        <strong className="font-medium">{lead}</strong>
        {run.detail !== null && sentence(run.detail)}
      </span>
    </p>
  );
}

function Header({ run }: { readonly run: RunView }) {
  const heading = usePageTitle(`${run.instance} ${run.fromVersion} → ${run.toVersion}`);
  return (
    <header className="border-b border-line px-4 py-3">
      <nav aria-label="Where this is" className="mb-1 text-xs text-fg3">
        <Link to="/" className="hover:underline">
          Tonight
        </Link>{' '}
        › <span className="mono">{run.id}</span>
      </nav>
      <div className="flex flex-wrap items-center gap-x-8 gap-y-3">
        <div className="flex flex-wrap items-center gap-x-3">
          <h1 ref={heading} tabIndex={-1} className="text-xl font-semibold">
            {run.instance}
          </h1>
          <span className="mono text-fg2">
            {run.fromVersion} → <span className="text-fg">{run.toVersion}</span>
          </span>
          <StatusWord status={statusOfRun(run.state)} word={wordOfRun(run.state, run.waitingCode)} />
          <a href={run.url} className="text-xs text-fg2 underline decoration-line2 underline-offset-3">
            Open the site
          </a>
        </div>
        <Facts run={run} />
        <div className="ml-auto">
          <RunCommands run={run} />
        </div>
      </div>
    </header>
  );
}

export function RunPage() {
  const { run: id } = useParams({ from: '/shell/runs/$run' });
  const query = useQuery(runQuery(id));
  const { liveness, lines } = useRunStream(id);
  const run = query.data;
  if (run === undefined) {
    return (
      <>
        <PageHeader title="Run" aside={<span className="mono text-fg2">{id}</span>} />
        {query.isError ? <Failed error={query.error} retry={() => void query.refetch()} /> : <Loading />}
      </>
    );
  }
  return (
    <div className="flex flex-col lg:h-[calc(100dvh-14px)]">
      <Header run={run} />
      <Stale error={query.error} />
      <Banner run={run} />
      <RunLoss run={run} />
      <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
        <RunSteps run={run} />
        <RunLog run={run} lines={lines} liveness={liveness} />
      </div>
    </div>
  );
}
