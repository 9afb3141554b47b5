/**
 * The journals as automata: I-2 (fences of rows rise), I-5 (after its predecessors), I-6 (the end is the end), I-10 (cancel
 * means cancel), semantics 12, 14, 16, 18 and 20, and I-4 when the faults are off.
 */
import type { RunEvent } from '@sitelift/domain/run/events.ts';
import type { PlannedStep, RunPlan, UsesStep } from '@sitelift/domain/run/plan.ts';
import type { Check, Fail, PlanOf } from './checker.ts';

interface StepView {
  state: 'never' | 'running' | 'unknown' | 'well' | 'failed' | 'later' | 'undone';
  attempts: number;
  failures: number;
  firstSeq: number;
  nothingDone: boolean;
}

interface RunView {
  readonly plan: RunPlan;
  readonly steps: Map<string, StepView>;
  seq: number;
  fence: number;
  over: string | null;
  wish: 'cancel' | 'roll-back' | null;
  paused: boolean;
  asked: string | null;
  crossed: boolean;
}

type Lane = 'main' | 'undo' | 'recover';

function plannedOf(plan: RunPlan, lane: Lane, id: string): PlannedStep | undefined {
  return (lane === 'recover' ? (plan.recover?.steps ?? []) : plan.steps).find((step) => step.id === id);
}

function usesOf(plan: RunPlan, lane: Lane, id: string): UsesStep | null {
  const step = plannedOf(plan, lane, id);
  return step?.kind === 'uses' ? step : null;
}

class JournalCheck {
  readonly #runs = new Map<string, RunView>();
  readonly #planOf: PlanOf;
  readonly #fail: Fail;
  constructor(planOf: PlanOf, fail: Fail) {
    this.#planOf = planOf;
    this.#fail = fail;
  }

