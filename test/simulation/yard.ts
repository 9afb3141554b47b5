/**
 * The Yard: a whole world from one seed. Workers run the product's own engine over the product's own store in memory; clock,
 * timers, sites, drivers' edge, people and calendar are simulated and break as the seed says. First with faults (safety),
 * then without (everything must settle). What it says in the log is what happened; `check-*.ts` judge that alone.
 */
import type { RunEvent } from '@sitelift/domain/run/events.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import { createActionRunner } from '../../packages/server/src/engine/action-runner.ts';
import type { EngineDeps } from '../../packages/server/src/engine/advance-run.ts';
import { createMemoryRunStore } from '../../packages/server/src/engine/memory-run-store.ts';
import type { RunStore } from '../../packages/server/src/engine/run-store.ts';
import { startWorker, type Worker } from '../../packages/server/src/engine/worker.ts';
import { Calendar } from './calendar.ts';
import { createChecker } from './checker.ts';
import { createDice, type Dice } from './dice.ts';
import { EPOCH, EventLoop } from './event-loop.ts';
import { faultText, StrikingFaults, type Fault } from './faults.ts';
import { Machine } from './machine.ts';
import { People } from './people.ts';
import { drawPlan, type YardPlan } from './playbooks.ts';
import { NO_SABOTAGE, type Sabotage } from './sabotage.ts';
import { Site } from './site.ts';
import { storeBehindWire } from './store-behind-wire.ts';
import type { Entry, Happening } from './world-log.ts';
import { faultsOf, workersOf, type YardOptions, type YardResult } from './yard-options.ts';
import { driversOf, type DriverWorld } from './yard-driver.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const LEASE = { leaseMs: 30 * SECOND, heartbeatMs: 5 * SECOND } as const;
const SWEEP_MS = 5 * SECOND;
/** With faults the world goes on at most this long; then they are switched off. */
const SAFETY_MS = 60 * MINUTE;
/** Without faults everything must have settled after this: two windows and the longest attempts fit. */
const LIVENESS_MS = 6 * 60 * MINUTE;
const USER_WRITES_EVERY_MS = 4 * SECOND;
/** Most of what happens happens by then. */
const BUSY_MS = 3 * MINUTE;

interface Run {
  readonly id: string;
  readonly plan: RunPlan;
  seen: number;
  /** Over, or waiting for a person. */
  settled: boolean;
  paused: boolean;
  ended: string | null;
}

export class Yard {
  readonly options: YardOptions;
  readonly loop = new EventLoop();
  readonly dice: Dice;
  readonly faults: readonly Fault[];
  readonly #striking: StrikingFaults;
  readonly #sabotage: Sabotage;
  readonly #losesWakes: boolean;
  readonly #log: Entry[] = [];
  readonly #calendar: Calendar;
  readonly #store;
  readonly #engineStore: RunStore;
  readonly #sites = new Map<string, Site>();
  readonly #runs = new Map<string, Run>();
  readonly #plans: readonly YardPlan[];
  readonly #machines: Machine[] = [];
  readonly #workers = new Map<Machine, Worker>();
  readonly #calls: number[] = [];
  readonly #people: People;
  readonly #checker;
  readonly #driverWorld: DriverWorld;
  readonly #dueAnswers = { outage: null as 'before' | 'after' | null };
  #ids = 0;
  #lives = 0;
  #entries = 0;
  #items = 100;
  #liveness = false;

