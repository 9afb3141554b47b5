/**
 * Upgrades of many instances that one person asks for (C13): each by exactly the rules of a single request, plus two that only
 * a crowd has. Live follows its stages (P28) also when they are in the same selection: it is not started with them. And no
 * more are started than capacity has left; the rest is not queued. Whoever waits is told whether the night takes it from
 * there, which it does only where the instance's own target says so.
 */
import type { Instance } from '@sitelift/domain/fleet/fleet.ts';
import type { Decision, NightPlan, ReasonCode, Verdict } from '@sitelift/domain/planning/decision.ts';
import type { FleetSnapshot, UpgradeInProgress } from '@sitelift/domain/planning/snapshot.ts';
import { wanting, whatStandsAgainst, type PersonalReason, type PersonalWish } from './personal-upgrade.ts';

export interface SelectedUpgrade {
  readonly instance: Instance;
  readonly decision: Decision;
  /** `start`: nothing stands against it, and there is room. */
  readonly verdict: Verdict;
  readonly reasons: readonly PersonalReason[];
}

const OWN_UPGRADE: readonly ReasonCode[] = ['upgrade-in-progress', 'booked-upgrade'];
/** Another upgrade has to end first, and then these are gone. */
const WAITING: readonly (ReasonCode | null)[] = [...OWN_UPGRADE, 'stage-pending', 'capacity-full'];
/** What a person's word may pass over; then it is not the reason for the verdict either. */
const PASSED_OVER: readonly ReasonCode[] = ['needs-a-person-to-start', 'no-window'];

/** The planner's verdict, unless the worst of its reasons is one that the person's word passes over. */
function verdictOf({ verdict, reasons }: Decision, against: readonly PersonalReason[]): Verdict {
  const codes = against.map(({ code }) => code);
  if (verdict === 'up-to-date') return verdict;
  if (verdict === 'start' || codes.includes(null)) return 'hold';
  const isPassed = reasons.some(({ code }) => PASSED_OVER.includes(code) && !codes.includes(code));
  if (!isPassed || verdict === 'wait') return verdict;
  return codes.every((code) => WAITING.includes(code)) ? 'wait' : 'hold';
}

/**
 * How many more may be started. One that is planned and waits for its window counts too: it will open beside these. Only a
 * booking for another day does not.
 */
function roomLeft({ upgrades, upgradesAtOnce, now }: FleetSnapshot): number {
  const isTaking = ({ phase, kind, startsAt }: UpgradeInProgress): boolean =>
    phase === 'open' || kind !== 'booked' || (startsAt !== null && startsAt <= now);
  return Math.max(0, upgradesAtOnce - new Set(upgrades.filter(isTaking).map((one) => one.instanceId)).size);
}

function fullReason({ upgradesAtOnce }: FleetSnapshot): PersonalReason {
  const detail = `${upgradesAtOnce} upgrades at once are allowed and all of them are taken or come before this one`;
  return { code: 'capacity-full', detail, clearsAt: null, clearedBy: 'the end of one of them' };
}

/** A claim that stands in for a start of this selection, so that the planner sees live's stage as under way. */
function claimOf({ instanceId, toVersion, startsAt }: Decision): UpgradeInProgress {
  const upgradeId = 'upg_of-this-selection';
  return { upgradeId, instanceId, kind: 'requested', phase: 'planned', toVersion: toVersion ?? '', startsAt };
}

type Plan = (snapshot: FleetSnapshot) => NightPlan;

/** Decisions in start order. Two looks: who goes first, and then live with them under way. */
function decisionsOf(
  snapshot: FleetSnapshot,
  plan: Plan,
  selected: ReadonlyMap<Instance['id'], Instance>,
  wish: PersonalWish,
): readonly Decision[] {
  const { version } = wish;
  const wanted = version === null ? snapshot : wanting(snapshot, new Set(selected.keys()), version);
  // Room is counted here, and only for the selection: the night's own count would speak of instances that nobody selected.
  const roomy = { ...wanted, upgradesAtOnce: Number.MAX_SAFE_INTEGER };
  const first = plan(roomy).decisions.filter(({ instanceId }) => selected.has(instanceId));
  const isLive = ({ instanceId }: Decision): boolean => selected.get(instanceId)?.role === 'live';
  const before = first.filter((one) => !isLive(one) && whatStandsAgainst(one, wish).length === 0);
  if (before.length === 0) return first;
  const claimed = { ...roomy, upgrades: [...roomy.upgrades, ...before.map(claimOf)] };
  const second = new Map(plan(claimed).decisions.map((one) => [one.instanceId, one]));
  return first.map((one) => (isLive(one) ? (second.get(one.instanceId) ?? one) : one));
}

/** Does the night do the same by itself, when its time has come? */
function nightDoes(own: Decision | undefined, { toReleaseId }: Decision): boolean {
  return (own?.verdict === 'start' || own?.verdict === 'wait') && own.toReleaseId === toReleaseId;
}

export function decideSelection(
  snapshot: FleetSnapshot,
  plan: Plan,
  instances: readonly Instance[],
  wish: PersonalWish,
): readonly SelectedUpgrade[] {
  const selected = new Map(instances.map((instance) => [instance.id, instance]));
  let room = roomLeft(snapshot);
  let night: ReadonlyMap<Instance['id'], Decision> | null = null;
  const afterwards = (decision: Decision): string => {
    night ??= new Map(plan(snapshot).decisions.map((one) => [one.instanceId, one]));
    return nightDoes(night.get(decision.instanceId), decision)
      ? '; it was not started, and the night starts it afterwards, because its own target says so'
      : '; it was not started, and no night starts it by itself: ask again afterwards';
  };
  return decisionsOf(snapshot, plan, selected, wish).flatMap((decision): readonly SelectedUpgrade[] => {
    const instance = selected.get(decision.instanceId);
    if (instance === undefined) return [];
    const against = whatStandsAgainst(decision, wish);
    if (against.length === 0 && room > 0) {
      room -= 1;
      return [{ instance, decision, verdict: 'start', reasons: decision.reasons }];
    }
    const reasons = against.length === 0 ? [fullReason(snapshot)] : against;
    const verdict = against.length === 0 ? 'wait' : verdictOf(decision, against);
    // One that has an upgrade of its own before it is started already; there is nothing to say of afterwards.
    const isUnderWay = reasons.some(({ code }) => code !== null && OWN_UPGRADE.includes(code));
    const told = reasons.map((reason) =>
      verdict === 'wait' &&
      !isUnderWay &&
      (reason.code === 'capacity-full' || reason.code === 'stage-pending')
        ? { ...reason, detail: `${reason.detail}${afterwards(decision)}` }
        : reason,
    );
    return [{ instance, decision, verdict, reasons: told }];
  });
}
