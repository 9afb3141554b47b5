/**
 * The second opinion on a plan. It shares no helper with the planner and decides nothing itself: it looks at every start
 * again, by plain walks over the snapshot, and says what is wrong with it. A fatal note stops the whole pass, because a
 * planner that is wrong once cannot be trusted about the rest of the night. Silence means: looked at, nothing found.
 */
import {
  ENVIRONMENT_ROLES,
  type Freeze,
  type Hold,
  type Instance,
  type MaintenanceWindow,
  type Release,
} from '../fleet/fleet.ts';
import type { InstanceId, ReleaseId } from '../ids.ts';
import { checkHour, groupByScope, rulesOf, type ByScope } from './check-hour.ts';
import {
  channelTops,
  isLower,
  isSame,
  policyValue,
  wantedVersion,
  type ChannelTops,
} from './check-target.ts';
import type { Decision, NightPlan, PlanNote } from './decision.ts';
import type { FleetSnapshot, UpgradeInProgress } from './snapshot.ts';

/** A start on what was seen longer ago than this before the snapshot is a start in the dark. */
const SEEN_WITHIN = 86_400_000;

interface Facts {
  readonly snapshot: FleetSnapshot;
  readonly plan: NightPlan;
  readonly tops: ChannelTops;
  readonly decisions: ReadonlyMap<InstanceId, Decision>;
  readonly releases: ReadonlyMap<ReleaseId, Release>;
  readonly holds: ReadonlyMap<InstanceId, readonly Hold[]>;
  readonly pins: ReadonlyMap<InstanceId, FleetSnapshot['pins']>;
  readonly upgrades: ReadonlyMap<InstanceId, readonly UpgradeInProgress[]>;
  readonly windows: ByScope<MaintenanceWindow>;
  readonly freezes: ByScope<Freeze>;
  /** Non-production instances by customer and product. */
  readonly stages: ReadonlyMap<string, readonly Instance[]>;
}

function siblingKey(instance: Instance): string {
  return `${instance.customerId}/${instance.productId}`;
}

function checkRelease(
  { releases, tops, pins, plan }: Facts,
  instance: Instance,
  decision: Decision,
): readonly string[] {
  const release = decision.toReleaseId === null ? undefined : releases.get(decision.toReleaseId);
  if (release === undefined) return ['no known release is named'];
  const wrong: string[] = [];
  if (release.productId !== instance.productId)
    wrong.push(`release ${release.version} is one of another product`);
  if (release.version !== decision.toVersion)
    wrong.push(`the release named is ${release.version}, not ${decision.toVersion}`);
  if (release.withdrawn !== null) wrong.push(`release ${release.version} was withdrawn`);
  if (release.smokeTest === 'failed') wrong.push(`the smoke test of release ${release.version} failed`);
  if (release.risky) wrong.push(`release ${release.version} is risky and needs a person to start it`);
  const wanted = wantedVersion(tops, instance, pins.get(instance.id) ?? [], plan.now);
  if (wanted === null) wrong.push('nothing says what it should run');
  else if (!isSame(wanted.version, release.version))
    wrong.push(`${wanted.by} says ${wanted.version}, not ${release.version}`);
  return wrong;
}

function checkSeen({ snapshot }: Facts, { observed }: Instance, decision: Decision): readonly string[] {
  if (observed === null || observed.version === null) return ['nobody has seen what it runs'];
  const wrong: string[] = [];
  if ((snapshot.readAt ?? snapshot.now) - observed.at > SEEN_WITHIN) wrong.push('it was seen too long ago');
  if (!observed.healthy) wrong.push('it is not healthy');
  if (!/^\d/.test(observed.version)) wrong.push('what was seen there is no version');
  if (decision.fromVersion !== observed.version)
    wrong.push(`it runs ${observed.version}, not ${decision.fromVersion}`);
  if (decision.toVersion !== null && !isLower(observed.version, decision.toVersion))
    wrong.push(`${decision.toVersion} is not above ${observed.version}, which it runs`);
  return wrong;
}