  constructor(options: YardOptions) {
    this.options = options;
    this.#sabotage = options.sabotage ?? NO_SABOTAGE;
    this.dice = createDice(options.seed);
    this.#losesWakes = this.dice.fork('wakes').chance(0.4);
    this.faults = options.faults ?? faultsOf(options.seed);
    this.#striking = new StrikingFaults(this.faults);
    const now = (): number => this.loop.now;
    this.#calendar = new Calendar(now, this.say);
    const drawn = this.dice.fork('plans');
    this.#plans = Array.from({ length: drawn.chance(0.25) ? 2 : 1 }, (_, index) =>
      drawPlan(drawn, index + 1),
    );
    this.#checker = createChecker(this.#plans);
    for (const { plan, needs } of this.#plans) {
      const rules = {
        from: plan.from.version,
        to: plan.to.version,
        needs,
        badRelease: this.#striking.badRelease,
        acceptsAnyFence: this.#sabotage.receiversAcceptAnyFence === true,
      };
      this.#sites.set(plan.instance.id, new Site(plan.instance.id, rules, this.loop, this.say));
    }
    this.#store = createMemoryRunStore(now, this.#calendar.factsOf);
    this.#engineStore = this.#sabotage.store?.(this.#store) ?? this.#store;
    this.#driverWorld = {
      siteOf: this.#siteOf,
      faults: this.#striking,
      dice: this.dice.fork('drivers'),
      say: this.say,
      nextId: () => (this.#ids += 1),
      now,
      processes: this.#drawProcesses(),
      actsBeforeRecord: this.#sabotage.actsBeforeRecord === true,
    };
    this.#people = new People({
      loop: this.loop,
      dice: this.dice.fork('people'),
      store: this.#store,
      say: this.say,
      planOf: (run) => this.#run(run).plan,
      siteOf: this.#siteOf,
      journalOf: (run) => this.#journal(run),
      spoken: this.#spoken,
    });
    this.#addRuns(drawn);
  }

  #drawProcesses(): ReadonlySet<string> {
    const dice = this.dice.fork('processes');
    const sometimes = ['app/start', 'app/stop', 'app/stage', 'app/unstage'].filter(() => dice.chance(0.5));
    return new Set([
      'database/backup',
      'database/prove',
      'database/migrate',
      'database/restore',
      ...sometimes,
    ]);
  }

  #addRuns(dice: Dice): void {
    for (const [index, { plan }] of this.#plans.entries()) {
      // Sometimes two upgrades of one instance are open at once: an emergency and a nightly one.
      const count = dice.chance(0.15) ? 2 : 1;
      for (let nth = 0; nth < count; nth += 1) {
        const id = `run_${index + 1}${nth === 0 ? '' : 'b'}`;
        this.#store.add(id, plan);
        this.#runs.set(id, { id, plan, seen: 0, settled: false, paused: false, ended: null });
      }
    }
  }

  readonly #siteOf = (instanceId: string): Site => {
    const site = this.#sites.get(instanceId);
    if (site === undefined) throw new Error(`there is no site ${instanceId}`);
    return site;
  };

  #run(id: string): Run {
    const run = this.#runs.get(id);
    if (run === undefined) throw new Error(`there is no run ${id}`);
    return run;
  }

  #journal(run: string): readonly RunEvent[] {
    return this.#store.rows(run);
  }

  readonly say = (happening: Happening): void => {
    const entry: Entry = { ...happening, at: this.loop.now };
    this.#entries += 1;
    if (this.options.keepLog === true) this.#log.push(entry);
    this.#checker.see(entry);
  };

  /** Rows that were committed since the last look. */
  readonly #written = (): void => {
    for (const run of this.#runs.values()) {
      const journal = this.#journal(run.id);
      for (; run.seen < journal.length; run.seen += 1) {
        const event = journal[run.seen];
        if (event === undefined) continue;
        this.say({ kind: 'row', run: run.id, event });
        for (const { verb, plusMs, thenMs } of this.#striking.words(event)) {
          this.loop.after(plusMs, () => this.#people.say(run.id, verb, null));
          if (thenMs === null) continue;
          const second = verb === 'pause' ? 'resume' : 'roll-back';
          this.loop.after(plusMs + thenMs, () => this.#people.say(run.id, second, null));
        }
        this.#follow(run, event);
      }
    }
  };

  #follow(run: Run, event: RunEvent): void {
    switch (event.kind) {
      case 'run-ended':
        run.ended = event.state;
        run.settled = true;
        if (event.state === 'succeeded') this.#supersede(run);
        break;
      case 'asked-person':
        run.settled = true;
        if (!this.#liveness) this.#people.asked(run.id);
        break;
      case 'paused':
      case 'resumed':
        run.paused = event.kind === 'paused';
        run.settled = false;
        break;
      default:
        run.settled = false;
    }
  }

  readonly #spoken = (run: string): void => {
    this.#written();
    // A wake-up may be lost, in some worlds every one; the rows are the truth and the sweep finds them.
    if (this.#losesWakes) return;
    const up = this.#machines.filter((machine) => machine.state === 'up');
    const machine = up[this.dice.fork(`wake ${this.#entries}`).whole(0, Math.max(0, up.length - 1))];
    if (machine !== undefined && this.#entries % 4 !== 0)
      this.loop.after(5, () => machine.deliver(() => void this.#workers.get(machine)?.wake(run)));
  };

  #startMachine(index: number): void {
    this.#lives += 1;
    const name = `w${index + 1}.${this.#lives}`;
    const machine: Machine = new Machine(
      name,
      index,
      this.loop,
      this.dice.fork(name),
      this.#striking,
      () => (this.#calls[index] = (this.#calls[index] ?? 0) + 1),
      {
        crashed: (orphans, downMs) => {
          this.say({
            kind: 'worker',
            worker: name,
            what: `crashed${orphans ? ', its processes live on' : ''}`,
          });
          if (!orphans) for (const site of this.#sites.values()) site.stopProcessesOf(name);
          this.loop.after(downMs, () => this.#startMachine(index));
        },
        froze: (forMs, clock) =>
          this.say({ kind: 'worker', worker: name, what: `froze for ${forMs} ms, its clock ${clock}` }),
        thawed: () => this.say({ kind: 'worker', worker: name, what: 'thawed' }),
      },
    );
    this.#machines[index] = machine;
    this.say({ kind: 'worker', worker: name, what: 'started' });
    this.#workers.set(machine, startWorker(this.#depsOf(machine), { runsAtOnce: 2, sweepMs: SWEEP_MS }, (error) =>
      this.say({ kind: 'worker', worker: name, what: `met ${error instanceof Error ? error.message : String(error)}` }),
    )); // prettier-ignore
  }

  #depsOf(machine: Machine): EngineDeps {
    const wire = { store: this.#engineStore, away: () => this.#dueAnswers.outage, written: this.#written };
    const deps: EngineDeps = {
      store: storeBehindWire(wire, machine),
      runner: createActionRunner(
        driversOf(this.#driverWorld, machine),
        () => Promise.resolve(''),
        machine.monotonicMs,
        machine.timers,
      ),
      worker: machine.name,
      lease: LEASE,
      monotonicMs: machine.monotonicMs,
      timers: machine.timers,
      stopProcess: (process) =>
        machine.call<void>((answer) => {
          for (const site of this.#sites.values()) site.stopGroup(process.pgid);
          answer(() => {});
        }),
      openAttempt: (_run, lane) => {
        const log = { line: () => {}, close: () => Promise.resolve(), lane };
        return { log, openSecret: () => Promise.resolve('') };
      },
      noticesOf: () => Promise.resolve([]),
      lookFromOutside: ({ plan }) =>
        machine.call<boolean | null>((answer) => {
          if (this.#striking.blindLook()) {
            answer(() => {
              throw new Error('no network');
            });
            return;
          }
          const open = this.#siteOf(plan.instance.id).state.page === 'open';
          answer(() => open);
        }),
    };
    return this.#sabotage.deps?.(deps) ?? deps;
  }

  #planFaults(): void {
    const { loop } = this;
    for (const fault of this.#striking.timed()) {
      loop.after(fault.atMs, () => {
        if (this.#liveness) return;
        switch (fault.kind) {
          case 'outage':
            this.#dueAnswers.outage = fault.after ? 'after' : 'before';
            this.say({ kind: 'fault', text: faultText(fault) });
            loop.after(fault.forMs, () => (this.#dueAnswers.outage = null));
            break;
          case 'person':
            for (const run of this.#runs.keys()) this.#people.say(run, fault.verb, null);
            break;
          case 'calendar':
            this.#calendar.set(fault.what);
            break;
          default:
        }
      });
    }
  }

  /** A plan was made for the version that was: when another upgrade of the site succeeds it is cancelled. */
  #supersede({ id, plan }: Run): void {
    for (const other of this.#runs.values()) {
      if (other.id !== id && other.ended === null && other.plan.instance.id === plan.instance.id)
        this.loop.after(0, () => this.#people.say(other.id, 'cancel', null));
    }
  }

  /** Waits for an upgrade of the same site that waits for a person. */
  #behindAnother({ id, plan }: Run): boolean {
    return [...this.#runs.values()].some(
      (other) =>
        other.id !== id &&
        other.settled &&
        other.ended === null &&
        other.plan.instance.id === plan.instance.id,
    );
  }

  #settled(): boolean {
    for (const run of this.#runs.values()) if (!run.settled && !this.#behindAnother(run)) return false;
    return !this.#people.busy;
  }

  #faultsOff(): void {
    this.#liveness = true;
    this.#striking.on = false;
    this.#dueAnswers.outage = null;
    this.say({ kind: 'phase', what: 'faults-off' });
    for (const machine of this.#machines) machine.thaw();
    for (const what of ['lift', 'restore-release', 'go'] as const) this.#calendar.set(what);
    for (const run of this.#runs.values())
      if (run.paused && run.ended === null) this.#people.say(run.id, 'resume', null);
  }

  async run(): Promise<YardResult> {
    const workers = workersOf(this.dice);
    for (let index = 0; index < workers; index += 1) this.#startMachine(index);
    this.#planFaults();
    this.loop.every(
      USER_WRITES_EVERY_MS,
      () => {
        // While everything waits for people they write now and then only.
        this.#items += 1;
        if (this.loop.now > EPOCH + BUSY_MS && this.#items % 15 !== 0) return;
        for (const site of this.#sites.values()) site.write(this.#items);
      },
      true,
    );
    const broken = (): boolean => this.#checker.breaches.length > 0;
    await this.loop.run(() => broken() || this.#settled(), EPOCH + SAFETY_MS);
    if (!broken()) {
      this.#faultsOff();
      const until = this.loop.now + LIVENESS_MS;
      await this.loop.run(() => broken() || this.#settled(), until);
      if (!broken()) this.say({ kind: 'phase', what: 'end' });
    }
    const ends = Object.fromEntries(
      [...this.#runs.values()].map((run) => [run.id, run.ended ?? (run.settled ? 'waiting' : 'open')]),
    );
    return {
      seed: this.options.seed,
      faults: this.faults,
      breaches: this.#checker.breaches,
      log: this.#log,
      events: this.loop.events * 1_000_003 + this.#entries,
      ends,
    };
  }
}

export function runYard(options: YardOptions): Promise<YardResult> {
  return new Yard(options).run();
}
