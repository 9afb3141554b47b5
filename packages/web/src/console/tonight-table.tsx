/** The table of tonight: every site with what happens to it, or why nothing does. */
import type { RunSummary } from '@sitelift/contract/views.ts';
import { reasonsInTheWay } from '@sitelift/domain/planning/reasons-in-the-way.ts';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { city, dayAndTime, elapsed, sentence } from '../ui/format.ts';
import { barOf, StatusWord } from '../ui/status.tsx';
import { TableHead } from '../ui/table-head.tsx';
import { useNow } from '../ui/use-now.ts';
import type { Row, RowGroup } from './tonight-rows.ts';

function Progress({ run }: { readonly run: RunSummary }) {
  const share = run.stepsTotal === 0 ? 0 : run.stepsDone / run.stepsTotal;
  const isBack = run.state === 'recovering' || run.state === 'undoing';
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden="true" className="h-1.5 w-20 overflow-hidden rounded-full bg-line">
        <span
          className={`block h-full rounded-full ${isBack ? 'bg-back-bar' : 'bg-run-bar'}`}
          style={{ width: `${Math.round(share * 100)}%` }}
        />
      </span>
      <span className="num text-xs whitespace-nowrap text-fg3">
        {run.stepsDone} of {run.stepsTotal}
      </span>
    </span>
  );
}

/** A component of its own: nothing but the number renders each second. */
function TimeLeft({ until }: { readonly until: string }) {
  const left = Date.parse(until) - useNow(1_000);
  return (
    <span className={`num text-xs whitespace-nowrap ${left < 0 ? 'text-wait' : 'text-fg3'}`}>
      {left < 0 ? 'later than forecast' : `${elapsed(left)} left`}
    </span>
  );
}

function Underway({ run }: { readonly run: RunSummary }) {
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      <Progress run={run} />
      <span className="text-fg">{run.detail === null ? run.step?.title : sentence(run.detail)}</span>
      {run.pointCrossed && <span className="text-xs text-fg3">past the point of no return</span>}
      {run.forecastEndAt !== null && <TimeLeft until={run.forecastEndAt} />}
    </span>
  );
}

/** A run that went wrong leaves its site held: whoever may change that is named here too. */
function Over({ run, decision }: { readonly run: RunSummary } & Pick<Row, 'decision'>) {
  const held = decision.verdict === 'hold' ? reasonsInTheWay(decision.reasons) : [];
  const clearedBy = held.flatMap((reason) => reason.clearedBy ?? []);
  const tookMs = Date.parse(run.endedAt ?? run.createdAt) - Date.parse(run.startedAt ?? run.createdAt);
  const closedMs =
    run.closedAt !== null && run.openedAt !== null
      ? Date.parse(run.openedAt) - Date.parse(run.closedAt)
      : null;
  return (
    <>
      {run.detail !== null && <span className="block text-fg">{sentence(run.detail)}</span>}
      <span className={`num ${run.detail === null ? '' : 'block text-xs text-fg3'}`}>
        Took {elapsed(tookMs)}
        {closedMs !== null && `, maintenance page up for ${elapsed(closedMs)}`}
        {clearedBy.length > 0 && `. Held now, cleared by ${clearedBy.join(', ')}`}
      </span>
    </>
  );
}

/** Every reason that holds it up, each with when it clears or who clears it. */
function WhyNot({ decision }: Pick<Row, 'decision'>) {
  const reasons = reasonsInTheWay(decision.reasons);
  const isFine = decision.verdict === 'up-to-date';
  return (
    <ul>
      {reasons.map(({ code, detail, clearsAt, clearedBy }) => (
        <li key={code}>
          <span className={isFine ? 'text-fg3' : 'text-fg'}>{sentence(detail)}</span>
          {(clearsAt !== null || clearedBy !== null) && (
            <span className="block text-xs text-fg3">
              {clearsAt !== null && `Clears ${dayAndTime(clearsAt, decision.zone)} ${city(decision.zone)}. `}
              {clearedBy !== null && `Cleared by ${clearedBy}.`}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

const SiteRow = memo(function SiteRow({ row }: { readonly row: Row }) {
  const { decision, run, status, word, fromVersion, toVersion, customerName } = row;
  const starts = run === null ? decision.startsAt : run.startedAt;
  return (
    <tr className="border-b border-line align-top hover:bg-hover">
      <td className="py-1.5 pr-4 pl-4">
        <StatusWord status={status} word={word} />
      </td>
      <th scope="row" className="py-1.5 pr-4 text-left font-normal whitespace-nowrap">
        {run === null ? (
          <span className="mono font-medium">{decision.instance}</span>
        ) : (
          <Link
            to="/runs/$run"
            params={{ run: run.id }}
            className="mono font-medium underline decoration-line2 underline-offset-3 hover:decoration-current"
          >
            {decision.instance}
          </Link>
        )}{' '}
        <span className="ml-1 text-fg3">{customerName}</span>
      </th>
      <td className="mono py-1.5 pr-4 whitespace-nowrap">
        <span className={toVersion === null ? '' : 'text-fg3'}>{fromVersion ?? 'not known'}</span>
        {toVersion !== null && (
          <>
            <span className="text-fg3"> → </span>
            {toVersion}
          </>
        )}
      </td>
      <td className="num py-1.5 pr-4 whitespace-nowrap text-fg2">
        {starts === null ? (
          <span className="text-fg3">–</span>
        ) : (
          <>
            {dayAndTime(starts, decision.zone)} <span className="text-fg3">{city(decision.zone)}</span>
          </>
        )}
      </td>
      <td className="py-1.5 pr-4 text-fg2">
        {run === null ? (
          <WhyNot decision={decision} />
        ) : run.endedAt === null ? (
          <Underway run={run} />
        ) : (
          <Over run={run} decision={decision} />
        )}
      </td>
    </tr>
  );
});

function GroupHead({ group }: { readonly group: RowGroup }) {
  const { product, version, rows, there } = group;
  return (
    <tr className="border-b border-line bg-raised">
      <th scope="rowgroup" colSpan={5} className="py-1.5 pr-4 pl-4 text-left font-normal">
        <span className="flex flex-wrap items-center gap-x-3">
          <span>
            {product} <span className="mono font-medium">{version ?? 'no version'}</span>
          </span>
          <span className="num text-xs text-fg3">
            {there} of {rows.length} on it
          </span>
          <span aria-hidden="true" className="flex gap-px">
            {rows.map(({ decision, status }) => (
              <span
                key={decision.instance}
                className={`h-1 w-3 first:rounded-l last:rounded-r ${barOf(status)}`}
              />
            ))}
          </span>
        </span>
      </th>
    </tr>
  );
}

const COLUMNS = ['State', 'Site', 'Versions', 'Start, site local', 'Step, or why it does not move'];

export function TonightTable({ groups }: { readonly groups: readonly RowGroup[] }) {
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Sites tonight">
      <table className="w-full min-w-4xl text-sm">
        <TableHead columns={COLUMNS} />
        {groups.map((group) => (
          <tbody key={`${group.product} ${group.version}`}>
            <GroupHead group={group} />
            {group.rows.map((row) => (
              <SiteRow key={row.decision.instance} row={row} />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}
