/**
 * The night, decided: for every instance of the snapshot one verdict with all its reasons. Pure: the same snapshot and
 * instant give the same plan for ever, so the nightly loop, the forecast, `why` and the screens cannot disagree.
 *
 * All reasons are collected; none hides another, because whoever clears one wants to know what still stands. The worst of
 * them is the verdict. Starts go out in order (non-production before live, then by customer and slug) while there is
 * capacity; who comes too late waits. It never takes a version back, never starts what is risky, and never starts twice:
 * whatever is open or planned for an instance stands before the night.
 */
import type { CustomerId, ProductId } from '../ids.ts';
import type { Instance } from '../fleet/fleet.ts';
import type { EpochMs } from '../time/instant.ts';
import type { Decision, NightPlan, Verdict } from './decision.ts';
import { finding, freeFrom, reasonsOf, worstForce, type Finding } from './finding.ts';
import { indexFleet, type FleetIndex } from './fleet-index.ts';
import { hourOf } from './hour-findings.ts';
import { resolveTarget } from './resolve-target.ts';
import type { FleetSnapshot, UpgradeInProgress } from './snapshot.ts';
import { stageFindings, type Stage } from './stage-findings.ts';
import { startFindings } from './start-findings.ts';
import { standingOf, type Standing } from './target-findings.ts';

interface Pass {
  readonly snapshot: FleetSnapshot;
  readonly index: FleetIndex;
  readonly now: EpochMs;
  readonly stages: Map<string, Stage[]>;
  /** Upgrades that may still be opened. */
  free: number;
}

/** Non-production before live, then by customer, then by slug; by code units, the same on every machine. */
export function startOrder(
  instances: readonly Instance[],
  index: Pick<FleetIndex, 'customers'>,
): readonly Instance[] {
  const keyed = instances.map((instance) => {
    const customer = index.customers.get(instance.customerId)?.slug ?? instance.customerId;
    const stage = instance.role === 'live' ? 1 : 0;
    return { instance, key: `${stage}\t${customer}\t${instance.slug}\t${instance.id}` };
  });
  keyed.sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
  return keyed.map((one) => one.instance);
}

function stageKey(customerId: CustomerId, productId: ProductId): string {
  return `${customerId} ${productId}`;
}

/** Up to date wins over whatever would hold a start: what else is told about it explains, and forces nothing. */
function settled(instance: Instance, standing: Standing, more: readonly Finding[]): Decision {
  return {
    instanceId: instance.id,
    verdict: 'up-to-date',
    fromVersion: instance.observed?.version ?? null,
    toVersion: standing.toVersion,
    toReleaseId: standing.release?.id ?? null,
    reasons: reasonsOf([...standing.findings, ...more]),
    window: null,
    startsAt: null,
  };
}

function decide(pass: Pass, instance: Instance): Decision {
  const { snapshot, index, now } = pass;
  const target = resolveTarget(index.releases, instance, index.pins.get(instance.id), now);
  const standing = standingOf(instance, target, snapshot.readAt ?? snapshot.now);
  const { release, toVersion } = standing;
  const start = startFindings(snapshot, index, instance, release, now);
  if (standing.kind === 'at-target') {
    const telling = start.filter(
      ({ reason }) => reason.code === 'held' || reason.code === 'upgrade-in-progress',
    );
    return settled(instance, standing, telling);
  }
  const wantsHour = standing.kind !== 'parked';
  const hour = wantsHour ? hourOf(index, instance, release?.kind ?? null, now) : null;
  const siblings = pass.stages.get(stageKey(instance.customerId, instance.productId)) ?? [];
  const stage = wantsHour && release !== null ? stageFindings(index, instance, release, siblings, now) : [];
  const findings = [...standing.findings, ...start, ...(hour?.findings ?? []), ...stage];
  if (worstForce(findings) === 'none') {
    if (pass.free > 0) pass.free -= 1;
    else findings.push(capacityFinding(snapshot, now));
  }
  const force = worstForce(findings);
  const verdict: Verdict = force === 'none' ? 'start' : force;
  const from =
    verdict === 'refuse'
      ? null
      : freeFrom(
          findings.filter(({ reason }) => !isOfTheHour(reason.code)),
          now,
        );
  const earliest = from === null || hour === null ? null : hour.earliest(from);
  return {
    instanceId: instance.id,
    verdict,
    fromVersion: instance.observed?.version ?? null,
    toVersion,
    toReleaseId: release?.id ?? null,
    reasons: reasonsOf(findings),
    window: earliest?.window ?? hour?.window ?? null,
    startsAt: verdict === 'start' ? now : (earliest?.startsAt ?? null),
  };
}

/** The search for the earliest start knows windows and freezes itself. */
function isOfTheHour(code: Finding['reason']['code']): boolean {
  return code === 'window-shut' || code === 'window-too-short' || code === 'frozen';
}

function capacityFinding({ upgradesAtOnce }: FleetSnapshot, now: EpochMs): Finding {
  const detail = `${upgradesAtOnce} upgrades at once are allowed and all of them are taken or come before this one`;
  return finding('capacity-full', 'wait', detail, { by: 'the end of one of them', notBefore: now });
}

/** A booked upgrade without a time waits for its booking; any other without one was meant for now. */
function isDue({ kind, startsAt }: UpgradeInProgress, now: EpochMs): boolean {
  return startsAt === null ? kind !== 'booked' : startsAt <= now;
}

/** Open upgrades take capacity, and so do planned ones whose time has come: they open before anything that starts now. */
function capacityLeft({ upgrades, upgradesAtOnce }: FleetSnapshot, now: EpochMs): number {
  const taken = new Set(
    upgrades.filter((one) => one.phase === 'open' || isDue(one, now)).map((one) => one.instanceId),
  );
  return Math.max(0, upgradesAtOnce - taken.size);
}

/** `now` may differ from the snapshot's: a forecast for tonight, or the replay of a night. */
export function planNight(snapshot: FleetSnapshot, now: EpochMs = snapshot.now): NightPlan {
  const index = indexFleet(snapshot);
  const pass: Pass = { snapshot, index, now, stages: new Map(), free: capacityLeft(snapshot, now) };
  const decisions: Decision[] = [];
  for (const instance of startOrder(snapshot.instances, index)) {
    const decision = decide(pass, instance);
    decisions.push(decision);
    if (instance.role === 'live') continue;
    const key = stageKey(instance.customerId, instance.productId);
    const stages = pass.stages.get(key);
    if (stages === undefined) pass.stages.set(key, [{ instance, decision }]);
    else stages.push({ instance, decision });
  }
  return { now, decisions };
}