function checkHeld(
  { snapshot, plan, freezes, holds, upgrades }: Facts,
  instance: Instance,
  decision: Decision,
): readonly string[] {
  const wrong: string[] = [];
  if (snapshot.stopped !== null) wrong.push(`everything is stopped by ${snapshot.stopped.by}`);
  for (const { fromAt, untilAt, reason } of rulesOf(instance, freezes).flat()) {
    if (fromAt <= plan.now && (untilAt ?? Infinity) > plan.now) wrong.push(`it is frozen: ${reason}`);
  }
  for (const { releaseId, untilAt, reason } of holds.get(instance.id) ?? []) {
    const speaks = releaseId === null || releaseId === decision.toReleaseId;
    if (speaks && (untilAt ?? Infinity) > plan.now) wrong.push(`it is held: ${reason}`);
  }
  for (const { upgradeId, phase } of upgrades.get(instance.id) ?? [])
    wrong.push(`upgrade ${upgradeId} of it is ${phase}`);
  return wrong;
}

function checkWindow(
  { snapshot, plan, windows, releases }: Facts,
  instance: Instance,
  decision: Decision,
): readonly string[] {
  const release = decision.toReleaseId === null ? undefined : releases.get(decision.toReleaseId);
  if (release === undefined) return [];
  if (policyValue(snapshot, instance, release.kind, 'P3') === 'any-time') return [];
  const product = snapshot.products.find((one) => one.id === instance.productId);
  const forecast = product === undefined ? undefined : snapshot.forecasts.get(product.slug);
  const needMs = forecast === undefined ? 0 : forecast.closedMs + forecast.wayBackMs;
  const wrong = checkHour(instance, windows, plan.now, needMs);
  return wrong === null ? [] : [wrong];
}

function checkStages(facts: Facts, instance: Instance, decision: Decision): readonly string[] {
  const release = decision.toReleaseId === null ? undefined : facts.releases.get(decision.toReleaseId);
  if (instance.role !== 'live' || release === undefined) return [];
  const listed = policyValue(facts.snapshot, instance, release.kind, 'P28');
  const roles = (Array.isArray(listed) ? listed : [listed]) as readonly unknown[]; // compared with `includes` only
  const wrong = roles
    .filter((role) => !NO_STAGE.includes(role) && !ENVIRONMENT_ROLES.some((known) => known === role))
    .map((role) => `policy P28 lists ${JSON.stringify(role)}, which is no role`);
  for (const stage of facts.stages.get(siblingKey(instance)) ?? []) {
    if (!roles.includes(stage.role)) continue;
    const own = facts.decisions.get(stage.id);
    const isUnderWay = own?.verdict === 'start' || own?.verdict === 'wait' || facts.upgrades.has(stage.id);
    const wanted = wantedVersion(facts.tops, stage, facts.pins.get(stage.id) ?? [], facts.plan.now);
    const runs = stage.observed?.version ?? null;
    const isBehind =
      wanted !== null &&
      isSame(wanted.version, release.version) &&
      (runs === null || isLower(runs, release.version));
    if (isUnderWay || isBehind) wrong.push(`${stage.slug} goes first and is not done`);
    for (const { kind, releaseId, untilAt } of facts.holds.get(stage.id) ?? []) {
      if (releaseId === release.id && kind !== 'by-hand' && (untilAt ?? Infinity) > facts.plan.now)
        wrong.push(`${stage.slug} is held (${kind}) after the same release`);
    }
  }
  return wrong;
}

const NO_STAGE: readonly unknown[] = [undefined, null, false, 'none'];

const CHECKS = [checkRelease, checkSeen, checkHeld, checkWindow, checkStages] as const;

function fatal(instanceId: InstanceId | null, text: string): PlanNote {
  return { severity: 'fatal', instanceId, text };
}

