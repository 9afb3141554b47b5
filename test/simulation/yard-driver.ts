/**
 * The fake driver at the edge: real enough for the engine's own `createActionRunner` (signals, limits, exceptions), with the
 * faults of the world in it. It keeps the driver's contract: a process is on record before it acts, the signal ends the work,
 * nothing is left running; unless a fault says otherwise.
 */
import type { SiteObservation } from '@sitelift/domain/run/events.ts';
import type { BoundAction } from '@sitelift/domain/run/plan.ts';
import type { FindAction } from '../../packages/server/src/engine/action-runner.ts';
import type {
  Action,
  ActionContext,
  ObserveResult,
  Outcome,
} from '../../packages/server/src/drivers/driver.ts';
import type { Dice } from './dice.ts';
import type { ApplyFault, StrikingFaults } from './faults.ts';
import type { Machine } from './machine.ts';
import type { JobEnd, Site } from './site.ts';
import { effectsOf, seenOf, slotOf, type ActionCall } from './site-actions.ts';
import type { Job, Say } from './world-log.ts';

export interface DriverWorld {
  readonly siteOf: (instanceId: string) => Site;
  readonly faults: StrikingFaults;
  readonly dice: Dice;
  readonly say: Say;
  readonly nextId: () => number;
  readonly now: () => number;
  /** Actions that are processes of ours on a host; the others are calls to a service. */
  readonly processes: ReadonlySet<string>;
  /** Sabotage: a process acts before it is on record. */
  readonly actsBeforeRecord: boolean;
}

const MUTATES = new Set([
  'app/stage', 'app/unstage', 'app/start', 'app/stop', 'proxy/close', 'proxy/open', 'proxy/switch', 'database/migrate',
  'database/restore',
]); // prettier-ignore
/** What nobody may do twice without looking. */
const ONCE = new Set(['database/migrate']);

const AFTER: ReadonlySet<ApplyFault> = new Set(['throws-after', 'unknown-after', 'lies-failed']);

/** Takes whatever a playbook gives. */
const ANY_INPUT = { parse: (input: unknown) => input } as Action['inputSchema']; // as: the runner calls `parse` and nothing else

class YardAction {
  readonly #world: DriverWorld;
  readonly #machine: Machine;
  readonly #name: string;
  constructor(world: DriverWorld, machine: Machine, name: string) {
    this.#world = world;
    this.#machine = machine;
    this.#name = name;
  }

  #call(context: ActionContext): ActionCall {
    // as: the plan's own `with`, which ANY_INPUT lets through
    const input = context.input as BoundAction['input'];
    return { action: this.#name, input, backupId: context.target.backup?.backupId ?? null };
  }

