/**
 * May a person start this upgrade now? The planner itself is asked, over a snapshot in which the instance should run what the
 * person wants: so a person meets every rule that the night does, with the same reasons. What is the person's to decide is
 * listed here and nothing else: a risky release, a window (it waits for it, or runs at any time), and the night's own capacity.
 */
import type { Decision, Reason, ReasonCode } from '@sitelift/domain/planning/decision.ts';
import type { Instance } from '@sitelift/domain/fleet/fleet.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';

/** Say where the instance stands; none of them stands in the way. */
const DESCRIBING: readonly ReasonCode[] = ['differs-from-target', 'pinned', 'pin-ended', 'stages'];
/** A person who asks is the person that is needed; and one more upgrade than the night would start is theirs to want. */
const FOR_A_PERSON: readonly ReasonCode[] = ['needs-a-person-to-start', 'known-bad-pair', 'capacity-full'];
/** The run waits for these by itself: it is held until its window. */
const WAITED_FOR: readonly ReasonCode[] = ['window-shut', 'window-too-short'];
/** `anyTime`: no window is asked for, so none can be missing. */
const WINDOWS: readonly ReasonCode[] = [...WAITED_FOR, 'no-window'];

/** What a person wants: `version` null is whatever the instance's target says. */
export interface PersonalWish {
  readonly version: string | null;
  readonly anyTime: boolean;
}

/** A reason of the planner, or a sentence that none of its codes says (`code` null). */
export interface PersonalReason extends Omit<Reason, 'code'> {
  readonly code: ReasonCode | null;
}

export function sentence(detail: string): PersonalReason {
  return { code: null, detail, clearsAt: null, clearedBy: null };
}

/** The fleet as it would be if these instances were to run exactly that version. */
export function wanting(
  snapshot: FleetSnapshot,
  ids: ReadonlySet<Instance['id']>,
  version: string,
): FleetSnapshot {
  return {
    ...snapshot,
    instances: snapshot.instances.map((each) =>
      ids.has(each.id) ? { ...each, target: { kind: 'version', version } } : each,
    ),
  };
}

/** Everything that stands in the way; empty when nothing does. */
export function whatStandsAgainst(decision: Decision, wish: PersonalWish): readonly PersonalReason[] {
  const { version, anyTime } = wish;
  const { verdict, reasons, fromVersion, toVersion, toReleaseId } = decision;
  if (toReleaseId === null || toVersion === null || toVersion === fromVersion || verdict === 'up-to-date')
    return reasons.length > 0 ? reasons : [sentence('there is no version to go to')];
  if (version !== null && toVersion !== version)
    return [sentence(`it would go to ${toVersion}, not to the version that was asked for`), ...reasons];
  if (verdict === 'start') return [];
  // What fits into no window at all would be held for ever: only a run at any time is left then.
  const waited = verdict === 'refuse' ? [] : WAITED_FOR;
  const passable = [...DESCRIBING, ...FOR_A_PERSON, ...(anyTime ? WINDOWS : waited)];
  return reasons.filter((reason) => !passable.includes(reason.code));
}