/** Every instance of the snapshot exactly once, each with a reason, and nobody else. */
function checkComplete(snapshot: FleetSnapshot, plan: NightPlan): readonly PlanNote[] {
  const counts = new Map<InstanceId, number>();
  const notes: PlanNote[] = [];
  for (const { instanceId, reasons } of plan.decisions) {
    counts.set(instanceId, (counts.get(instanceId) ?? 0) + 1);
    if (reasons.length === 0) notes.push(fatal(instanceId, 'the decision gives no reason'));
  }
  for (const { id, slug } of snapshot.instances) {
    const count = counts.get(id) ?? 0;
    if (count !== 1) notes.push(fatal(id, `${slug} has ${count} decisions instead of one`));
    counts.delete(id);
  }
  for (const id of counts.keys())
    notes.push(fatal(id, 'the decision is about an instance that the snapshot does not have'));
  return notes;
}

function checkCapacity({ snapshot, plan }: Facts): readonly PlanNote[] {
  const starts = plan.decisions.filter((one) => one.verdict === 'start');
  const busy = snapshot.upgrades.filter(
    ({ phase, kind, startsAt }) =>
      phase === 'open' || (startsAt ?? (kind === 'booked' ? Infinity : plan.now)) <= plan.now,
  );
  const total = new Set([...busy, ...starts].map((one) => one.instanceId)).size;
  if (starts.length === 0 || total <= snapshot.upgradesAtOnce) return [];
  const text = `${starts.length} starts beside ${busy.length} upgrades under way: more than ${snapshot.upgradesAtOnce} at once`;
  return [fatal(null, text)];
}

/** Not a danger to any site, but a lie to whoever reads it. */
function checkSettled(facts: Facts, instance: Instance, decision: Decision): readonly PlanNote[] {
  const { tops, pins, plan } = facts;
  const wanted = wantedVersion(tops, instance, pins.get(instance.id) ?? [], plan.now);
  const runs = instance.observed?.version ?? null;
  if (decision.verdict !== 'up-to-date' || wanted === null || (runs !== null && isSame(runs, wanted.version)))
    return [];
  const text = `${instance.slug} is called up to date, but runs ${runs ?? 'nothing known'} and ${wanted.by} says ${wanted.version}`;
  return [{ severity: 'warning', instanceId: instance.id, text }];
}

function group<T, K>(items: readonly T[], keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const list = groups.get(keyOf(item));
    if (list === undefined) groups.set(keyOf(item), [item]);
    else list.push(item);
  }
  return groups;
}

export function checkPlan(snapshot: FleetSnapshot, plan: NightPlan): readonly PlanNote[] {
  const facts: Facts = {
    snapshot,
    plan,
    tops: channelTops(snapshot),
    decisions: new Map(plan.decisions.map((one) => [one.instanceId, one])),
    releases: new Map(snapshot.releases.map((one) => [one.id, one])),
    holds: group(snapshot.holds, (one) => one.instanceId),
    pins: group(snapshot.pins, (one) => one.instanceId),
    upgrades: group(snapshot.upgrades, (one) => one.instanceId),
    windows: groupByScope(snapshot.windows),
    freezes: groupByScope(snapshot.freezes),
    stages: group(snapshot.instances.filter((one) => one.role !== 'live'), siblingKey), // prettier-ignore
  };
  const notes = [...checkComplete(snapshot, plan), ...checkCapacity(facts)];
  const instances = new Map(snapshot.instances.map((one) => [one.id, one]));
  for (const decision of plan.decisions) {
    const instance = instances.get(decision.instanceId);
    if (instance === undefined) continue;
    notes.push(...checkSettled(facts, instance, decision));
    if (decision.verdict !== 'start') continue;
    const wrong = CHECKS.flatMap((check) => check(facts, instance, decision));
    notes.push(...wrong.map((text) => fatal(instance.id, `${instance.slug} must not start: ${text}`)));
  }
  return notes;
}
