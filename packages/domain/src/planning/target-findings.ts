/**
 * Where an instance stands against its target: what was observed, what it should run, and whether the difference is one that
 * a night may make up. A higher observed version is never taken back (C12): it is held, with the two ways out.
 */
import type { Instance, Pin, Release } from '../fleet/fleet.ts';
import { compareVersions, isVersion } from '../fleet/version-order.ts';
import { formatInstant } from '../time/format-instant.ts';
import { HOUR_MS, type EpochMs } from '../time/instant.ts';
import { finding, type Finding } from './finding.ts';
import type { ResolvedTarget } from './resolve-target.ts';

/** The probe runs every few minutes; what it saw a day before the snapshot was read says nothing about tonight. */
export const OBSERVATION_MAX_AGE_MS = 24 * HOUR_MS;

/**
 * - `at-target`: nothing to do, whatever else holds it.
 * - `parked`: it stays where it is until a person acts (pinned where it is, ahead of its target).
 * - `behind`: it wants `release`.
 * - `unclear`: what it runs or should run is not known; `release` is what it wants, if that is known.
 */
export interface Standing {
  readonly kind: 'at-target' | 'parked' | 'behind' | 'unclear';
  readonly toVersion: string | null;
  readonly release: Release | null;
  readonly findings: readonly Finding[];
}

function observationFindings(instance: Instance, snapshotAt: EpochMs): readonly Finding[] {
  const { observed, slug, zone } = instance;
  const probe = `a probe of ${slug}`;
  if (observed === null)
    return [
      finding('not-observed', 'refuse', `nobody has seen yet which version ${slug} runs`, { by: probe }),
    ];
  const seen = (): string => `at ${formatInstant(observed.at, zone)}`;
  const findings: Finding[] = [];
  if (observed.version === null || !isVersion(observed.version)) {
    const what =
      observed.version === null ? 'no version' : `"${observed.version.slice(0, 40)}", which is no version`;
    const why = observed.problem === null ? '' : `: ${observed.problem}`;
    findings.push(finding('not-observed', 'refuse', `the probe ${seen()} saw ${what}${why}`, { by: probe }));
  }
  // Against the instant at which the snapshot was read: a plan made for next week is not stale for being about next week.
  if (snapshotAt - observed.at > OBSERVATION_MAX_AGE_MS)
    findings.push(
      finding('observation-stale', 'hold', `${slug} was last seen ${seen()}, too long ago to act on`, {
        by: probe,
      }),
    );
  if (!observed.healthy) {
    const why = observed.problem ?? 'no reason given';
    const by = 'a probe that finds it healthy';
    findings.push(finding('unhealthy', 'hold', `${slug} was not healthy ${seen()}: ${why}`, { by }));
  }
  return findings;
}

/** `until Thu 2026-11-26 02:00 Europe/Amsterdam`, `until release reaches 5.2.1`, `without an end`. */
function endOf(pin: Pin, zone: string): string {
  switch (pin.ends.kind) {
    case 'never':
      return 'without an end';
    case 'at':
      return `until ${formatInstant(pin.ends.at, zone)}`;
    case 'channel-reaches':
      return `until ${pin.ends.channel} reaches ${pin.version}`;
    default:
      return pin.ends satisfies never;
  }
}

function pinFinding(pin: Pin, zone: string, forces: Finding['forces'], rest = ''): Finding {
  const detail = `pinned at ${pin.version} by ${pin.owner}, ${endOf(pin, zone)}: ${pin.reason}${rest}`;
  const at = pin.ends.kind === 'at' ? pin.ends.at : null;
  return finding('pinned', forces, detail, { at, by: `the owner of the pin (${pin.owner})` });
}

function pinFindings(target: ResolvedTarget, observed: string | null, zone: string): readonly Finding[] {
  const { pin, ended, unpinned } = target;
  if (ended !== null)
    return [
      finding(
        'pin-ended',
        'none',
        `the pin at ${ended.pin.version} of ${ended.pin.owner} no longer counts: ${ended.why}`,
      ),
    ];
  if (pin === null) return [];
  const isThere = observed !== null && compareVersions(observed, pin.version) === 0;
  const wantsAway = unpinned.kind === 'found' && compareVersions(unpinned.version, pin.version) !== 0;
  if (isThere && wantsAway)
    return [pinFinding(pin, zone, 'hold', `; without the pin its target is ${unpinned.why}`)];
  return [pinFinding(pin, zone, 'none')];
}