  #viewOf(run: string): RunView {
    const found = this.#runs.get(run) ?? {
      plan: this.#planOf(run).plan,
      steps: new Map<string, StepView>(),
      seq: 0,
      fence: 0,
      over: null,
      wish: null,
      paused: false,
      asked: null,
      crossed: false,
    };
    this.#runs.set(run, found);
    return found;
  }

  #step(view: RunView, lane: string, id: string): StepView {
    const key = `${lane}/${id}`;
    const found: StepView = view.steps.get(key) ?? {
      state: 'never',
      attempts: 0,
      failures: 0,
      firstSeq: 0,
      nothingDone: false,
    };
    view.steps.set(key, found);
    return found;
  }

  row(run: string, event: RunEvent): void {
    const view = this.#viewOf(run);
    const fail = (rule: string, text: string): void => this.#fail(rule, `${run} #${event.seq}: ${text}`);
    if (view.over !== null) fail('I-6', `${event.kind} after it had ended (${view.over})`);
    if (event.seq !== view.seq + 1) fail('I-39', `follows #${view.seq}`);
    view.seq = event.seq;
    if (event.fence !== 0) {
      if (event.fence < view.fence) fail('I-2', `a row of fence ${event.fence} after one of ${view.fence}`);
      view.fence = event.fence;
    }
    switch (event.kind) {
      case 'step-started':
        this.#started(view, event, fail);
        break;
      case 'step-ended':
        this.#ended(view, event);
        break;
      case 'step-skipped':
      case 'step-done-by-hand':
        this.#byPerson(view, event, fail);
        break;
      case 'step-resolved': {
        const step = this.#step(view, event.lane, event.step);
        if (step.state !== 'unknown')
          fail('semantics 18', `${event.step} was resolved, but it was ${step.state}`);
        step.state = event.as === 'applied' ? 'well' : 'failed';
        step.nothingDone = event.as === 'not-applied';
        if (event.as === 'applied' && event.lane === 'undo')
          this.#step(view, 'main', event.step).state = 'undone';
        if (step.nothingDone && this.#isMarked(view, event.lane, event.step)) view.crossed = false;
        view.asked = null;
        break;
      }
      case 'retry-requested':
        for (const lane of ['main', 'undo', 'recover']) this.#step(view, lane, event.step).failures = 0;
        view.asked = null;
        break;
      case 'asked-person':
        view.asked = event.question;
        break;
      case 'cancel-requested':
        if (view.crossed) fail('semantics 14', 'cancelled past the point of no return');
        view.wish = 'cancel';
        view.asked = null;
        break;
      case 'roll-back-requested':
        view.wish ??= 'roll-back';
        view.asked = null;
        break;
      case 'paused':
        view.paused = true;
        break;
      case 'resumed':
        view.paused = false;
        break;
      case 'undo-began':
        if (view.crossed) fail('semantics 14', 'undo began past the point of no return');
        view.asked = null;
        break;
      case 'recovery-began':
        if (!view.crossed) fail('semantics 14', 'a recovery began before the point of no return');
        view.asked = null;
        break;
      case 'run-ended':
        view.over = event.state;
        if (view.wish !== null && event.state === 'succeeded')
          fail('I-10', `${view.wish} was accepted, and then the run succeeded`);
        if (event.state === 'succeeded') this.#noticesSent(view, fail);
        break;
      default:
    }
  }

  #isMarked(view: RunView, lane: Lane, id: string): boolean {
    return lane === 'main' && usesOf(view.plan, lane, id)?.pointOfNoReturn === true;
  }

  #started(view: RunView, event: RunEvent & { kind: 'step-started' }, fail: Fail): void {
    const { lane, step: id, attempt } = event;
    const step = this.#step(view, lane, id);
    const planned = plannedOf(view.plan, lane, id);
    if (step.state === 'running') fail('I-1', `${lane}/${id} started while its last attempt had no end`);
    if (step.state === 'unknown') fail('I-3', `${lane}/${id} was tried again, its outcome unknown`);
    const again = step.state === 'well' && view.wish === 'roll-back' && view.crossed;
    if ((step.state === 'well' && !again) || step.state === 'undone')
      fail('I-5', `${lane}/${id} started again after it had ended`);
    if (attempt !== step.attempts + 1)
      fail('I-1', `${lane}/${id}: attempt ${attempt} after ${step.attempts}`);
    if (view.asked !== null) fail('I-18', `${lane}/${id} started while a person was asked: ${view.asked}`);
    for (const other of view.steps.values())
      if (other !== step && other.state === 'running')
        fail('I-1', `${lane}/${id} started beside another step`);
    if (lane === 'main') {
      // Going back after opening puts the page up first.
      const closes = planned?.kind === 'uses' && planned.run.action === 'proxy/close';
      const wayBack = closes && view.wish === 'roll-back' && view.crossed;
      if (view.wish !== null && !wayBack) fail('I-10', `${id} started after ${view.wish} had been accepted`);
      if (view.paused && !wayBack) fail('I-10', `${id} started while the run was paused`);
      if (planned?.kind === 'uses' && step.failures > planned.retry.times)
        fail('semantics 18', `${id} is tried again after ${step.failures} failures`);
      if (this.#isMarked(view, lane, id)) view.crossed = true;
    }
    if (lane === 'undo') this.#undoOrder(view, id, fail);
    else {
      for (const need of planned?.needs ?? []) {
        const needed = this.#step(view, lane, need);
        const notice = plannedOf(view.plan, lane, need)?.kind === 'notify' && needed.state === 'failed';
        if (needed.state !== 'well' && !notice)
          fail('I-5', `${lane}/${id} started, but ${need} is ${needed.state}`);
      }
    }
    step.state = 'running';
    step.attempts = attempt;
    step.nothingDone = false;
    if (step.firstSeq === 0) step.firstSeq = event.seq;
  }

  /** A notice that could not be sent is somebody's task (semantics 17); one that nobody tried to send is lost. */
  #noticesSent(view: RunView, fail: Fail): void {
    for (const { kind, id } of view.plan.steps) {
      const { state, nothingDone } = this.#step(view, 'main', id);
      if (kind === 'notify' && state !== 'well' && nothingDone)
        fail('I-4', `the notice ${id} was never sent`);
    }
  }

  /** Semantics 16: what began later is taken back first. */
  #undoOrder(view: RunView, id: string, fail: Fail): void {
    const own = this.#step(view, 'main', id);
    for (const other of view.plan.steps) {
      if (other.kind !== 'uses' || other.undo === null || other.id === id) continue;
      const step = this.#step(view, 'main', other.id);
      const left = step.firstSeq > own.firstSeq && step.state !== 'undone' && !step.nothingDone;
      if (left) fail('semantics 16', `${id} is taken back before ${other.id}, which began later`);
    }
  }

  #ended(view: RunView, event: RunEvent & { kind: 'step-ended' }): void {
    const { lane, step: id } = event;
    const step = this.#step(view, lane, id);
    step.nothingDone = event.notApplied;
    switch (event.outcome) {
      case 'done':
      case 'already-done':
        step.state = 'well';
        if (lane === 'undo') this.#step(view, 'main', id).state = 'undone';
        break;
      case 'failed':
        step.state = 'failed';
        step.failures += 1;
        break;
      case 'unknown':
        step.state = 'unknown';
        break;
      case 'retry-later':
        step.state = 'later';
        break;
      default:
        event.outcome satisfies never;
    }
    if (event.notApplied && this.#isMarked(view, lane, id)) view.crossed = false;
  }

  #byPerson(
    view: RunView,
    event: RunEvent & { kind: 'step-skipped' | 'step-done-by-hand' },
    fail: Fail,
  ): void {
    const { lane, step: id } = event;
    const planned = usesOf(view.plan, lane, id);
    const flags = lane === 'undo' ? planned?.undo?.flags : planned?.run.flags;
    if (flags?.closesSite === true || flags?.opensSite === true)
      fail('semantics 20', `${event.kind} on ${id}`);
    if (event.kind === 'step-skipped' && this.#isMarked(view, lane, id))
      fail('semantics 20', `${id} was skipped`);
    const step = this.#step(view, lane, id);
    if (step.state === 'running') fail('I-1', `${event.kind} on ${id} while it runs`);
    step.state = 'well';
    if (lane === 'undo') this.#step(view, 'main', id).state = 'undone';
    if (lane === 'main' && step.firstSeq === 0) step.firstSeq = event.seq;
    view.asked = null;
  }

  /**
   * I-4: with the faults off every run has ended or waits for a person, and says for what; or it waits for another upgrade of
   * its site that does.
   */
  settled(): void {
    const waits = (view: RunView): boolean => view.asked !== null && view.asked !== '';
    for (const [run, view] of this.#runs) {
      if (view.over !== null || waits(view)) continue;
      const site = view.plan.instance.id;
      if ([...this.#runs.values()].some((other) => other.plan.instance.id === site && waits(other))) continue;
      this.#fail('I-4', `${run} has neither ended nor does it ask anybody`);
    }
  }
}

export function checkJournals(planOf: PlanOf, fail: Fail): Check {
  const check = new JournalCheck(planOf, fail);
  return {
    see: (entry) => {
      if (entry.kind === 'row') check.row(entry.run, entry.event);
      if (entry.kind === 'phase' && entry.what === 'end') check.settled();
    },
  };
}
