/**
 * What may begin when: I-20 (nothing commits in a freeze or outside its window), I-11 (stop-the-world), I-5 (a host starts only
 * what is on record), semantics 17 (recovery by itself only on a site that stayed closed), 21 (one open upgrade per instance)
 * and 22 (no proven backup, no point of no return).
 */
import type { RunEvent } from '@sitelift/domain/run/events.ts';
import type { RunPlan, UsesStep } from '@sitelift/domain/run/plan.ts';
import { WINDOWS } from './calendar.ts';
import type { Check, Fail, PlanOf } from './checker.ts';
import type { Entry, SiteState } from './world-log.ts';

/** A stop may be read this late (I-11). */
const STOP_LAG_MS = 5_000;

/** Semantics 6, read off the plan anew: closing, else the first that disrupts, switches or is marked. */
function commitsFirst(plan: RunPlan): string | undefined {
  const uses = plan.steps.filter((step): step is UsesStep => step.kind === 'uses');
  const closing = uses.find((step) => step.run.action === 'proxy/close');
  const other = uses.find((step) =>
    /^(proxy\/switch|app\/stop|database\/(migrate|restore))$/.test(step.run.action),
  );
  return (closing ?? other)?.id;
}

function outsideWindow(at: number): boolean {
  const { firstAt, everyMs, lengthMs, cutOffMs } = WINDOWS;
  if (at < firstAt) return true;
  return (at - firstAt) % everyMs > lengthMs - cutOffMs;
}

interface RunView {
  /** Attempts on record: `lane/step/attempt` and its fence. */
  readonly started: Set<string>;
  touched: boolean;
  /** A person has asked to go back: what is started now is the page for it. */
  goesBack: boolean;
  over: boolean;
  /** Backups that were restored and found good, by when they were begun. */
  readonly proven: number[];
}

class StartCheck {
  readonly #runs = new Map<string, RunView>();
  readonly #pages = new Map<string, SiteState['page']>();
  readonly #planOf: PlanOf;
  readonly #fail: Fail;
  #frozen = false;
  #withdrawn = false;
  #stoppedAt: number | null = null;
  constructor(planOf: PlanOf, fail: Fail) {
    this.#planOf = planOf;
    this.#fail = fail;
  }

  #viewOf(run: string): RunView {
    const found = this.#runs.get(run) ?? {
      started: new Set<string>(),
      touched: false,
      goesBack: false,
      over: false,
      proven: [],
    };
    this.#runs.set(run, found);
    return found;
  }

  see(entry: Entry): void {
    switch (entry.kind) {
      case 'calendar':
        this.#calendar(entry);
        break;
      case 'effect':
        this.#pages.set(entry.job.site, entry.site.page);
        break;
      case 'proven':
        if (entry.good) this.#viewOf(entry.job.run).proven.push(entry.begunAt);
        break;
      case 'job-began': {
        const { run, lane, step, attempt, fence, mutates } = entry.job;
        const known = this.#viewOf(run).started.has(`${lane}/${step}/${attempt}`);
        if (mutates && !known)
          this.#fail('I-5', `${run} ${lane}/${step} #${attempt} (fence ${fence}) began off the record`);
        break;
      }
      case 'row':
        this.#row(entry.run, entry.event);
        break;
      default:
    }
  }

  #calendar({ what, at }: Entry & { kind: 'calendar' }): void {
    if (what === 'freeze' || what === 'lift') this.#frozen = what === 'freeze';
    if (what === 'withdraw' || what === 'restore-release') this.#withdrawn = what === 'withdraw';
    if (what === 'stop') this.#stoppedAt ??= at;
    if (what === 'go') this.#stoppedAt = null;
  }

  #row(run: string, event: RunEvent): void {
    const view = this.#viewOf(run);
    const { plan } = this.#planOf(run);
    const fail = (rule: string, text: string): void => this.#fail(rule, `${run} #${event.seq}: ${text}`);
    if (event.kind === 'run-ended') view.over = true;
    if (event.kind === 'roll-back-requested') view.goesBack = true;
    if (
      event.kind === 'recovery-began' &&
      event.by === null &&
      this.#pages.get(plan.instance.id) !== 'closed'
    )
      fail('semantics 17', 'a recovery began by itself on a site that is open');
    if (event.kind !== 'step-started') return;
    const { lane, step: id, attempt } = event;
    view.started.add(`${lane}/${id}/${attempt}`);
    const step = (lane === 'recover' ? (plan.recover?.steps ?? []) : plan.steps).find((one) => one.id === id);
    if (step?.kind !== 'uses') return;
    this.#oneUpgrade(run, view, fail);
    if (lane !== 'main') return;
    // The page that goes up for a way back is not stopped either.
    const forward = !(view.goesBack && id === commitsFirst(plan));
    if (forward && this.#stoppedAt !== null && event.at > this.#stoppedAt + STOP_LAG_MS)
      fail('I-11', `${id} started although everything is stopped`);
    if (id === commitsFirst(plan) && !view.goesBack) this.#commits(plan, id, event.at, fail);
    if (step.pointOfNoReturn && !view.proven.some((begunAt) => event.at - begunAt <= plan.backup.maxAgeMs))
      fail('semantics 22', `${id} started without a backup that was proven`);
  }

  #commits(plan: RunPlan, id: string, at: number, fail: Fail): void {
    if (this.#frozen) fail('I-20', `${id} started in a freeze`);
    if (this.#withdrawn) fail('I-20', `${id} started although the release is withdrawn`);
    if (!plan.anyTime && outsideWindow(at)) fail('I-20', `${id} started outside its window`);
  }

  #oneUpgrade(run: string, view: RunView, fail: Fail): void {
    view.touched = true;
    const { plan } = this.#planOf(run);
    for (const [other, { touched, over }] of this.#runs) {
      if (other === run || this.#planOf(other).plan.instance.id !== plan.instance.id) continue;
      if (touched && !over) fail('semantics 21', `it works on a site that ${other} still has`);
    }
  }
}

export function checkStarts(planOf: PlanOf, fail: Fail): Check {
  const check = new StartCheck(planOf, fail);
  return { see: (entry) => check.see(entry) };
}
