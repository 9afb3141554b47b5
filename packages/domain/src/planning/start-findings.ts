/**
 * What stands in the way of a start apart from the hour: stop-the-world, freezes (deny wins over every window), holds, and
 * another upgrade of the same instance. Of several planned ones an emergency goes before a booked one, that before one that a
 * person asked for, and the night comes last (C48).
 */
import type { Freeze, Instance, Release } from '../fleet/fleet.ts';
import { formatInstant } from '../time/format-instant.ts';
import type { EpochMs } from '../time/instant.ts';
import { finding, type Finding } from './finding.ts';
import type { FleetIndex } from './fleet-index.ts';
import { badPairFindings } from './known-bad-pair.ts';
import type { FleetSnapshot, UpgradeInProgress } from './snapshot.ts';

/** The first of these goes first. */
export const UPGRADE_ORDER = [
  'emergency',
  'booked',
  'requested',
  'nightly',
] as const satisfies readonly UpgradeInProgress['kind'][];

const PLANNED_BY: Readonly<Record<UpgradeInProgress['kind'], string>> = {
  emergency: 'an emergency upgrade',
  booked: 'a booked upgrade',
  requested: 'an upgrade that a person asked for',
  nightly: 'an upgrade of the night',
};

/** The open one, else the planned one that goes first: by kind, then by its start. */
export function upgradeInFront(upgrades: readonly UpgradeInProgress[]): UpgradeInProgress | undefined {
  return (
    upgrades.find((one) => one.phase === 'open') ??
    upgrades.toSorted(
      (a, b) =>
        UPGRADE_ORDER.indexOf(a.kind) - UPGRADE_ORDER.indexOf(b.kind) ||
        (a.startsAt ?? Infinity) - (b.startsAt ?? Infinity) ||
        Number(a.upgradeId > b.upgradeId) - Number(a.upgradeId < b.upgradeId),
    )[0]
  );
}

function upgradeFinding(upgrades: readonly UpgradeInProgress[], instance: Instance): readonly Finding[] {
  const front = upgradeInFront(upgrades);
  if (front === undefined) return [];
  const others = upgrades.length > 1 ? ` (and ${upgrades.length - 1} more behind it)` : '';
  const what = `${PLANNED_BY[front.kind]} to ${front.toVersion}`;
  const by = `the end of upgrade ${front.upgradeId}`;
  if (front.phase === 'open')
    return [
      finding('upgrade-in-progress', 'wait', `${what} of ${instance.slug} is not over${others}`, { by }),
    ];
  const at = front.startsAt;
  const when = at === null ? '' : ` for ${formatInstant(at, instance.zone)}`;
  const code = front.kind === 'nightly' ? 'upgrade-in-progress' : 'booked-upgrade';
  // Its start is when the claim becomes a run; when that run ends nobody can say, so it bounds no start of this one.
  return [
    finding(code, 'wait', `${what} of ${instance.slug} is planned${when} and goes first${others}`, {
      at,
      by,
      notBefore: null,
    }),
  ];
}

/** The freeze that stands at `at`, if any; of several the one that ends last (one without an end ends last of all). */
export function freezeAt(freezes: readonly Freeze[], at: EpochMs): Freeze | undefined {
  let last: Freeze | undefined;
  for (const freeze of freezes) {
    if (freeze.fromAt > at || (freeze.untilAt !== null && freeze.untilAt <= at)) continue;
    if (last === undefined || (freeze.untilAt ?? Infinity) > (last.untilAt ?? Infinity)) last = freeze;
  }
  return last;
}

export function freezeText(freeze: Freeze, zone: string): string {
  const until = freeze.untilAt === null ? 'without an end' : `until ${formatInstant(freeze.untilAt, zone)}`;
  return `frozen ${until} by ${freeze.owner}: ${freeze.reason}`;
}

function freezeFindings(freezes: readonly Freeze[], zone: string, now: EpochMs): readonly Finding[] {
  return freezes
    .filter((freeze) => freezeAt([freeze], now) !== undefined)
    .map((freeze) =>
      finding('frozen', 'hold', freezeText(freeze, zone), {
        at: freeze.untilAt,
        by: `the owner of the freeze (${freeze.owner})`,
      }),
    );
}

function holdFindings(
  index: FleetIndex,
  instance: Instance,
  release: Release | null,
  now: EpochMs,
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const hold of index.holds.get(instance.id) ?? []) {
    if (hold.untilAt !== null && hold.untilAt <= now) continue;
    // A hold that speaks of one release does not stand against another; while the target is unclear it stands.
    if (hold.releaseId !== null && release !== null && hold.releaseId !== release.id) continue;
    const of = hold.releaseId === null ? 'every release' : `release ${release?.version ?? hold.releaseId}`;
    const until = hold.untilAt === null ? '' : ` until ${formatInstant(hold.untilAt, instance.zone)}`;
    const since = formatInstant(hold.sinceAt, instance.zone);
    findings.push(
      finding('held', 'hold', `held (${hold.kind}) against ${of} since ${since}${until}: ${hold.reason}`, {
        at: hold.untilAt,
        by: hold.owner === null ? 'a person who lifts the hold' : `${hold.owner}, who owns the hold`,
      }),
    );
  }
  return findings;
}

/** `release` is what the instance wants, null when that is not known. */
export function startFindings(
  snapshot: Pick<FleetSnapshot, 'stopped'>,
  index: FleetIndex,
  instance: Instance,
  release: Release | null,
  now: EpochMs,
): readonly Finding[] {
  const { stopped } = snapshot;
  const stop =
    stopped === null
      ? []
      : [
          finding('stopped', 'hold', `everything is stopped by ${stopped.by}: ${stopped.reason}`, {
            by: stopped.by,
          }),
        ];
  return [
    ...stop,
    ...freezeFindings(index.freezes.all(instance), instance.zone, now),
    ...holdFindings(index, instance, release, now),
    ...badPairFindings(index.badPairs.get(instance.id) ?? [], instance, release),
    ...upgradeFinding(index.upgrades.get(instance.id) ?? [], instance),
  ];
}
