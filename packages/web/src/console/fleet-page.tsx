/** Fleet: which site runs what, and what it should run. Healthy is silent; only what is out of order has a mark. */
import type { InstanceView } from '@sitelift/contract/views.ts';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { city, dayAndTime } from '../ui/format.ts';
import { statusOfRun, StatusWord } from '../ui/status.tsx';
import { fleetQuery } from './api.ts';
import { Empty, Failed, Loading, PageHeader } from './page-parts.tsx';
import { LiveDot } from './shell.tsx';

function matches(instance: InstanceView, q: string): boolean {
  const hay = [
    instance.slug,
    instance.customer.slug,
    instance.customer.name,
    instance.role,
    instance.product,
    instance.observed.version ?? '',
    ...instance.labels,
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
  if (pin !== null) {
    return (
      <span title={`${pin.owner}: ${pin.reason}`}>
        <span className="mono">{pin.version}</span>{' '}
        <span className="text-xs text-wait">pinned by {pin.owner}</span>
      </span>
    );
  }
  return target.kind === 'channel' ? (
    <span>{target.channel}</span>
  ) : (
    <span className="mono">{target.version}</span>
  );
}

function Exceptions({ instance }: { readonly instance: InstanceView }) {
  const { observed } = instance;
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      {instance.run !== null && (
        <Link to="/runs/$run" params={{ run: instance.run.id }} className="underline underline-offset-2">
          <StatusWord status={statusOfRun(instance.run.state)} />
        </Link>
      )}
      {observed.healthy === false && <StatusWord status="failed" word={observed.problem ?? 'Unhealthy'} />}
      {observed.open === false && instance.run === null && (
        <StatusWord status="waiting" word="Maintenance page is up" />
      )}
      {instance.differs && (
        <StatusWord status="waiting" word={`Recorded ${instance.recordedVersion ?? 'nothing'}`} />
      )}
      {instance.holds.map((hold) => (
        <StatusWord key={hold.id} status="held" word={hold.reason} />
      ))}
    </span>
  );
}

export function FleetPage() {
  const fleet = useQuery(fleetQuery);
  const { q = '' } = useSearch({ from: '/shell/fleet' });
  const navigate = useNavigate();
  if (fleet.isPending) return <Loading />;
  if (fleet.isError) return <Failed error={fleet.error} retry={() => void fleet.refetch()} />;
  const { instances } = fleet.data;
  const shown = q === '' ? instances : instances.filter((instance) => matches(instance, q));
  return (
    <>
      <PageHeader title="Fleet" aside={<span className="num text-fg2">{instances.length} instances</span>}>
        <input
          type="search"
          aria-label="Find by site, customer, role, product, version or label"
          placeholder="Site, customer, version…"
          defaultValue={q}
          onChange={(event) =>
            void navigate({
              to: '/fleet',
              search: event.target.value === '' ? {} : { q: event.target.value },
              replace: true,
            })
          }
          className="h-8 w-64 rounded-md border border-line2 bg-bg px-3 text-sm"
        />
        <LiveDot />
      </PageHeader>
      {instances.length === 0 ? (
        <Empty title="The fleet is empty">
          Bring one in with <code className="mono">sitelift apply -f fleet/</code>.
        </Empty>
      ) : shown.length === 0 ? (
        <Empty title={`Nothing matches “${q}”`}>
          Site, customer, role, product, version and labels are searched.
        </Empty>
      ) : (
        <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Instances">
          <table className="w-full text-sm">
            <thead>
              <tr className="border-b border-line text-left text-xs text-fg3">
                <th scope="col" className="py-2 pr-3 pl-4 font-medium">
                  Site
                </th>
                <th scope="col" className="py-2 pr-3 font-medium">
                  Customer
                </th>
                <th scope="col" className="py-2 pr-3 font-medium">
                  Role
                </th>
                <th scope="col" className="py-2 pr-3 font-medium">
                  Runs
                </th>
                <th scope="col" className="py-2 pr-3 font-medium">
                  Target
                </th>
                <th scope="col" className="py-2 pr-3 font-medium">
                  Seen, site local
                </th>
                <th scope="col" className="py-2 pr-4 font-medium">
                  Out of order
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((instance) => (
                <tr key={instance.id} className="border-b border-line hover:bg-hover">
                  <th scope="row" className="py-1.5 pr-3 pl-4 text-left font-normal">
                    <a
                      href={instance.url}
                      className="mono font-medium underline decoration-line2 underline-offset-2"
                    >
                      {instance.slug}
                    </a>
                  </th>
                  <td className="py-1.5 pr-3">{instance.customer.name}</td>
                  <td className="py-1.5 pr-3 text-fg2">{instance.role}</td>
                  <td className="mono py-1.5 pr-3">{instance.observed.version ?? '–'}</td>
                  <td className="py-1.5 pr-3">
                    <TargetCell instance={instance} />
                  </td>
                  <td className="num py-1.5 pr-3 whitespace-nowrap text-fg2">
                    {instance.observed.at === null
                      ? 'never'
                      : `${dayAndTime(instance.observed.at, instance.zone)} ${city(instance.zone)}`}
                  </td>
                  <td className="py-1.5 pr-4">
                    <Exceptions instance={instance} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
