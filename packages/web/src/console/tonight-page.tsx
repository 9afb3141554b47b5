/** Tonight: what moves, how far it is, and why everything else does not. What waits for a person stands above all. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Button } from 'react-aria-components';
import { sentence } from '../ui/format.ts';
import { StatusGlyph, statusWord } from '../ui/status.tsx';
import { MAX_ROWS, MoreRows } from '../ui/table-head.tsx';
import { useNow } from '../ui/use-now.ts';
import { fleetQuery, planQuery, runsQuery } from './api.ts';
import { LiveDot } from './live-dot.tsx';
import { Empty, Failed, Loading, PageHeader, Stale } from './page-parts.tsx';
import { groupRows, needsAPerson, rowsOf, type Row } from './tonight-rows.ts';
import { TonightTable } from './tonight-table.tsx';

function NeedsYou({ rows }: { readonly rows: readonly Row[] }) {
  const waiting = rows.flatMap(({ run }) => (run !== null && needsAPerson(run) ? [run] : []));
  if (waiting.length === 0) return null;
  return (
    <section aria-label="Needs a person" className="border-b border-line bg-wait-bg px-4 py-3">
      <ul>
        {waiting.map((run) => (
          <li key={run.id} className="flex items-start gap-2 py-0.5">
            <span className="pt-1">
              <StatusGlyph status="waiting" />
            </span>
            <span>
              <Link
                to="/runs/$run"
                params={{ run: run.id }}
                className="mono font-medium underline underline-offset-3"
              >
                {run.instance}
              </Link>{' '}
              needs a person{run.detail === null ? '' : `: ${run.detail}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Counts that are filters; which one is on stands in the address. */
function Counts({ rows, show }: { readonly rows: readonly Row[]; readonly show: string | undefined }) {
  const navigate = useNavigate();
  const counts = Map.groupBy(rows, ({ status }) => status);
  return (
    <div
      role="group"
      aria-label="Show only"
      className="flex flex-wrap items-center gap-1 border-b border-line px-2 py-1.5"
    >
      {[...counts].map(([status, found]) => (
        <Button
          key={status}
          aria-pressed={show === status}
          onPress={() => void navigate({ to: '/', search: show === status ? {} : { show: status } })}
          className="inline-flex h-7 items-center gap-1.5 rounded-md px-2 text-sm hover:bg-hover aria-pressed:bg-sel"
        >
          <StatusGlyph status={status} />
          {status === 'passed' ? 'Up to date' : statusWord(status)}
          <span className="num text-fg3">{found.length}</span>
        </Button>
      ))}
    </div>
  );
}

function Night() {
  const plan = useQuery(planQuery);
  const runs = useQuery(runsQuery);
  const fleet = useQuery(fleetQuery);
  const nowMs = useNow(30_000);
  const { show } = useSearch({ from: '/shell/' });
  if (plan.data === undefined)
    return plan.isError ? <Failed error={plan.error} retry={() => void plan.refetch()} /> : <Loading />;
  if (runs.data === undefined)
    return runs.isError ? <Failed error={runs.error} retry={() => void runs.refetch()} /> : <Loading />;
  const { stopped, notes, decisions } = plan.data;
  if (decisions.length === 0) {
    return (
      <Empty title="The fleet is empty">
        Bring one in with <code className="mono">sitelift apply -f fleet/</code>, or see one at work: the demo
        plays in a new data directory, with <code className="mono">npm start</code>.
      </Empty>
    );
  }
  const rows = rowsOf(decisions, runs.data.runs, fleet.data?.instances ?? [], nowMs);
  const shown = rows.filter(({ status }) => show === undefined || status === show);
  return (
    <>
      <Stale error={plan.error ?? runs.error} />
      {stopped !== null && (
        <p role="alert" className="border-b border-line bg-fail-bg px-4 py-2 font-medium text-fail">
          Nothing starts: {stopped.by} stopped everything. {sentence(stopped.reason)}
        </p>
      )}
      {notes.map(({ severity, text }) => (
        <p
          key={text}
          className={`border-b border-line px-4 py-2 ${severity === 'fatal' ? 'bg-fail-bg text-fail' : 'bg-wait-bg text-wait'}`}
        >
          {severity === 'fatal' ? 'The plan is refused: ' : ''}
          {sentence(text)}
        </p>
      ))}
      <NeedsYou rows={rows} />
      <Counts rows={rows} show={show} />
      {shown.length === 0 ? (
        <Empty title="No site is in this state now">Choose another one above.</Empty>
      ) : (
        <TonightTable groups={groupRows(shown.slice(0, MAX_ROWS))} />
      )}
      <MoreRows hidden={shown.length - MAX_ROWS} how="Choose a state above to see fewer." />
    </>
  );
}

export function TonightPage() {
  const plan = useQuery(planQuery);
  const count = plan.data?.decisions.length;
  return (
    <>
      <PageHeader
        title="Tonight"
        aside={
          count === undefined ? null : (
            <span className="num text-fg2">
              {count} {count === 1 ? 'site' : 'sites'}
            </span>
          )
        }
      >
        <LiveDot />
      </PageHeader>
      <Night />
    </>
  );
}
