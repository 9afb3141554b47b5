/**
 * People of a world: one on call who answers questions (late, twice, or not at all), and others who pause, cancel, roll back
 * and retry when they please. They speak through the product's own verdict, as the API does; they are honest: before saying
 * what was done they look at the site.
 */
import { decideCommand, type RunCommand, type RunVerb } from '@sitelift/domain/run/command-verdict.ts';
import { foldRun } from '@sitelift/domain/run/apply-event.ts';
import type { RunEvent } from '@sitelift/domain/run/events.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import type { RunState } from '@sitelift/domain/run/run-state.ts';
import type { MemoryRunStore } from '../../packages/server/src/engine/memory-run-store.ts';
import type { Dice } from './dice.ts';
import type { EventLoop } from './event-loop.ts';
import type { Site } from './site.ts';
import { effectsOf, seenOf, type ActionCall } from './site-actions.ts';
import type { Say } from './world-log.ts';

export interface PeopleWorld {
  readonly loop: EventLoop;
  readonly dice: Dice;
  readonly store: MemoryRunStore;
  readonly say: Say;
  readonly planOf: (run: string) => RunPlan;
  readonly siteOf: (instanceId: string) => Site;
  readonly journalOf: (run: string) => readonly RunEvent[];
  /** Somebody's word is on record: the world looks at the journals and wakes a worker. */
  readonly spoken: (run: string) => void;
}

/** Nobody answers sooner: long enough for everything that is on its way to have come or died. */
const SOONEST_ANSWER_MS = 40_000;
const LATEST_ANSWER_MS = 600_000;

export class People {
  readonly #world: PeopleWorld;
  /** How many questions of a run the one on call still answers. */
  readonly #patience = new Map<string, number>();
  #pending = 0;
  constructor(world: PeopleWorld) {
    this.#world = world;
  }

  /** Is an answer still to come? */
  get busy(): boolean {
    return this.#pending > 0;
  }

  /** The run asks. */
  asked(run: string): void {
    const { dice, loop } = this.#world;
    const left = this.#patience.get(run) ?? dice.whole(0, 4);
    this.#patience.set(run, left - 1);
    if (left <= 0) return;
    this.#pending += 1;
    loop.after(dice.whole(SOONEST_ANSWER_MS, LATEST_ANSWER_MS), () => {
      this.#pending -= 1;
      this.#answer(run);
      // From a second browser, or a double click.
      if (dice.chance(0.2)) this.#answer(run);
    });
  }

  #stateOf(run: string): RunState {
    return foldRun(this.#world.planOf(run), this.#world.journalOf(run));
  }

  #answer(run: string): void {
    const { dice } = this.#world;
    const { asked, phase } = this.#stateOf(run);
    if (asked === null) return this.say(run, dice.pick(['retry', 'roll-back', 'resume']), null);
    if (asked.code === 'unknown-outcome' && asked.step !== null && dice.chance(0.85)) {
      const applied = this.#lookAt(run, asked.step);
      return this.say(run, 'resolve', asked.step, applied ? 'applied' : 'not-applied');
    }
    const verb = dice.pick(
      phase === 'main'
        ? (['retry', 'retry', 'roll-back', 'roll-back', 'cancel', 'done-by-hand', 'skip'] as const)
        : (['retry', 'retry', 'retry', 'done-by-hand', 'skip'] as const),
    );
    this.say(run, verb, null);
  }

  #call(run: string, step: string): { readonly site: Site; readonly call: ActionCall } | null {
    const plan = this.#world.planOf(run);
    const { phase, backup } = this.#stateOf(run);
    const steps = phase === 'recover' ? (plan.recover?.steps ?? []) : plan.steps;
    const found = steps.find((one) => one.id === step);
    if (found?.kind !== 'uses') return null;
    const bound = phase === 'undo' ? found.undo : found.run;
    if (bound === null) return null;
    const site = this.#world.siteOf(plan.instance.id);
    const call = { action: bound.action, input: bound.input, backupId: backup?.backupId ?? null };
    return { site, call };
  }

  /** Was it done? What was done by half the person ends by hand. */
  #lookAt(run: string, step: string): boolean {
    const found = this.#call(run, step);
    if (found === null) return false;
    const { site, call } = found;
    if (seenOf(site, call) === 'partly') site.byHand(effectsOf(site, call), `${call.action} ended by hand`);
    return seenOf(site, call) === 'applied';
  }

  /** Says it as the API would: judged and recorded at once, refused with reasons. */
  say(run: string, verb: RunVerb, step: string | null, as: RunCommand['as'] = null): void {
    const { store, say, planOf } = this.#world;
    const plan = planOf(run);
    const state = this.#stateOf(run);
    const command: RunCommand = {
      verb,
      step,
      actor: 'person',
      reason: verb === 'pause' || verb === 'resume' ? '' : 'a person says so',
      evidence: 'seen by eye',
      as,
    };
    const verdict = decideCommand(plan, state, command);
    if (!verdict.allowed) {
      say({ kind: 'person', run, text: `${verb} refused: ${verdict.reasons.join('; ')}` });
      return;
    }
    say({ kind: 'person', run, text: `${verb} ${step ?? ''} ${as ?? ''}`.trim() });
    for (const event of verdict.events) {
      if (event.kind === 'step-done-by-hand') {
        const found = this.#call(run, event.step);
        if (found !== null)
          found.site.byHand(effectsOf(found.site, found.call), `${found.call.action} by hand`);
      }
      store.appendAsPerson(run, event);
    }
    this.#world.spoken(run);
  }
}
