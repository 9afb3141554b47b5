/** What the events of gates mean; a part of `applyEvent`. */
import type { RunEvent } from './events.ts';
import type { GateRecord, StepRecord } from './run-state.ts';

export type GateEvent = RunEvent & {
  readonly kind: 'gate-opened' | 'gate-item' | 'gate-voted' | 'gate-decided' | 'gate-overridden';
};

const FRESH: GateRecord = { state: 'open', decided: null, votes: [], items: {} };

/** What changes in the record of the gate's step. */
export function gateChange(record: StepRecord, event: GateEvent): Partial<StepRecord> {
  const gate = record.gate ?? FRESH;
  const { at } = event;
  switch (event.kind) {
    case 'gate-opened':
      return {
        state: 'waiting',
        attempt: record.attempt + 1,
        startedSeq: record.startedSeq ?? event.seq,
        startedAt: at,
        endedAt: null,
        reason: null,
        deadline: event.until,
        timedOut: null,
        // What was checked stays checked when a gate is opened anew; votes and the decision are asked for again.
        gate: { ...FRESH, items: gate.items },
      };
    case 'gate-item': {
      const { by, result, note } = event;
      const items = { ...gate.items, [`${event.checklist}/${event.item}`]: { by, result, note, at } };
      return { gate: { ...gate, items } };
    }
    case 'gate-voted': {
      const { by, decision, reason } = event;
      return { gate: { ...gate, votes: [...gate.votes, { by, decision, reason, at }] } };
    }
    case 'gate-decided': {
      const decided: GateRecord = {
        ...gate,
        state: 'decided',
        decided: { as: event.decision, by: event.by, at },
      };
      return event.decision === 'passed'
        ? { gate: decided, state: 'succeeded', endedAt: at }
        : { gate: decided, reason: `denied by ${event.by}: ${event.reason}` };
    }
    case 'gate-overridden':
      return {
        gate: { ...gate, state: 'overridden' },
        state: 'succeeded',
        endedAt: at,
        reason: event.reason,
      };
    default:
      return event satisfies never;
  }
}

/** A gate whose run turns back, or that has waited too long, is open no more. */
export function shutGate(gate: GateRecord | null, as: 'closed' | 'timed-out'): GateRecord | null {
  return gate?.state === 'open' || gate?.decided?.as === 'denied' ? { ...gate, state: as } : gate;
}
