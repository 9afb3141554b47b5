/**
 * The store in memory and the one in PostgreSQL side by side: every operation is done on both and both answers are compared,
 * with what may differ (instants, hashes, ids, the values of fences but not their order) taken out. The simulation stands or
 * falls with the first being like the second.
 */
import { decideCommand, type RunCommand } from '@sitelift/domain/run/command-verdict.ts';
import { foldRun } from '@sitelift/domain/run/apply-event.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import type { StartFacts } from '@sitelift/domain/run/start-facts.ts';
import { sql } from 'kysely';
import { newId } from '../../packages/server/src/db/new-id.ts';
import type { TestDatabase } from '../../packages/server/src/db/test-database.ts';
import { commandRun } from '../../packages/server/src/engine/command-run.ts';
import {
  createMemoryRunStore,
  type MemoryRunStore,
} from '../../packages/server/src/engine/memory-run-store.ts';
import { createPgRunStore, type RunHooks } from '../../packages/server/src/engine/pg-run-store.ts';
import { FencedError, type RunHandle, type RunStore } from '../../packages/server/src/engine/run-store.ts';
import { settleRun } from '../../packages/server/src/engine/settle-run.ts';
import { saveUpgrade } from '../../packages/server/src/upgrades/upgrade-store.ts';
import { EPOCH } from './event-loop.ts';

const FREE: StartFacts = {
  stopped: null,
  releaseWithdrawn: null,
  freeze: null,
  window: 'any-time',
  history: new Map(),
};
const HOOKS: RunHooks = {
  settle: (tx, run) => settleRun(tx, run, { staffEmail: null, publicUrl: 'http://localhost' }),
  wake: () => Promise.resolve(),
};

/** The same run under the lease of the same worker, in both. */
export interface HandlePair {
  readonly memory: RunHandle;
  readonly pg: RunHandle;
}

export interface RunPair {
  readonly memory: string;
  readonly pg: string;
}

interface Answers<T> {
  readonly memory: T | Error;
  readonly pg: T | Error;
}

/** Fences by order, instants by presence: what both must agree on. */
class Comparable {
  readonly #fences = new Map<number, number>();
  fence(value: number): number {
    if (value === 0) return 0;
    const known = this.#fences.get(value);
    if (known !== undefined) return known;
    const newest = Math.max(0, ...this.#fences.keys());
    const rank = value > newest ? this.#fences.size + 1 : -1;
    this.#fences.set(value, rank);
    return rank;
  }

  of(value: unknown): unknown {
    if (value instanceof Error) return value instanceof FencedError ? 'fenced' : `error: ${value.message}`;
    if (typeof value === 'number') return value > 1e11 ? 'an instant' : value;
    if (Array.isArray(value)) return value.map((one) => this.of(one));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .filter(([key]) => !['runId', 'upgradeId', 'plan', 'lastHash'].includes(key))
        .map(([key, one]) => {
          if (key === 'fence') return [key, this.fence(Number(one))];
          // Each says in its own words why.
          return [
            key,
            key === 'refused' || key === 'question' || key === 'reason' ? typeof one : this.of(one),
          ];
        }),
    );
  }
}

/** Where two long answers part. */
function differenceOf(ours: string, theirs: string): string {
  let at = 0;
  while (at < ours.length && ours[at] === theirs[at]) at += 1;
  const around = (text: string): string => text.slice(Math.max(0, at - 200), at + 100);
  return `  memory     …${around(ours)}\n  PostgreSQL …${around(theirs)}`;
}

async function answerOf<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

export class StorePair {
  readonly #test: TestDatabase;
  readonly #pg: RunStore;
  readonly #memory: MemoryRunStore;
  readonly #compare = { memory: new Comparable(), pg: new Comparable() };
  readonly runs: RunPair[] = [];
  #now = EPOCH;
  #facts = FREE;
  #releaseId = '';
  /** Where the answers differed; a sequence stops at the first. */
  readonly differences: string[] = [];
  /** What was done, and what memory answered. */
  readonly history: string[] = [];

