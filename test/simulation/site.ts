/**
 * A customer's site as a receiver: page, two slots, database, content, backups; and the host that does the work there. It
 * knows nothing of the engine: it hears requests with a fence, refuses an older one, and says what it did.
 *
 * A request that is no process of ours (a call to the proxy, to a service manager) has its fence compared at every effect; a
 * process is compared when it begins, and after that only killing it helps. That is how the real receivers are.
 */
import type { EventLoop } from './event-loop.ts';
import type { Job, Say, SiteState, Slot } from './world-log.ts';

export interface Effect {
  readonly what: string;
  /** After this share of the job's time. */
  readonly share: number;
  /** Null: it cannot be done, and the job fails here. */
  readonly change: (site: Site) => SiteState | null;
}

export interface Work {
  readonly effects: readonly Effect[];
  readonly tookMs: number;
  /** Process group, for what is a process of ours on the host. */
  readonly pgid: number | null;
  /** Is whoever started the process still there to let it act? */
  readonly mayAct: () => boolean;
  /** Dies after the first effect / never ends. */
  readonly breaks: 'half' | 'never-ends' | null;
}

export type JobEnd = 'done' | 'killed' | 'failed' | 'refused';

interface Running {
  readonly job: Job;
  readonly pgid: number | null;
  readonly end: (how: JobEnd) => void;
  alive: boolean;
}

export interface Snapshot {
  readonly schema: string;
  readonly content: readonly number[];
  readonly begunAt: number;
  readonly good: boolean;
}

export interface SiteRules {
  readonly from: string;
  readonly to: string;
  /** Schema that a version of the code needs. */
  readonly needs: Readonly<Record<string, string>>;
  /** The new code cannot write. */
  readonly badRelease: boolean;
  /** The receiver does not compare fences (sabotage). */
  readonly acceptsAnyFence: boolean;
}

export class Site {
  readonly name: string;
  readonly rules: SiteRules;
  state: SiteState;
  fence = 0;
  /** Actions of which a driver has lied: their observation is honest (two lies at once cannot be seen through). */
  readonly liedAbout = new Set<string>();
  readonly backups = new Map<string, Snapshot>();
  restoredFrom: string | null = null;
  readonly #loop: EventLoop;
  readonly #say: Say;
  readonly #running = new Map<number, Running>();
  readonly #stopped = new Set<number>();
  readonly #deadGroups = new Set<number>();

  constructor(name: string, rules: SiteRules, loop: EventLoop, say: Say) {
    this.name = name;
    this.rules = rules;
    this.#loop = loop;
    this.#say = say;
    const schema = rules.needs[rules.from] ?? '';
    const content = Array.from({ length: 5 }, (_, index) => index);
    this.state = {
      page: 'open',
      serving: 'blue',
      blue: { version: rules.from, running: true },
      green: { version: null, running: false },
      schema,
      content,
    };
  }

  /** Does the code of this slot run on a schema that is its own? */
  healthy(slot: Slot): boolean {
    const { version, running } = this.state[slot];
    return running && version !== null && this.rules.needs[version] === this.state.schema;
  }

  writes(slot: Slot): boolean {
    return this.healthy(slot) && !(this.rules.badRelease && this.state[slot].version === this.rules.to);
  }

  /** A request of any kind arrived with this fence. False: an older one, refused. */
  hear(fence: number): boolean {
    if (fence < this.fence && !this.rules.acceptsAnyFence) return false;
    this.fence = Math.max(this.fence, fence);
    return true;
  }

  begin(job: Job, work: Work, ended: (how: JobEnd) => void): void {
    const finish = (how: JobEnd): void => {
      if (!running.alive) return;
      running.alive = false;
      this.#running.delete(job.id);
      this.#say({ kind: 'job-ended', job, how });
      ended(how);
    };
    const running: Running = { job, pgid: work.pgid, end: finish, alive: true };
    const gone = work.pgid !== null && (this.#deadGroups.has(work.pgid) || !work.mayAct());
    if (gone || this.#stopped.has(job.id)) return finish('killed');
    if (!this.hear(job.fence)) {
      this.#say({ kind: 'job-refused', job, why: `the site has seen fence ${this.fence}` });
      return finish('refused');
    }
    this.#running.set(job.id, running);
    this.#say({ kind: 'job-began', job });
    for (const [index, effect] of work.effects.entries()) {
      this.#loop.after(work.tookMs * effect.share, () => {
        if (!running.alive || (work.breaks === 'half' && index > 0)) return;
        if (work.breaks === 'never-ends' && index === work.effects.length - 1) return;
        this.#act(running, effect);
      });
    }
    if (work.breaks === 'never-ends') return;
    this.#loop.after(work.tookMs, () => finish(work.breaks === 'half' ? 'killed' : 'done'));
  }

  #act(running: Running, { what, change }: Effect): void {
    const { job, pgid, end } = running;
    if (pgid === null && job.fence < this.fence && !this.rules.acceptsAnyFence) {
      this.#say({ kind: 'job-refused', job, why: `${what}: the site has seen fence ${this.fence}` });
      return end('refused');
    }
    const next = change(this);
    if (next === null) return end('failed');
    const changed = next !== this.state;
    this.state = next;
    if (changed) this.#say({ kind: 'effect', job, what, site: next });
  }

  /** Ends one job: its driver was told to stop. */
  stop(jobId: number): void {
    this.#stopped.add(jobId);
    this.#running.get(jobId)?.end('killed');
  }

  /** Ends a process group, whatever it is doing. */
  stopGroup(pgid: number): void {
    this.#deadGroups.add(pgid);
    for (const running of this.#running.values()) if (running.pgid === pgid) running.end('killed');
  }

  /** The worker is gone: what it had started on this host goes with it. */
  stopProcessesOf(worker: string): void {
    for (const { job, pgid } of this.#running.values())
      if (job.worker === worker && pgid !== null) this.stopGroup(pgid);
  }

  /** A user writes something, if the site lets them. */
  write(item: number): void {
    if (this.state.page !== 'open' || !this.writes(this.state.serving)) return;
    this.state = { ...this.state, content: [...this.state.content, item] };
    this.#say({ kind: 'written', site: this.name, item });
  }

  /** A person with a shell does by hand what an action would. */
  byHand(effects: readonly Effect[], what: string): void {
    for (const { change } of effects) this.state = change(this) ?? this.state;
    this.#say({ kind: 'by-hand', site: this.name, what, state: this.state });
  }
}
