/**
 * Journals that earlier versions of Sitelift wrote, each with the plan that it ran by. Whatever this version adds to the
 * language, an old run folds to the state that it had, and the engine knows what to do next with it (I-9). A file is never
 * changed; a version that writes something new adds its own.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { foldRun } from '../../packages/domain/src/run/apply-event.ts';
import { decideCommand, RUN_VERBS } from '../../packages/domain/src/run/command-verdict.ts';
import { decideNext } from '../../packages/domain/src/run/decide-next.ts';
import type { Lane, RunEvent } from '../../packages/domain/src/run/events.ts';
import type { RunPlan } from '../../packages/domain/src/run/plan.ts';
import { runStateName } from '../../packages/domain/src/run/run-state.ts';

interface Recorded {
  readonly writtenBy: string;
  readonly plan: RunPlan;
  readonly events: readonly RunEvent[];
  readonly expected: {
    readonly state: string;
    readonly phase: string;
    readonly pointCrossed: boolean;
    readonly closed: boolean;
    readonly held: string | null;
    readonly steps: Readonly<Record<Lane, Readonly<Record<string, string>>>>;
  };
}

const FOLDER = new URL('./', import.meta.url);
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

function read(name: string): Recorded {
  return JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Recorded; // as: our own recording
}

const FACTS = { stopped: null, releaseWithdrawn: null, freeze: null, window: 'any-time', history: new Map() } as const;

describe('journals of earlier versions', () => {
  it('are there', () => {
    expect(names.length).toBeGreaterThanOrEqual(5);
  });

  it.each(names)('%s folds to the state that its run had, and the run goes on from there', (name) => {
    const { plan, events, expected } = read(name);
    const state = foldRun(plan, events);
    const steps = Object.fromEntries(
      Object.entries(state.steps).map(([lane, records]) => [
        lane,
        Object.fromEntries(Object.entries(records).map(([id, record]) => [id, record.state])),
      ]),
    );
    expect({
      state: runStateName(state),
      phase: state.phase,
      pointCrossed: state.pointCrossed,
      closed: state.closedAt !== null,
      held: state.held?.code ?? null,
      steps,
    }).toEqual(expected);
    const now = (events.at(-1)?.at ?? 0) + 1_000;
    const next = decideNext(plan, state, FACTS, now);
    expect(next.kind === 'sleep').toBe(state.ended !== null);
    for (const verb of RUN_VERBS) {
      const command = { verb, step: null, actor: 'ops', reason: 'x', evidence: 'x', as: 'applied' } as const;
      expect(decideCommand(plan, state, command)).toHaveProperty('allowed');
    }
  });
});