  constructor(test: TestDatabase) {
    this.#test = test;
    this.#pg = createPgRunStore(test.db, HOOKS);
    this.#memory = createMemoryRunStore(
      () => this.#now,
      () => this.#facts,
    );
  }

  /** `count` upgrades of one instance, all planned. */
  async addRuns(plan: RunPlan, count: number): Promise<void> {
    const { db } = this.#test;
    const [customer, instance, product] = [newId('cust'), newId('inst'), newId('prod')];
    const releaseId = newId('rel');
    this.#releaseId = releaseId;
    await sql`insert into customer (id, slug, name) values (${customer}, ${customer}, 'North')`.execute(db);
    await sql`insert into product (id, slug, name, playbook) values (${product}, ${product}, 'P', 'sample')`.execute(
      db,
    );
    await sql`insert into release (id, product_id, version, kind, artefact) values (${releaseId}, ${product}, '2.0', 'major', '{}')`.execute(
      db,
    );
    await sql`
      insert into instance (id, slug, customer_id, product_id, role, url, zone, target, observed_version)
      values (${instance}, ${instance}, ${customer}, ${product}, 'live', 'http://x/', 'Europe/Amsterdam',
              '{"kind":"channel","channel":"release"}', '1.0')`.execute(db);
    const own: RunPlan = {
      ...plan,
      customer: { ...plan.customer, id: customer },
      instance: { ...plan.instance, id: instance },
      to: { ...plan.to, releaseId },
    };
    for (let nth = 0; nth < count; nth += 1) {
      const saved = await db
        .transaction()
        .execute((tx) =>
          saveUpgrade(tx, { plan: own, trigger: 'nightly', actor: 'planner', reason: '', reasons: [] }),
        );
      const memory = `run_${nth}`;
      this.#memory.add(memory, own);
      this.runs.push({ memory, pg: saved.runId });
    }
  }

  async #both<T>(what: string, memory: () => Promise<T>, pg: () => Promise<T>): Promise<Answers<T>> {
    const answers = { memory: await answerOf(memory), pg: await answerOf(pg) };
    const [ours, theirs] = [
      JSON.stringify(this.#compare.memory.of(answers.memory)),
      JSON.stringify(this.#compare.pg.of(answers.pg)),
    ];
    this.history.push(`${what}: ${ours ?? ''}`);
    if (ours !== theirs) this.differences.push(`${what}\n${differenceOf(ours ?? '', theirs ?? '')}`);
    return answers;
  }

  /** One call of the port on both; the handles that came of it, where both gave one. */
  async call(
    what: string,
    use: (store: RunStore, side: 'memory' | 'pg') => Promise<unknown>,
  ): Promise<HandlePair | null> {
    const { memory, pg } = await this.#both(
      what,
      () => use(this.#memory, 'memory'),
      () => use(this.#pg, 'pg'),
    );
    const [ours, theirs] = [handleIn(memory), handleIn(pg)];
    return ours === null || theirs === null ? null : { memory: ours, pg: theirs };
  }

  async due(): Promise<void> {
    const names = (found: readonly string[], side: 'memory' | 'pg'): readonly number[] =>
      this.runs.flatMap((run, index) => (found.includes(run[side]) ? [index] : []));
    await this.#both(
      'due',
      async () => names(await this.#memory.due(1_000_000), 'memory'),
      async () => names(await this.#pg.due(1_000_000), 'pg'),
    );
  }

  async say(run: RunPair, command: RunCommand): Promise<void> {
    await this.#both(
      `${command.verb} ${command.step ?? ''}`,
      () => {
        const plan = this.#memory.planOf(run.memory);
        const verdict = decideCommand(plan, foldRun(plan, this.#memory.rows(run.memory)), command);
        if (!verdict.allowed) return Promise.resolve(false);
        for (const event of verdict.events) this.#memory.appendAsPerson(run.memory, event);
        return Promise.resolve(true);
      },
      async () => (await commandRun({ db: this.#test.db, hooks: HOOKS }, run.pg, command)).ok,
    );
  }

  async skip(ms: number): Promise<void> {
    this.history.push(`skip ${ms}`);
    this.#now += ms;
    await this.#test.skipTime(ms);
  }

  /** The world outside changes, in both. */
  async change(what: 'freeze' | 'lift' | 'withdraw' | 'restore-release' | 'stop' | 'go'): Promise<void> {
    const { db } = this.#test;
    switch (what) {
      case 'freeze':
        this.#facts = { ...this.#facts, freeze: { reason: 'x', untilAt: null } };
        await sql`insert into change_freeze (id, key, scope, from_at, reason, owner)
                  values (${newId('frz')}, ${newId('frz')}, '"fleet"', app_now() - interval '1 hour', 'x', 'x')`.execute(
          db,
        );
        break;
      case 'lift':
        this.#facts = { ...this.#facts, freeze: null };
        await sql`delete from change_freeze`.execute(db);
        break;
      case 'withdraw':
      case 'restore-release': {
        const withdrawn = what === 'withdraw';
        this.#facts = { ...this.#facts, releaseWithdrawn: withdrawn ? 'x' : null };
        await sql`update release set withdrawn_at = case when ${withdrawn} then app_now() end where id = ${this.#releaseId}`.execute(
          db,
        );
        break;
      }
      case 'stop':
        this.#facts = { ...this.#facts, stopped: { by: 'x', reason: 'x' } };
        await sql`insert into stop_the_world (at, by, reason) values (app_now(), 'x', 'x') on conflict do nothing`.execute(
          db,
        );
        break;
      case 'go':
        this.#facts = { ...this.#facts, stopped: null };
        await sql`delete from stop_the_world`.execute(db);
        break;
      default:
        what satisfies never;
    }
  }
}

function isHandle(value: unknown): value is RunHandle {
  return typeof value === 'object' && value !== null && 'fence' in value && 'state' in value;
}

/** The handle that an answer is, or carries. */
function handleIn(answer: unknown): RunHandle | null {
  if (isHandle(answer)) return answer;
  const carried = typeof answer === 'object' && answer !== null && 'run' in answer ? answer.run : null;
  return isHandle(carried) ? carried : null;
}
