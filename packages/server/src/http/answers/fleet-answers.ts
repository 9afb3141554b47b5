/** The fleet and its releases: what there is, and changes with a look at who would move before they are made. */
import { Problem } from '@sitelift/contract/problems.ts';
import type { PreviewView } from '@sitelift/contract/views.ts';
import type { Instance, Pin, Placement, Release } from '@sitelift/domain/fleet/fleet.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';
import { customerViews } from '../views/customer-views.ts';
import { getInstance, listInstances } from '../views/instance-views.ts';
import { movesBetween } from '../views/plan-views.ts';
import { listReleases } from '../views/release-views.ts';
import type { Answers } from '../answer.ts';
import { checkId, invalidField, refuseOtherKinds } from '../check-input.ts';
import type { HttpDeps } from '../http-deps.ts';
import { throwUnlessDone } from './change-verdict.ts';

/** Ids of things that exist only in a preview. */
const PREVIEW_PLACEMENT = 'plc_preview';
const PREVIEW_PIN = 'pin_preview';

function findInstance(snapshot: FleetSnapshot, slugOrId: string): Instance {
  refuseOtherKinds('inst', slugOrId);
  const found = snapshot.instances.find((each) => each.slug === slugOrId || each.id === slugOrId);
  if (found === undefined) throw new Problem('not-found', { detail: `no instance is called ${slugOrId}` });
  return found;
}

function findRelease(snapshot: FleetSnapshot, product: string, version: string): Release {
  const productId = snapshot.products.find((each) => each.slug === product)?.id;
  const found = snapshot.releases.find((each) => each.productId === productId && each.version === version);
  if (found === undefined) throw new Problem('not-found', { detail: `${product} has no release ${version}` });
  return found;
}

function checkChannel(snapshot: FleetSnapshot, channel: string, pointer: string): void {
  if (snapshot.channels.some((each) => each.name === channel)) return;
  const known = snapshot.channels.map((each) => each.name).join(', ');
  throw invalidField(pointer, `no such channel; there are ${known}`);
}

type FleetAnswers = Pick<
  Answers,
  | 'applyFleet'
  | 'listCustomers'
  | 'listInstances'
  | 'getInstance'
  | 'setPin'
  | 'endPin'
  | 'clearHold'
  | 'listReleases'
  | 'promote'
  | 'withdraw'
>;

