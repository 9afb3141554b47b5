/**
 * Stages (policy P28): a live instance follows the customer's listed non-production roles of the same product. It waits while
 * one of them has an upgrade open or coming, and is held when one failed with the very release that live wants: what broke
 * the rehearsal must not be tried on the customers' site. A stage that stays elsewhere on purpose (pinned, ahead, up to date
 * with a target of its own) has none pending and holds nobody up; a stage that the customer does not have neither.
 *
 * Whatever they do, one reason (`stages`) says which of them rehearse the version and which do not (C2): nobody should take a
 * start for rehearsed because no stage stood in its way.
 */
import {
  ENVIRONMENT_ROLES,
  type EnvironmentRole,
  type HoldKind,
  type Instance,
  type Release,
} from '../fleet/fleet.ts';
import { compareVersions } from '../fleet/version-order.ts';
import type { PolicyValue } from '../policy/policy.ts';
import type { EpochMs } from '../time/instant.ts';
import type { Decision } from './decision.ts';
import { finding, type Finding } from './finding.ts';
import type { FleetIndex } from './fleet-index.ts';

/** A non-production instance that was decided before the live one, in this plan. */
export interface Stage {
  readonly instance: Instance;
  readonly decision: Decision;
}

const FAILED_HOLDS: readonly HoldKind[] = [
  'rolled-back',
  'upgrade-failed',
  'needs-a-person',
  'known-bad-pair',
];

function isRole(value: PolicyValue): value is EnvironmentRole {
  return ENVIRONMENT_ROLES.some((role) => role === value);
}

/** The roles that P28 lists; `none`, null and false mean none. Undefined when the value cannot be read. */
export function stageRoles(value: PolicyValue | undefined): readonly EnvironmentRole[] | undefined {
  if (value === undefined || value === null || value === false || value === 'none') return [];
  const listed = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(listed)) return undefined;
  const roles = (listed as readonly PolicyValue[]).filter(isRole); // an array of PolicyValue is what is left of the union
  return roles.length === listed.length ? roles : undefined;
}

function hasFailed(index: FleetIndex, stage: Stage, release: Release, now: EpochMs): boolean {
  const wantsIt = stage.decision.toReleaseId === release.id && stage.decision.verdict !== 'up-to-date';
  return (index.holds.get(stage.instance.id) ?? []).some(
    (hold) =>
      FAILED_HOLDS.includes(hold.kind) &&
      (hold.untilAt === null || hold.untilAt > now) &&
      (hold.releaseId === release.id || (hold.releaseId === null && wantsIt)),
  );
}

/** It wants the very version, has not got it, and is not past it either. */
function isBehind({ decision }: Stage, release: Release): boolean {
  const { fromVersion, toReleaseId } = decision;
  return (
    toReleaseId === release.id && (fromVersion === null || compareVersions(fromVersion, release.version) < 0)
  );
}

function findingOf(index: FleetIndex, stage: Stage, release: Release, now: EpochMs): Finding | null {
  const { slug, role, id } = stage.instance;
  const { verdict, toVersion, startsAt } = stage.decision;
  if (hasFailed(index, stage, release, now)) {
    const detail = `${slug} (${role}) is held after an upgrade to ${release.version} that failed or was rolled back`;
    return finding('stage-failed', 'hold', detail, { by: `lifting the hold of ${slug}` });
  }
  const isMoving = verdict === 'start' || verdict === 'wait' || index.upgrades.has(id);
  if (!isMoving && !isBehind(stage, release)) return null;
  const by = `the end of the upgrade of ${slug}`;
  const to = toVersion === null ? 'its upgrade' : `its upgrade to ${toVersion}`;
  if (isMoving) {
    const detail = `${slug} (${role}) goes first and ${to} is not over`;
    return finding('stage-pending', 'wait', detail, { by, notBefore: startsAt });
  }
  const detail = `${slug} (${role}) goes first, and ${to} does not start as things are (${verdict})`;
  return finding('stage-pending', 'hold', detail, { by, notBefore: startsAt });
}

/** What a stage has to do with this version, as the plan tells it. */
function rehearsalOf({ instance, decision }: Stage, release: Release, isFollowed: boolean): string {
  const name = `${instance.slug} (${instance.role})`;
  const { fromVersion } = decision;
  if (isFollowed) return `it follows ${name}`;
  if (fromVersion === null) return `what ${name} runs is not known, so it rehearses nothing`;
  const order = compareVersions(fromVersion, release.version);
  if (order === 0) return `${name} already runs ${release.version}`;
  if (order > 0) return `${name} is past ${release.version} with ${fromVersion}`;
  return `${name} stays on ${fromVersion} and does not rehearse ${release.version}`;
}

/** Which of the listed roles this customer has, and what each one proves; null when the policy lists none. */
function stagesFinding(
  roles: readonly EnvironmentRole[],
  listed: readonly Stage[],
  followed: ReadonlySet<Stage>,
  release: Release,
): Finding | null {
  const missing = roles.filter(
    (role) => role !== 'live' && !listed.some(({ instance }) => instance.role === role),
  );
  const told = roles.flatMap((role) =>
    listed
      .filter(({ instance }) => instance.role === role)
      .map((stage) => rehearsalOf(stage, release, followed.has(stage))),
  );
  if (missing.length > 0) {
    const none =
      missing.length === 1 ? `it has no ${missing.join()}` : `it has none of ${missing.join(', ')}`;
    told.push(told.length === 0 ? `${none}: nothing rehearses ${release.version}` : none);
  }
  return told.length === 0 ? null : finding('stages', 'none', told.join('; '));
}

export function stageFindings(
  index: FleetIndex,
  instance: Instance,
  release: Release,
  stages: readonly Stage[],
  now: EpochMs,
): readonly Finding[] {
  if (instance.role !== 'live') return [];
  const roles = stageRoles(index.policy(instance, release.kind, 'P28'));
  if (roles === undefined) {
    const detail = 'policy P28 does not list roles: nobody can tell what must go before live';
    return [finding('policy-unreadable', 'hold', detail, { by: 'whoever writes the policy' })];
  }
  const listed = stages.filter(
    (stage) => stage.instance.role !== 'live' && roles.includes(stage.instance.role),
  );
  const followed = new Set<Stage>();
  const findings: Finding[] = [];
  for (const stage of listed) {
    const found = findingOf(index, stage, release, now);
    if (found === null) continue;
    followed.add(stage);
    findings.push(found);
  }
  const told = stagesFinding([...new Set(roles)], listed, followed, release);
  return told === null ? findings : [...findings, told];
}