function releaseFindings(release: Release, slug: string): readonly Finding[] {
  const { version, withdrawn } = release;
  const findings: Finding[] = [];
  if (withdrawn !== null) {
    const detail = `release ${version} was withdrawn by ${withdrawn.by}: ${withdrawn.reason}`;
    findings.push(finding('release-withdrawn', 'refuse', detail, { by: 'another target' }));
  }
  if (release.smokeTest === 'failed')
    findings.push(
      finding('smoke-test-failed', 'refuse', `the smoke test of release ${version} failed`, {
        by: 'a build that passes',
      }),
    );
  if (release.risky) {
    const by = `a person who starts it (sitelift upgrade ${slug} --to ${version})`;
    findings.push(
      finding('needs-a-person-to-start', 'hold', `release ${version} is declared risky: no night starts it`, {
        by,
      }),
    );
  }
  return findings;
}

function aheadFinding(instance: Instance, observed: string, target: ResolvedTarget, wanted: string): Finding {
  const { pin } = target;
  const wait =
    pin === null && instance.target.kind === 'channel'
      ? `until ${instance.target.channel} reaches ${observed}`
      : 'for a target at or above it';
  const detail =
    `it runs ${observed}, ahead of its target ${wanted}: nothing is taken back by itself; ` +
    `wait ${wait}, or downgrade with restore, approved by a named person`;
  return finding('ahead-of-target', 'hold', detail, {
    by: 'a higher target, or a named person who approves a downgrade with restore',
  });
}

interface Case {
  readonly instance: Instance;
  readonly target: ResolvedTarget;
  /** The observed version, when it is one. */
  readonly observed: string | null;
  readonly seen: readonly Finding[];
  readonly pins: readonly Finding[];
}

/** What runs is told beside what the last upgrade installed when the two differ. */
function runs({ instance: { recordedVersion }, observed }: Case): string {
  const agrees =
    recordedVersion === null || observed === null || compareVersions(recordedVersion, observed) === 0;
  return `it runs ${observed ?? 'nothing known'}${agrees ? '' : ` (the last upgrade installed ${recordedVersion})`}`;
}

/** It runs what it should. A pin that keeps it from its channel parks it there; everything else only explains. */
function atTarget(one: Case, wanted: string): Standing {
  const { choice } = one.target;
  const release = choice.kind === 'found' ? choice.release : null;
  // A withdrawn build that already runs is nothing for a night, but nobody should find out by chance (E26).
  const withdrawn = (release === null ? [] : releaseFindings(release, one.instance.slug)).filter(
    ({ reason }) => reason.code === 'release-withdrawn',
  );
  const isParked = one.pins.some((pin) => pin.forces === 'hold');
  const explain = (found: Finding): Finding => ({ ...found, forces: 'none' });
  if (isParked)
    return {
      kind: 'parked',
      toVersion: wanted,
      release,
      findings: [...one.pins, ...withdrawn.map(explain), ...one.seen],
    };
  const why = choice.kind === 'found' ? choice.why : `version ${wanted}`;
  const findings = [finding('at-target', 'none', `${runs(one)}, its target is ${why}`), ...one.pins];
  return {
    kind: 'at-target',
    toVersion: wanted,
    release,
    findings: [...findings, ...[...withdrawn, ...one.seen].map(explain)],
  };
}

function unresolved({ target: { choice }, pins, seen }: Case): Standing {
  const isEmpty = choice.kind === 'problem' && choice.code === 'no-version-in-channel';
  const by = isEmpty ? 'whoever places a release in it' : 'another target, or adding what is missing';
  const code = choice.kind === 'problem' ? choice.code : 'unknown-version';
  const problem = finding(code, isEmpty ? 'hold' : 'refuse', choice.why, { by });
  return { kind: 'unclear', toVersion: choice.version, release: null, findings: [problem, ...pins, ...seen] };
}

/** `snapshotAt`: when the snapshot was read, which a forecast for another instant does not change. */
export function standingOf(instance: Instance, target: ResolvedTarget, snapshotAt: EpochMs): Standing {
  const version = instance.observed?.version ?? null;
  const observed = version !== null && isVersion(version) ? version : null;
  const seen = observationFindings(instance, snapshotAt);
  const pins = pinFindings(target, observed, instance.zone);
  const one: Case = { instance, target, observed, seen, pins };
  const { choice } = target;
  const wanted = choice.version;
  if (observed !== null && wanted !== null && compareVersions(observed, wanted) === 0)
    return atTarget(one, wanted);
  if (choice.kind === 'problem') return unresolved(one);
  const { release } = choice;
  const wants = { toVersion: choice.version, release };
  const against = releaseFindings(release, instance.slug);
  if (observed === null) return { kind: 'unclear', ...wants, findings: [...seen, ...pins, ...against] };
  if (compareVersions(observed, choice.version) > 0) {
    const ahead = aheadFinding(instance, observed, target, choice.version);
    return { kind: 'parked', ...wants, findings: [ahead, ...pins, ...seen] };
  }
  const differs = finding('differs-from-target', 'none', `${runs(one)}, its target is ${choice.why}`);
  return { kind: 'behind', ...wants, findings: [differs, ...pins, ...seen, ...against] };
}
