/** Upgrades that a person asks for: of one instance, or of every instance that a selection fits. */
import { Problem } from '@sitelift/contract/problems.ts';
import type { SelectedUpgradeView } from '@sitelift/contract/upgrade-selection.ts';
import type { Instance } from '@sitelift/domain/fleet/fleet.ts';
import {
  selectInstances,
  type InstanceSelection,
  type UnknownWord,
} from '@sitelift/domain/fleet/select-instances.ts';
import type { Decision } from '@sitelift/domain/planning/decision.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';
import type { Caller } from '../../people/caller.ts';
import type { RequestResult } from '../../upgrades/request-upgrade.ts';
import type { Answers } from '../answer.ts';
import { invalidField, refuseOtherKinds } from '../check-input.ts';
import type { HttpDeps } from '../http-deps.ts';
import { sentence, wanting, whatStandsAgainst, type PersonalWish } from '../personal-upgrade.ts';
import { decideSelection, type SelectedUpgrade } from '../upgrade-selection.ts';

/** Asked again after this many seconds, a stop may have been lifted. */
const STOPPED_RETRY_SECONDS = 60;

function refuseWhileStopped({ stopped }: FleetSnapshot): void {
  if (stopped === null) return;
  const detail = `stopped by ${stopped.by}: ${stopped.reason}`;
  throw new Problem('stopped', { detail, retryAfter: STOPPED_RETRY_SECONDS });
}

/** The instances that are meant; a word that fits nothing, and a selection that fits nobody, are refused at their place. */
function instancesOf(snapshot: FleetSnapshot, select: InstanceSelection): readonly Instance[] {
  for (const named of select.instances ?? []) refuseOtherKinds('inst', named);
  const { instances, unknown } = selectInstances(snapshot, select);
  if (unknown.length > 0) {
    const errors = unknown.map(({ kind, index }: UnknownWord) => ({
      pointer: `/select/${kind}/${index}`,
      detail: 'no instance answers to this',
    }));
    throw new Problem('invalid-field', { errors });
  }
  if (instances.length === 0) throw invalidField('/select', 'no instance fits all of this');
  return instances;
}

function itemOf(selected: SelectedUpgrade, result: RequestResult | null): SelectedUpgradeView {
  const { instance, decision, verdict, reasons } = selected;
  // It was all right a moment ago, and what was found under the instance's lock says otherwise.
  const refused = result !== null && 'refused' in result ? result.refused : null;
  const told = refused === null ? reasons : refused.map(sentence);
  return {
    instance: instance.slug,
    verdict: refused === null ? verdict : 'refuse',
    fromVersion: decision.fromVersion,
    toVersion: decision.toVersion,
    started: result !== null && 'runId' in result ? result.runId : null,
    reasons: told.map(({ code, detail, clearsAt, clearedBy }) => ({
      code,
      detail,
      clearsAt: clearsAt === null ? null : new Date(clearsAt).toISOString(),
      clearedBy,
    })),
  };
}

export function upgradeAnswers(deps: HttpDeps): Pick<Answers, 'requestUpgrade' | 'requestUpgrades'> {
  const { planning } = deps;

  const start = (
    { instanceId, toReleaseId: releaseId, window, reasons }: Decision,
    { anyTime }: PersonalWish,
    { actor }: Caller,
    reason: string,
  ): Promise<RequestResult> => {
    if (releaseId === null) throw new Error(`nothing stands against ${instanceId} going nowhere`);
    const when = { window: anyTime ? null : window, anyTime };
    return deps.startUpgrade({ actor, reason, instanceId, releaseId, ...when, reasons });
  };

  return {
    requestUpgrade: async ({ body, caller }) => {
      const { version = null, anyTime, reason } = body;
      const wish = { version, anyTime };
      refuseOtherKinds('inst', body.instance);
      const snapshot = await planning.loadSnapshot(null);
      const instance = snapshot.instances.find(
        (each) => each.slug === body.instance || each.id === body.instance,
      );
      if (instance === undefined) throw new Problem('not-found');
      refuseWhileStopped(snapshot);
      const wanted = version === null ? snapshot : wanting(snapshot, new Set([instance.id]), version);
      const plan = planning.planNight(wanted);
      const decision = plan.decisions.find((each) => each.instanceId === instance.id);
      if (decision === undefined) throw new Error(`the planner decided nothing about ${instance.slug}`);
      const against = whatStandsAgainst(decision, wish);
      if (against.length > 0)
        throw new Problem('upgrade-refused', { reasons: against.map(({ detail }) => detail) });
      const result = await start(decision, wish, caller, reason);
      if ('refused' in result) throw new Problem('upgrade-refused', { reasons: result.refused });
      return { upgrade: result.upgradeId, run: result.runId };
    },
    requestUpgrades: async ({ body, caller }) => {
      const { select, version = null, anyTime, reason, dryRun } = body;
      const wish = { version, anyTime };
      const decide = async (): Promise<readonly SelectedUpgrade[]> => {
        const snapshot = await planning.loadSnapshot(null);
        const instances = instancesOf(snapshot, select);
        // Somebody who only looks is told per instance that everything is stopped.
        if (!dryRun) refuseWhileStopped(snapshot);
        return decideSelection(snapshot, planning.planNight, instances, wish);
      };
      if (dryRun) return { items: (await decide()).map((one) => itemOf(one, null)) };
      const items: SelectedUpgradeView[] = [];
      await deps.betweenPasses(async () => {
        for (const one of await decide()) {
          const starts = one.verdict === 'start';
          items.push(itemOf(one, starts ? await start(one.decision, wish, caller, reason) : null));
        }
      });
      return { items };
    },
  };
}
