/**
 * Puts the night together: one snapshot, the planner, the second opinion, and what policies say to a start. The loop, a
 * person's "plan now" and the previews of the API use these same functions.
 */
import { checkPlan } from '@sitelift/domain/planning/check-plan.ts';
import type { Decision } from '@sitelift/domain/planning/decision.ts';
import { planNight } from '@sitelift/domain/planning/plan-night.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';
import { effectivePolicy, type PolicySubject } from '@sitelift/domain/policy/effective-policy.ts';
import type { EpochMs } from '@sitelift/domain/time/instant.ts';
import { backupPolicy, isAnyTime } from '@sitelift/playbook/policy-values.ts';
import { inTurn } from './dispatch/one-at-a-time.ts';
import type { Database } from './db/database.ts';
import type { HttpLog, PersonalRequest } from './http/http-deps.ts';
import { planNightOnce, type NightPass } from './loops/plan-night-loop.ts';
import { loadSnapshot } from './planning/load-snapshot.ts';
import { requestUpgrade, type RequestDeps, type RequestResult } from './upgrades/request-upgrade.ts';

/** Only one pass at a time over the whole installation: two could together overshoot what may be open at once. */
export const NIGHT = 'night';

export interface NightParts {
  readonly db: Database;
  readonly request: RequestDeps;
  readonly upgradesAtOnce: number;
  readonly log: HttpLog;
}

export interface Night {
  readonly loadSnapshot: (at: EpochMs | null) => Promise<FleetSnapshot>;
  readonly planNight: (snapshot: FleetSnapshot) => ReturnType<typeof planNight>;
  readonly checkPlan: typeof checkPlan;
  /** One pass; the caller sees to it that it is the only one (`NIGHT`). */
  readonly pass: () => Promise<NightPass>;
  /** One pass as soon as no other is under way; ids of the runs that it started. */
  readonly planNow: () => Promise<readonly string[]>;
  /** Does this as soon as no pass is under way, and no other work of this kind. */
  readonly betweenPasses: (work: () => Promise<void>) => Promise<void>;
  readonly startPersonal: (request: PersonalRequest) => Promise<RequestResult>;
}

/** What the policies say of going to this release, now. Null when instance or release are not in the snapshot. */
function policyOf(snapshot: FleetSnapshot, instanceId: string, releaseId: string) {
  const instance = snapshot.instances.find(({ id }) => id === instanceId);
  const release = snapshot.releases.find(({ id }) => id === releaseId);
  if (instance === undefined || release === undefined) return null;
  const subject: PolicySubject = {
    customerId: instance.customerId,
    instanceId: instance.id,
    role: instance.role,
    kind: release.kind,
  };
  const value = (key: Parameters<typeof effectivePolicy>[2]) =>
    effectivePolicy(snapshot.policy, subject, key);
  return { anyTime: isAnyTime(value('P3')), backup: backupPolicy(value('P4'), value('P5')) };
}

export function composeNight(parts: NightParts): Night {
  const { db, log, upgradesAtOnce } = parts;
  const load = (at: EpochMs | null): Promise<FleetSnapshot> =>
    loadSnapshot(db, { upgradesAtOnce, ...(at === null ? {} : { at }) });
  const plan = (snapshot: FleetSnapshot) => planNight(snapshot, snapshot.now);

  const start = async (
    snapshot: FleetSnapshot,
    decision: Decision,
  ): Promise<{ readonly runId: string } | { readonly refused: string }> => {
    const releaseId = decision.toReleaseId;
    const policy = releaseId === null ? null : policyOf(snapshot, decision.instanceId, releaseId);
    if (releaseId === null || policy === null)
      return { refused: 'the plan names no release of the snapshot' };
    const result = await requestUpgrade(parts.request, {
      instanceId: decision.instanceId,
      releaseId,
      window: decision.window,
      trigger: 'nightly',
      actor: 'night',
      reason: '',
      reasons: decision.reasons,
      ...policy,
    });
    return 'refused' in result ? { refused: result.refused.join('; ') } : { runId: result.runId };
  };

  const pass = async (): Promise<NightPass> => {
    const snapshot = await load(null);
    return planNightOnce({
      loadSnapshot: () => Promise.resolve(snapshot),
      planNight: plan,
      checkPlan,
      startUpgrade: (decision) => start(snapshot, decision),
      log,
    });
  };

  // Whoever waits for the night holds a connection, and whoever has it needs more: of this process only one waits at a time,
  // or as many callers as the pool has connections would wait for ever.
  let last: Promise<void> = Promise.resolve();
  const betweenPasses = (work: () => Promise<void>): Promise<void> => {
    const mine = last.catch(() => {}).then(() => inTurn(db, NIGHT, work));
    last = mine;
    return mine;
  };

  return {
    loadSnapshot: load,
    planNight: plan,
    checkPlan,
    pass,
    planNow: async () => {
      let started: readonly string[] = [];
      await betweenPasses(async () => {
        started = (await pass()).started;
      });
      return started;
    },
    betweenPasses,
    startPersonal: async (request) => {
      const policy = policyOf(await load(null), request.instanceId, request.releaseId);
      if (policy === null) return { refused: ['the instance or the release is gone'] };
      const { backup } = policy;
      return requestUpgrade(parts.request, {
        ...request,
        anyTime: request.anyTime || policy.anyTime,
        trigger: 'requested',
        backup,
      });
    },
  };
}
