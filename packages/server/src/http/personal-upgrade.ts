/**
 * May a person start this upgrade now? The planner itself is asked, over a snapshot in which the instance should run what the
 * person wants: so a person meets every rule that the night does, with the same reasons. What is the person's to decide is
 * listed here and nothing else: a risky release, a window (it waits for it, or runs at any time), and the night's own capacity.
 */
import type { Decision, ReasonCode } from '@sitelift/domain/planning/decision.ts';
import type { Instance } from '@sitelift/domain/fleet/fleet.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';

/** Say where the instance stands; none of them stands in the way. */
const DESCRIBING: readonly ReasonCode[] = ['differs-from-target', 'pinned', 'pin-ended'];
/** A person who asks is the person that is needed; and one more upgrade than the night would start is theirs to want. */
const FOR_A_PERSON: readonly ReasonCode[] = ['needs-a-person-to-start', 'capacity-full'];
/** The run waits for these by itself: it is held until its window. */
const WAITED_FOR: readonly ReasonCode[] = ['window-shut', 'window-too-short'];
/** `anyTime`: no window is asked for, so none can be missing. */
const WINDOWS: readonly ReasonCode[] = [...WAITED_FOR, 'no-window'];

/** The fleet as it would be if this instance were to run exactly that version. */
export function wanting(snapshot: FleetSnapshot, instance: Instance, version: string): FleetSnapshot {
  return {
    ...snapshot,
    instances: snapshot.instances.map((each) =>
      each.id === instance.id ? { ...each, target: { kind: 'version', version } } : each,
    ),
  };
}

/** Sentences that stand in the way; empty when nothing does. `version` null: whatever the decision says. */
export function whatStandsAgainst(
  decision: Decision,
  version: string | null,
  anyTime: boolean,
): readonly string[] {
  const { verdict, reasons, fromVersion, toVersion, toReleaseId } = decision;
  const all = reasons.map((reason) => reason.detail);
  if (toReleaseId === null || toVersion === null || toVersion === fromVersion || verdict === 'up-to-date')
    return all.length > 0 ? all : ['there is no version to go to'];
  if (version !== null && toVersion !== version)
    return [`it would go to ${toVersion}, not to the version that was asked for`, ...all];
  if (verdict === 'start') return [];
  // What fits into no window at all would be held for ever: only a run at any time is left then.
  const waited = verdict === 'refuse' ? [] : WAITED_FOR;
  const passable = [...DESCRIBING, ...FOR_A_PERSON, ...(anyTime ? WINDOWS : waited)];
  return reasons.filter((reason) => !passable.includes(reason.code)).map((reason) => reason.detail);
}
