/** How the fleet spreads over versions: one hue, the newer the stronger; a piece is a filter. */
import type { InstanceView } from '@sitelift/contract/views.ts';
import { compareVersions, isVersion } from '@sitelift/domain/fleet/version-order.ts';
import { Button } from 'react-aria-components';

/** Newest first; what nobody has seen a version of comes last. */
export function versionsOf(instances: readonly InstanceView[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { observed } of instances) {
    const version = observed.version ?? '';
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) =>
    isVersion(a) && isVersion(b) ? compareVersions(b, a) : Number(isVersion(b)) - Number(isVersion(a)),
  );
}

/** From the accent down to a fifth of it. */
function shade(index: number, of: number): string {
  const share = of < 2 ? 100 : Math.round(100 - (80 * index) / (of - 1));
  return `color-mix(in oklch, var(--accent) ${share}%, var(--line))`;
}

export function VersionBar({
  instances,
  chosen,
  choose,
}: {
  readonly instances: readonly InstanceView[];
  readonly chosen: string;
  readonly choose: (version: string) => void;
}) {
  const versions = versionsOf(instances);
  return (
    <section aria-label="Versions in the fleet, newest first" className="border-b border-line px-4 pt-3 pb-2">
      <div aria-hidden="true" className="flex h-3 gap-px overflow-hidden rounded">
        {versions.map(([version, count], index) => (
          <span key={version} style={{ flexGrow: count, background: shade(index, versions.length) }} />
        ))}
      </div>
      <div role="group" aria-label="Show only" className="mt-1.5 -ml-2 flex flex-wrap gap-x-1">
        {versions.map(([version, count], index) => (
          <Button
            key={version}
            isDisabled={version === ''}
            aria-pressed={chosen === version}
            onPress={() => choose(chosen === version ? '' : version)}
            className="inline-flex h-7 items-center gap-1.5 rounded-md px-2 hover:bg-hover aria-pressed:bg-sel"
          >
            <span
              aria-hidden="true"
              className="size-2 rounded-xs"
              style={{ background: shade(index, versions.length) }}
            />
            <span className={version === '' ? 'text-sm' : 'mono'}>
              {version === '' ? 'not seen' : version}
            </span>
            <span className="num text-fg3">{count}</span>
          </Button>
        ))}
      </div>
    </section>
  );
}