  #job({ runId, stepId, attempt, fence, target, log }: ActionContext): Job {
    return {
      id: this.#world.nextId(),
      site: target.instance.id,
      run: runId,
      lane: (log as { lane?: string }).lane ?? '', // as: the Yard's own log carries the lane
      step: stepId,
      attempt,
      fence,
      action: this.#name,
      worker: this.#machine.name,
      mutates: MUTATES.has(this.#name),
      once: ONCE.has(this.#name),
    };
  }

  readonly observe = (context: ActionContext): Promise<ObserveResult> => {
    const { faults, say } = this.#world;
    const site = this.#world.siteOf(context.target.instance.id);
    const job = this.#job(context);
    const fault = faults.observe(this.#name);
    return this.#machine.call<ObserveResult>((answer) => {
      site.hear(job.fence);
      const seen = seenOf(site, this.#call(context));
      // Two lies at once cannot be seen through by anybody.
      const blind = fault !== null && !site.liedAbout.has(this.#name);
      say({ kind: 'observed', job, answer: blind ? fault : seen });
      answer(() => {
        if (blind && fault === 'throws') throw new Error('the connection was reset');
        if (blind) return { state: 'cannot-tell', reason: 'no answer' };
        if (seen === 'applied') return { state: 'applied', facts: {} };
        return {
          state: 'not-applied',
          facts: {},
          differs: `${this.#name} is ${seen}`,
          partly: seen === 'partly',
        };
      });
    });
  };

  readonly apply = async (context: ActionContext): Promise<Outcome> => {
    const { faults, dice, say } = this.#world;
    const site = this.#world.siteOf(context.target.instance.id);
    const fault = faults.apply(this.#name);
    const job = this.#job(context);
    if (fault !== null) say({ kind: 'fault', text: `${this.#name} ${fault}` });
    if (fault === 'lies-done' || fault === 'lies-failed') site.liedAbout.add(this.#name);
    switch (fault) {
      case 'throws-before':
        throw new Error('connection refused');
      case 'unknown-before':
        return { kind: 'unknown', reason: 'no answer' };
      case 'fails':
        return { kind: 'failed', reason: 'it does not work' };
      case 'retry-later':
        return { kind: 'retry-later', reason: 'busy', afterMs: 5_000 };
      case 'lies-done':
        if (job.mutates) return { kind: 'done' };
        break;
      default:
        break;
    }
    const pgid = this.#world.processes.has(this.#name) ? this.#world.nextId() : null;
    const record = (): Promise<void> =>
      pgid === null ? Promise.resolve() : context.processStarted({ host: 'host', pgid, startTicks: pgid });
    if (!this.#world.actsBeforeRecord) await record();
    if (context.signal.aborted) return { kind: 'unknown', reason: 'told to stop before it began' };
    // A few take longer than a lease.
    const tookMs =
      faults.outlives(this.#name) || dice.chance(0.08)
        ? dice.whole(30_000, 70_000)
        : dice.whole(200, 3_000) * (fault === 'slow' ? 15 : 1);
    const breaks =
      fault === 'hangs' ? 'never-ends' : fault === 'unknown-half' || fault === 'fails-half' ? 'half' : null;
    const stop = (): void => this.#machine.tell(() => site.stop(job.id));
    context.signal.addEventListener('abort', stop, { once: true });
    const machine = this.#machine;
    const seen: { outcome: Outcome | null } = { outcome: null };
    const pending = machine.call<JobEnd>((answer) => {
      this.#snapshot(site, context, job);
      site.begin(
        job,
        {
          effects: effectsOf(site, this.#call(context)),
          tookMs,
          pgid,
          mayAct: () => machine.state !== 'dead' || machine.orphans,
          breaks,
        },
        (how) => {
          // What is seen is seen there and then, however late the worker hears of it.
          if (how === 'done') seen.outcome = this.#look(site, context, job);
          answer(() => how);
        },
      );
    }, this.#name);
    const how = await pending;
    if (this.#world.actsBeforeRecord) await record();
    context.signal.removeEventListener('abort', stop);
    return this.#outcome(fault, how, seen.outcome ?? { kind: 'done' });
  };

  /** A dump sees what was there when it began. */
  #snapshot(site: Site, context: ActionContext, job: Job): void {
    if (this.#name !== 'database/backup') return;
    const good = !this.#world.faults.badBackup();
    const { schema, content } = site.state;
    site.backups.set(`bkp_${job.id}`, { schema, content, begunAt: context.nowMs(), good });
  }

  #outcome(fault: ApplyFault | null, how: JobEnd, done: Outcome): Outcome {
    if (fault === 'fails-half' && how === 'killed')
      return { kind: 'failed', reason: 'it broke in the middle' };
    if (how === 'killed') return { kind: 'unknown', reason: 'it was ended' };
    if (how === 'refused') return { kind: 'failed', reason: 'the receiver has seen a newer fence' };
    if (how === 'failed') return { kind: 'failed', reason: 'it cannot be done' };
    if (fault === 'throws-after') throw new Error('connection reset');
    if (fault !== null && AFTER.has(fault)) {
      return fault === 'lies-failed'
        ? { kind: 'failed', reason: 'it says so' }
        : { kind: 'unknown', reason: 'no answer' };
    }
    return done;
  }

  /** What the work found out when it was done. */
  #look(site: Site, context: ActionContext, job: Job): Outcome {
    switch (this.#name) {
      case 'database/backup': {
        const backupId = `bkp_${job.id}`;
        const begunAt = site.backups.get(backupId)?.begunAt ?? 0;
        return { kind: 'done', backup: { backupId, grade: 'written', begunAt, bytes: 1 } };
      }
      case 'database/prove': {
        const { backup } = context.target;
        const snapshot = site.backups.get(backup?.backupId ?? '');
        if (backup === null || snapshot === undefined)
          return { kind: 'failed', reason: 'there is no backup' };
        const { good } = snapshot;
        this.#world.say({ kind: 'proven', job, backup: backup.backupId, good, begunAt: snapshot.begunAt });
        if (!good) return { kind: 'failed', reason: 'it cannot be restored' };
        const { output: _, ...record } = backup;
        return { kind: 'done', backup: { ...record, grade: 'restored' } };
      }
      case 'app/probe':
        return this.#probe(site, context, job);
      default:
        return { kind: 'done' };
    }
  }

  #probe(site: Site, context: ActionContext, job: Job): Outcome {
    const { input } = this.#call(context);
    const slot = slotOf(input['slot'], 'green');
    const { running, version } = site.state[slot];
    const writeOk = site.writes(slot);
    const observed: SiteObservation = {
      version: running ? version : null,
      healthy: site.healthy(slot),
      writeOk,
      problem: writeOk ? null : 'it cannot write',
    };
    this.#world.say({ kind: 'probed', job, slot, version: observed.version, writeOk });
    const wanted = input['expect'] === 'from' ? site.rules.from : site.rules.to;
    if (observed.version === wanted && writeOk) return { kind: 'done', observed };
    return { kind: 'failed', reason: 'the site does not do what it should', observed };
  }
}

/** The registry of one worker: the same site for all, a connection of its own. */
export function driversOf(world: DriverWorld, machine: Machine): FindAction {
  const actions = new Map<string, Action>();
  return (_driver, name) => {
    const found = actions.get(name);
    if (found !== undefined) return { action: found, parseConfig: () => ({}) };
    const own = new YardAction(world, machine, name);
    const action: Action = {
      inputSchema: ANY_INPUT,
      capabilities: [],
      // The plan's flags count; the engine reads none of a driver's.
      flags: {
        idempotent: true, disruptive: false, destructive: false, mutates: false, closesSite: false, opensSite: false,
        switchesTraffic: false,
      }, // prettier-ignore
      describe: () => name,
      observe: own.observe,
      apply: own.apply,
    };
    actions.set(name, action);
    return { action, parseConfig: () => ({}) };
  };
}
