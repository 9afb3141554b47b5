/**
 * From one version to one release by one revision of a playbook was taken back on this instance: the night does not try the same
 * thing again and hope, also when somebody has cleared the hold. Another release, another version to come from or a changed
 * playbook is free at once; the same pair when a person says so, or starts it.
 */
import type { Instance, Release } from '../fleet/fleet.ts';
import type { InstanceId, ReleaseId } from '../ids.ts';
import { compareVersions, isVersion } from '../fleet/version-order.ts';
import { formatInstant } from '../time/format-instant.ts';
import type { EpochMs } from '../time/instant.ts';
import { finding, type Finding } from './finding.ts';

/** One that stands: not lifted, and of the revision of the playbook that a run would use now. */
export interface KnownBadPair {
  readonly instanceId: InstanceId;
  readonly fromVersion: string;
  readonly releaseId: ReleaseId;
  readonly reason: string;
  readonly sinceAt: EpochMs;
  /** The hold that the same end left behind: what a person names to have the pair tried again. */
  readonly holdId: string | null;
}

function sameVersion(a: string, b: string): boolean {
  return isVersion(a) && isVersion(b) ? compareVersions(a, b) === 0 : a === b;
}

/** `release` is what the instance wants; null when that is not known, and then nothing starts anyway. */
export function badPairFindings(
  pairs: readonly KnownBadPair[],
  instance: Instance,
  release: Release | null,
): readonly Finding[] {
  const runs = instance.observed?.version ?? null;
  if (release === null || runs === null) return [];
  const found = pairs.find(
    ({ fromVersion, releaseId }) => releaseId === release.id && sameVersion(fromVersion, runs),
  );
  if (found === undefined) return [];
  const since = formatInstant(found.sinceAt, instance.zone);
  const detail =
    `from ${runs} to ${release.version} by this very playbook was taken back ${since}: ${found.reason}; ` +
    'no night tries the same again';
  const how = found.holdId === null ? '' : ` (sitelift clear-hold ${found.holdId} --try-again)`;
  const by = `a person who wants it tried again${how} or starts it, another release, or a changed playbook`;
  return [finding('known-bad-pair', 'hold', detail, { by })];
}