export function fleetAnswers(deps: HttpDeps): FleetAnswers {
  const { db, fleet, planning } = deps;

  /** Who would be decided differently if the fleet were `change(snapshot)`. */
  const moves = (snapshot: FleetSnapshot, changed: FleetSnapshot): PreviewView['moves'] =>
    movesBetween(changed, planning.planNight(snapshot), planning.planNight(changed));

  return {
    applyFleet: async ({ body, caller }) => {
      const { dryRun, prune } = body;
      const result = await deps.applyFleet(body.files, { dryRun, prune, actor: caller.actor });
      if ('fileErrors' in result) throw new Problem('invalid-fleet', { fileErrors: result.fileErrors });
      return result;
    },
    listCustomers: async () => ({ customers: customerViews(await planning.loadSnapshot(null)) }),
    listInstances: async () => ({ instances: await listInstances(db) }),
    getInstance: async ({ params }) => {
      refuseOtherKinds('inst', params.instance);
      const instance = await getInstance(db, params.instance);
      if (instance === null)
        throw new Problem('not-found', { detail: `no instance is called ${params.instance}` });
      return instance;
    },
    setPin: async ({ params, body, caller }) => {
      const { version, reason, dryRun, untilAt, untilChannel } = body;
      const snapshot = await planning.loadSnapshot(null);
      const instance = findInstance(snapshot, params.instance);
      if (untilAt !== undefined && untilChannel !== undefined)
        throw invalidField('/untilChannel', 'a pin ends at an instant or with a channel, not both');
      if (untilChannel !== undefined) checkChannel(snapshot, untilChannel, '/untilChannel');
      const endsAt = untilAt === undefined ? null : Date.parse(untilAt);
      if (endsAt !== null && endsAt <= snapshot.now) throw invalidField('/untilAt', 'must lie in the future');
      if (
        !snapshot.releases.some((each) => each.productId === instance.productId && each.version === version)
      )
        throw invalidField('/version', 'the product of this instance has no such release');
      const owner = body.owner ?? caller.email;
      const pin: Pin = {
        id: PREVIEW_PIN,
        instanceId: instance.id,
        version,
        owner,
        reason,
        setAt: snapshot.now,
        ends:
          endsAt !== null
            ? { kind: 'at', at: endsAt }
            : untilChannel !== undefined
              ? { kind: 'channel-reaches', channel: untilChannel }
              : { kind: 'never' },
      };
      const others = snapshot.pins.filter((each) => each.instanceId !== instance.id);
      const preview = moves(snapshot, { ...snapshot, pins: [...others, pin] });
      if (!dryRun) {
        const { actor } = caller;
        const until = { untilAt: endsAt, untilChannel: untilChannel ?? null };
        throwUnlessDone(
          await fleet.setPin({ actor, reason, instanceId: instance.id, version, owner, ...until }),
          'change-refused',
        );
      }
      return { dryRun, moves: preview };
    },
    endPin: async ({ params, body, caller }) => {
      const { reason, dryRun } = body;
      const snapshot = await planning.loadSnapshot(null);
      const instance = findInstance(snapshot, params.instance);
      const pins = snapshot.pins.filter((each) => each.instanceId !== instance.id);
      if (pins.length === snapshot.pins.length)
        throw new Problem('change-refused', { reasons: [`${instance.slug} is not pinned`] });
      const preview = moves(snapshot, { ...snapshot, pins });
      if (!dryRun) {
        const { actor } = caller;
        throwUnlessDone(await fleet.endPin({ actor, reason, instanceId: instance.id }), 'change-refused');
      }
      return { dryRun, moves: preview };
    },
    clearHold: async ({ params, body, caller }) => {
      checkId('hold', params.hold);
      const { actor } = caller;
      throwUnlessDone(
        await fleet.clearHold({ actor, reason: body.reason, holdId: params.hold, tryAgain: body.tryAgain }),
        'change-refused',
      );
      return { done: true };
    },
    listReleases: async () => ({ releases: await listReleases(db) }),
    promote: async ({ params, body, caller }) => {
      const { channel, reason, dryRun } = body;
      const snapshot = await planning.loadSnapshot(null);
      const release = findRelease(snapshot, params.product, params.version);
      checkChannel(snapshot, channel, '/channel');
      const placement: Placement = {
        id: PREVIEW_PLACEMENT,
        releaseId: release.id,
        channel,
        placedAt: snapshot.now,
        placedBy: caller.email,
        reason,
      };
      const preview = moves(snapshot, { ...snapshot, placements: [...snapshot.placements, placement] });
      const { actor, accountId } = caller;
      throwUnlessDone(
        await fleet.promote({ actor, accountId, reason, releaseId: release.id, channel, dryRun }),
        'promotion-refused',
      );
      return { dryRun, moves: preview };
    },
    withdraw: async ({ params, body, caller }) => {
      const { reason, dryRun } = body;
      const snapshot = await planning.loadSnapshot(null);
      const release = findRelease(snapshot, params.product, params.version);
      const withdrawn = { at: snapshot.now, by: caller.email, reason };
      const releases = snapshot.releases.map((each) =>
        each.id === release.id ? { ...each, withdrawn } : each,
      );
      const preview = moves(snapshot, { ...snapshot, releases });
      if (!dryRun) {
        const { actor } = caller;
        throwUnlessDone(await fleet.withdraw({ actor, reason, releaseId: release.id }), 'change-refused');
      }
      return { dryRun, moves: preview };
    },
  };
}
