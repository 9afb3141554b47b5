/** Fleet: which site runs what, and what it should run. Healthy is silent; only what is out of order has a mark. */
import type { InstanceView } from '@sitelift/contract/views.ts';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { memo } from 'react';
import { city, dayAndTime, sentence } from '../ui/format.ts';
import { StatusNote, statusOfRun, StatusWord, wordOfRun } from '../ui/status.tsx';
import { MAX_ROWS, MoreRows, TableHead } from '../ui/table-head.tsx';
import { fleetQuery } from './api.ts';
import { LiveDot } from './live-dot.tsx';
import { Empty, Failed, Loading, PageHeader, Stale } from './page-parts.tsx';
import { VersionBar } from './version-bar.tsx';

/** Each word must be found; in which column does not matter. */
export function matches(instance: InstanceView, q: string): boolean {
  const { slug, customer, role, product, observed, labels, target, pin } = instance;
  const hay = [
    slug,
    customer.slug,
    customer.name,
    role,
    product,
    observed.version ?? '',
    target.kind === 'channel' ? target.channel : target.version,
    pin === null ? '' : `pinned ${pin.version}`,
    ...labels,
  ]
    .join(' ')
    .toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

function TargetCell({ instance }: { readonly instance: InstanceView }) {
  const { pin, target } = instance;
  if (pin !== null) return <span className="mono">{pin.version}</span>;
  return target.kind === 'channel' ? (
    <span>
      <span className="text-fg3">channel</span> {target.channel}
    </span>
  ) : (
    <span className="mono">{target.version}</span>
  );
}

/** Everything that is not as it should be; most rows have nothing here. */
function Exceptions({ instance }: { readonly instance: InstanceView }) {
  const { observed, run, pin, holds } = instance;
  return (
    <ul>
      {run !== null && (
        <li>
          <Link
            to="/runs/$run"
            params={{ run: run.id }}
            className="underline decoration-line2 underline-offset-3"
          >
            <StatusWord status={statusOfRun(run.state)} word={wordOfRun(run.state, null)} />
          </Link>
        </li>
      )}
      {observed.healthy === false && run === null && (
        <li>
          <StatusNote status="failed">{sentence(observed.problem ?? 'Not healthy')}</StatusNote>
        </li>
      )}
      {observed.open === false && run === null && (
        <li>
          <StatusNote status="waiting">The maintenance page is up, and no run is under way</StatusNote>
        </li>
      )}
      {instance.differs && (
        <li>
          <StatusNote status="waiting">
            {`The last upgrade installed ${instance.recordedVersion ?? 'nothing'}, and another version is seen`}
          </StatusNote>
        </li>
      )}
      {pin !== null && (
        <li>
          <StatusNote status="held">{`Pinned by ${pin.owner}: ${pin.reason}`}</StatusNote>
        </li>
      )}
      {holds.map((hold) => (
        <li key={hold.id}>
          <StatusNote status="held">{`Held: ${hold.reason}`}</StatusNote>
        </li>
      ))}
    </ul>
  );
}

const InstanceRow = memo(function InstanceRow({ instance }: { readonly instance: InstanceView }) {
  const { slug, url, customer, role, product, observed, zone } = instance;
  return (
    <tr className="border-b border-line align-top hover:bg-hover">
      <th scope="row" className="py-1.5 pr-4 pl-4 text-left font-normal whitespace-nowrap">
        <a
          href={url}
          className="mono font-medium underline decoration-line2 underline-offset-3 hover:decoration-current"
        >
          {slug}
        </a>
      </th>
      <td className="py-1.5 pr-4 whitespace-nowrap">{customer.name}</td>
      <td className="py-1.5 pr-4 text-fg2">{role}</td>
      <td className="py-1.5 pr-4 text-fg2">{product}</td>
      <td className="mono py-1.5 pr-4 whitespace-nowrap">
        {observed.version ?? <span className="text-fg3">not seen</span>}
      </td>
      <td className="py-1.5 pr-4 whitespace-nowrap">
        <TargetCell instance={instance} />
      </td>
      <td className="num py-1.5 pr-4 whitespace-nowrap text-fg2">
        {observed.at === null ? (
          'never'
        ) : (
          <>
            {dayAndTime(observed.at, zone)} <span className="text-fg3">{city(zone)}</span>
          </>
        )}
      </td>
      <td className="py-1.5 pr-4">
        <Exceptions instance={instance} />
      </td>
    </tr>
  );
});

const COLUMNS = [
  'Site',
  'Customer',
  'Role',
  'Product',
  'Runs',
  'Target',
  'Last seen, site local',
  'Out of order',
];

function Search({ q, search }: { readonly q: string; readonly search: (q: string) => void }) {
  return (
    <input
      // Another q that did not come from here (a piece of the bar, the back button) takes its place.
      key={document.activeElement?.id === 'search' ? 'typing' : q}
      id="search"
      type="search"
      aria-label="Find by site, customer, role, product, version, channel or label"
      placeholder="Site, customer, version…"
      defaultValue={q}
      onChange={(event) => search(event.target.value)}
      className="h-8 w-64 max-w-full rounded-md border border-line2 bg-bg px-3 text-sm"
    />
  );
}

function Instances({ q, search }: { readonly q: string; readonly search: (q: string) => void }) {
  const fleet = useQuery(fleetQuery);
  if (fleet.data === undefined)
    return fleet.isError ? <Failed error={fleet.error} retry={() => void fleet.refetch()} /> : <Loading />;
  const { instances } = fleet.data;
  if (instances.length === 0) {
    return (
      <Empty title="The fleet is empty">
        Bring one in with <code className="mono">sitelift apply -f fleet/</code>.
      </Empty>
    );
  }
  const shown = q === '' ? instances : instances.filter((instance) => matches(instance, q));
  return (
    <>
      <Stale error={fleet.error} />
      <VersionBar instances={instances} chosen={q} choose={search} />
      {shown.length === 0 ? (
        <Empty title={`Nothing matches “${q}”`}>
          Site, customer, role, product, version, target and labels are searched.
        </Empty>
      ) : (
        <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Instances">
          <table className="w-full min-w-4xl text-sm">
            <TableHead columns={COLUMNS} />
            <tbody>
              {shown.slice(0, MAX_ROWS).map((instance) => (
                <InstanceRow key={instance.id} instance={instance} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <MoreRows hidden={shown.length - MAX_ROWS} how="Search for what you look for." />
    </>
  );
}

function countOf(instances: readonly InstanceView[], q: string): string {
  const found = q === '' ? instances.length : instances.filter((instance) => matches(instance, q)).length;
  const all = `${instances.length} ${instances.length === 1 ? 'instance' : 'instances'}`;
  return found === instances.length ? all : `${found} of ${all}`;
}

export function FleetPage() {
  const { q = '' } = useSearch({ from: '/shell/fleet' });
  const navigate = useNavigate();
  const fleet = useQuery(fleetQuery);
  const search = (wanted: string): void =>
    void navigate({ to: '/fleet', search: wanted === '' ? {} : { q: wanted }, replace: true });
  return (
    <>
      <PageHeader
        title="Fleet"
        aside={
          fleet.data === undefined ? null : (
            <span role="status" className="num text-fg2">
              {countOf(fleet.data.instances, q)}
            </span>
          )
        }
      >
        <Search q={q} search={search} />
        <LiveDot />
      </PageHeader>
      <Instances q={q} search={search} />
    </>
  );
}
