/**
 * The night as people read it: decisions with every reason, and who would be decided differently if something were changed.
 * Pure over a snapshot and its plan: the screens, the CLI and the night itself cannot disagree.
 */
import type { DecisionView, PlanView, PreviewView } from '@sitelift/contract/views.ts';
import type { WindowOccurrence } from '@sitelift/domain/fleet/fleet.ts';
import {
  VERDICTS,
  type Decision,
  type NightPlan,
  type PlanNote,
} from '@sitelift/domain/planning/decision.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';
import type { EpochMs } from '@sitelift/domain/time/instant.ts';

const iso = (at: EpochMs): string => new Date(at).toISOString();
const maybeIso = (at: EpochMs | null): string | null => (at === null ? null : iso(at));

function windowView(window: WindowOccurrence | null): DecisionView['window'] {
  if (window === null) return null;
  return {
    opensAt: iso(window.opensAt),
    closesAt: iso(window.closesAt),
    cutOffAt: iso(window.cutOffAt),
  };
}

/** Turns decisions of this snapshot into views: names instead of ids. */
export function decisionViewer(snapshot: FleetSnapshot): (decision: Decision) => DecisionView {
  const instances = new Map(snapshot.instances.map((instance) => [instance.id, instance]));
  const customers = new Map(snapshot.customers.map((customer) => [customer.id, customer.slug]));
  const products = new Map(snapshot.products.map((product) => [product.id, product.slug]));
  return (decision) => {
    const instance = instances.get(decision.instanceId);
    if (instance === undefined)
      throw new Error(`a decision speaks of ${decision.instanceId}, which is not there`);
    return {
      instance: instance.slug,
      customer: customers.get(instance.customerId) ?? '',
      product: products.get(instance.productId) ?? '',
      role: instance.role,
      zone: instance.zone,
      verdict: decision.verdict,
      fromVersion: decision.fromVersion,
      toVersion: decision.toVersion,
      reasons: decision.reasons.map(({ code, detail, clearsAt, clearedBy }) => ({
        code,
        detail,
        clearsAt: maybeIso(clearsAt),
        clearedBy,
      })),
      window: windowView(decision.window),
      startsAt: maybeIso(decision.startsAt),
    };
  };
}

export function planView(snapshot: FleetSnapshot, plan: NightPlan, notes: readonly PlanNote[]): PlanView {
  const slugs = new Map(snapshot.instances.map((instance) => [instance.id, instance.slug]));
  const count = (verdict: Decision['verdict']): number =>
    plan.decisions.filter((decision) => decision.verdict === verdict).length;
  const { stopped } = snapshot;
  return {
    at: iso(plan.now),
    decisions: plan.decisions.map(decisionViewer(snapshot)),
    // as: one entry for each verdict, which fromEntries cannot say
    counts: Object.fromEntries(VERDICTS.map((verdict) => [verdict, count(verdict)])) as PlanView['counts'],
    notes: notes.map(({ severity, instanceId, text }) => ({
      severity,
      instance: instanceId === null ? null : (slugs.get(instanceId) ?? null),
      text,
    })),
    stopped: stopped === null ? null : { at: iso(stopped.at), by: stopped.by, reason: stopped.reason },
  };
}

/** Who is decided differently: another verdict, or another version to go to. */
export function movesBetween(
  snapshot: FleetSnapshot,
  before: NightPlan,
  after: NightPlan,
): PreviewView['moves'] {
  const slugs = new Map(snapshot.instances.map((instance) => [instance.id, instance.slug]));
  const was = new Map(before.decisions.map((decision) => [decision.instanceId, decision]));
  return after.decisions
    .filter((decision) => {
      const old = was.get(decision.instanceId);
      return old?.verdict !== decision.verdict || old.toVersion !== decision.toVersion;
    })
    .map((decision) => ({
      instance: slugs.get(decision.instanceId) ?? decision.instanceId,
      from: decision.fromVersion,
      to: decision.toVersion,
      verdict: decision.verdict,
    }));
}
