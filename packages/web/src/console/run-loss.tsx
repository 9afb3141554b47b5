/** Before anybody goes back: what it would lose, row by row where they are few, and how long going back still fits. */
import { urlOf } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import type { RunView } from '@sitelift/contract/views.ts';
import { ROW_CHANGES } from '@sitelift/domain/run/loss.ts';
import { city, clock, elapsed } from '../ui/format.ts';
import { useNow } from '../ui/use-now.ts';

/** The countdown to the bail-out minute. */
export function BailOut({ at, zone }: { readonly at: string; readonly zone: string }) {
  const left = Date.parse(at) - useNow(1_000);
  const until = `${clock(at, zone)} ${city(zone)}`;
  if (left <= 0) return <span className="text-wait">not any more, since {until}</span>;
  return (
    <>
      {elapsed(left)}, until {until}
    </>
  );
}

type Table = NonNullable<NonNullable<RunView['loss']>['report']>['tables'][number];

function keyOf({ change, key }: Table['rows'][number]): string {
  const columns = Object.entries(key).map(([name, value]) => `${name} ${String(value)}`);
  return `${columns.join(' ')} (${change})`;
}

function TableRow({ table }: { readonly table: Table }) {
  const { note, rows } = table;
  const listed = [...rows.map(keyOf), ...(note === null ? [] : [note])].join(', ');
  return (
    <tr className="align-top">
      <th scope="row" className="mono pr-4 text-left font-normal">
        {table.table}
      </th>
      {ROW_CHANGES.map((change) => (
        <td key={change} className="num pr-4 text-right">
          {table[change]}
        </td>
      ))}
      <td className="text-fg2">{listed}</td>
    </tr>
  );
}

export function RunLoss({ run }: { readonly run: RunView }) {
  const { loss } = run;
  if (loss === null) return null;
  const { report, problem } = loss;
  const total = report === null ? 0 : ROW_CHANGES.reduce((sum, change) => sum + report[change], 0);
  return (
    <section aria-label="What going back would lose" className="border-b border-line px-4 py-2.5">
      {report !== null && (
        <p>
          Going back would lose <strong className="font-medium">{total} rows</strong> written since the backup
          was begun at {clock(report.sinceAt, run.zone)}, as of {clock(report.measuredAt, run.zone)}{' '}
          {city(run.zone)}.{' '}
          {report.exported && total > 0 && (
            <a
              href={urlOf(routes.runLossExport, { params: { run: run.id } })}
              download
              className="underline decoration-line2 underline-offset-3"
            >
              Download the rows
            </a>
          )}
        </p>
      )}
      {report !== null && total > 0 && (
        <table className="mt-1.5 text-xs">
          <thead className="text-fg3">
            <tr>
              <th className="pr-4 text-left font-normal">Table</th>
              {ROW_CHANGES.map((change) => (
                <th key={change} className="pr-4 text-right font-normal">
                  {change}
                </th>
              ))}
              <th className="text-left font-normal">Rows</th>
            </tr>
          </thead>
          <tbody>
            {report.tables.map((table) => (
              <TableRow key={table.table} table={table} />
            ))}
          </tbody>
        </table>
      )}
      {report !== null && report.moreTables > 0 && (
        <p className="text-xs">and {report.moreTables} more tables</p>
      )}
      {problem !== null && (
        <p className="text-wait">What going back would lose could not be measured: {problem}.</p>
      )}
    </section>
  );
}
