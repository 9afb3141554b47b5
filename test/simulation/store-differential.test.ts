/**
 * Store honesty: the same random sequences of operations on the store in memory and on PostgreSQL give the same answers. Few with
 * every test; as many as `SITELIFT_STORE_SEQUENCES` says otherwise (2,000 before a release).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUN_VERBS } from '@sitelift/domain/run/command-verdict.ts';
import { decideNext, type Next } from '@sitelift/domain/run/decide-next.ts';
import type { Lane, RunEventBody, SiteObservation } from '@sitelift/domain/run/events.ts';
import { samplePlan } from '@sitelift/domain/run/sample-plan.ts';
import type { RunState } from '@sitelift/domain/run/run-state.ts';
import { createTestDatabase, type TestDatabase } from '../../packages/server/src/db/test-database.ts';
import { createDice, type Dice } from './dice.ts';
import { EPOCH } from './event-loop.ts';
import { StorePair, type HandlePair, type RunPair } from './store-pair.ts';

const SEQUENCES = Number(process.env['SITELIFT_STORE_SEQUENCES'] ?? 40);
const OPERATIONS = 70;
/** Skips are odd parts of it, so that no lease ends within the seconds that a sequence really takes. */
const LEASE_MS = 100_000;
const SKIPS = [15_000, 30_000, 45_000, 150_000] as const;

/** An instant after everything, for both stores. */
const FAR_AHEAD = 1e13;

/** Everything is allowed, as far as the decision knows; the store has the last word. */
const FREE = {
  stopped: null,
  releaseWithdrawn: null,
  freeze: null,
  window: 'any-time',
  history: new Map(),
} as const;

function ended(dice: Dice, lane: Lane, step: string, attempt: number): RunEventBody {
  const usual = dice.pick([
    'done',
    'done',
    'done',
    'done',
    'done',
    'already-done',
    'unknown',
    'retry-later',
    'failed',
  ] as const);
  // A third of the new releases does not work, so that ways back are seen too.
  const outcome = step === 'probe' && dice.chance(0.35) ? 'failed' : usual;
  const good = outcome === 'done' || outcome === 'already-done';
  const version = step === 'probe' ? '2.0' : step === 'probe-old' ? '1.0' : null;
  const observed: SiteObservation = { version, healthy: true, writeOk: dice.chance(0.9), problem: null };
  return {
    kind: 'step-ended', lane, step, attempt, outcome,
    reason: good ? null : 'x',
    notApplied: outcome === 'failed' && dice.chance(0.5),
    retryAt: outcome === 'retry-later' ? EPOCH : null,
    output: {},
    observed: version === null || dice.chance(0.1) ? null : observed,
    backup: null,
  }; // prettier-ignore
}

class Sequence {
  readonly pair: StorePair;
  readonly dice: Dice;
  /** What each worker believes to hold; it may long be somebody else's. */
  readonly held = new Map<string, { readonly run: RunPair; handle: HandlePair }>();
  constructor(pair: StorePair, dice: Dice) {
    this.pair = pair;
    this.dice = dice;
  }

  async operate(): Promise<void> {
    const { dice, pair } = this;
    const worker = dice.pick(['a', 'a', 'a', 'a', 'a', 'b', 'c']);
    const run = pair.runs[dice.whole(0, pair.runs.length - 1)];
    const held = this.held.get(worker);
    if (run === undefined) return;
    const kind = dice.pick(['claim', 'extend', 'next', 'next', 'next', 'next', 'next', 'next', 'next', 'next', 'next',
      'next', 'next', 'next', 'next', 'next', 'next', 'next', 'next', 'next', 'next', 'next', 'release', 'park', 'person', 'skip', 'change', 'due'] as const); // prettier-ignore
    switch (kind) {
      case 'claim':
        return this.#claim(worker, run);
      case 'extend':
        if (held !== undefined)
          await pair.call('extend', (store, side) => store.extend(held.handle[side], LEASE_MS));
        return;
      case 'next':
        return held === undefined ? this.#claim(worker, run) : this.#next(worker, held);
      case 'release':
        if (held === undefined) return;
        this.held.delete(worker);
        await pair.call('release', (store, side) => store.release(held.handle[side], null));
        return;
      case 'park':
        await pair.call('park', (store, side) => store.park(run[side], worker, 20_000));
        return;
      case 'person': {
        const verb = dice.pick(RUN_VERBS);
        const as = dice.pick(['applied', 'not-applied'] as const);
        await pair.say(run, { verb, step: null, actor: 'p', reason: 'x', evidence: 'x', as });
        // The heartbeat brings the word along.
        if (held !== undefined)
          await pair.call('extend', (store, side) => store.extend(held.handle[side], LEASE_MS));
        return;
      }
      case 'skip':
        return pair.skip(dice.pick(SKIPS));
      case 'change':
        return pair.change(
          dice.pick(['freeze', 'lift', 'lift', 'withdraw', 'restore-release', 'stop', 'go', 'go']),
        );
      case 'due':
        return pair.due();
      default:
        kind satisfies never;
    }
  }

  async #claim(worker: string, run: RunPair): Promise<void> {
    const handle = await this.pair.call(`claim by ${worker}`, (store, side) =>
      store.claim(run[side], worker, LEASE_MS),
    );
    if (handle !== null) this.held.set(worker, { run, handle });
  }

  /** What the engine would do next, or now and then something that it must not. */
  async #next(worker: string, held: { readonly run: RunPair; handle: HandlePair }): Promise<void> {
    const { dice } = this;
    const { state, plan } = held.handle.memory;
    if (dice.chance(0.05)) return this.#openEarly(held);
    // Far ahead, so that no pause of a retry is in the way; a run that is over has no next thing.
    const next = decideNext(plan, state, FREE, FAR_AHEAD);
    const handle = await this.#carryOut(worker, next, held.handle, state);
    if (handle !== null) held.handle = handle;
    else if (next.kind !== 'sleep') this.held.delete(worker);
  }

  async #openEarly({ handle }: { handle: HandlePair }): Promise<void> {
    const lane = handle.memory.state.phase === 'recover' ? 'recover' : 'main';
    const step = lane === 'recover' ? 'reopen' : 'open';
    const record = handle.memory.state.steps[lane][step];
    if (record === undefined || record.attempt > 0 || handle.memory.state.ended !== null) return;
    const body = { kind: 'step-started', lane, step, attempt: 1, worker: 'w' } as const;
    const guard = { lane, step, takesInstance: false, forward: false, commits: false, opens: true } as const;
    await this.pair.call('open early', (store, side) => store.start(handle[side], body, guard));
  }

  #carryOut(worker: string, next: Next, handle: HandlePair, state: RunState): Promise<HandlePair | null> {
    const { pair, dice } = this;
    switch (next.kind) {
      case 'append': {
        const { event } = next;
        return pair.call(event.kind, (store, side) => store.appendDecision(handle[side], event));
      }
      case 'finish': {
        const event = { ...next.event, siteOpen: true };
        return pair.call(event.kind, (store, side) => store.appendDecision(handle[side], event));
      }
      case 'perform': {
        const { lane, step, attempt, commits } = next;
        const body = { kind: 'step-started', lane, step, attempt, worker } as const;
        const opens = step === 'open' || step === 'reopen' || (lane === 'undo' && step === 'close');
        const guard = { lane, step, takesInstance: true, forward: lane === 'main', commits, opens };
        return pair.call(`start ${lane}/${step}`, (store, side) => store.start(handle[side], body, guard));
      }
      case 'reconcile': {
        const { lane, step, attempt } = next;
        const backup =
          step === 'backup'
            ? {
                backupId: `bkp_${dice.whole(1, 1e9)}`,
                grade: 'restored' as const,
                begunAt: FAR_AHEAD,
                bytes: 1,
              }
            : null;
        const event = ended(dice, lane, step, attempt);
        const body = event.kind === 'step-ended' && event.outcome === 'done' ? { ...event, backup } : event;
        // An outcome that stays unknown is a question, as the engine has it.
        const question = { kind: 'asked-person', code: 'unknown-outcome', question: 'x', step } as const;
        const again = state.steps[lane][step]?.state === 'unknown' && dice.chance(0.3);
        return pair.call('append', (store, side) => store.append(handle[side], again ? [question] : [body]));
      }
      case 'observe-site': {
        const observed: SiteObservation = { version: '1.0', healthy: true, writeOk: true, problem: null };
        const body = { kind: 'site-observed', lane: next.lane, observed } as const;
        return pair.call('site-observed', (store, side) => store.append(handle[side], [body]));
      }
      default:
        return Promise.resolve(null);
    }
  }
}

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

/** What the sequences have met: a comparison of what never happens shows nothing. */
const met = new Set<string>();
const WORTH_MEETING = [
  'start main/open', 'open early', 'start undo/close', 'recovery-began', 'start recover/reopen', 'run-ended', 'fenced',
  '"again":true', '"held":{', '"refused"', '"interrupt":true', '"over"',
]; // prettier-ignore

async function play(seed: number): Promise<string | null> {
  const dice = createDice(seed, 'stores');
  const pair = new StorePair(test);
  await pair.change('lift');
  await pair.change('go');
  await pair.addRuns(samplePlan(), dice.chance(0.3) ? 2 : 1);
  const sequence = new Sequence(pair, dice);
  for (let nth = 1; nth <= OPERATIONS; nth += 1) {
    await sequence.operate();
    const [difference] = pair.differences;
    if (difference !== undefined)
      return [
        `sequence ${seed}, operation ${nth}: ${difference}`,
        ...pair.history.slice(-25).map((line) => line.slice(0, 160)),
      ].join('\n');
  }
  for (const line of pair.history) for (const what of WORTH_MEETING) if (line.includes(what)) met.add(what);
  return null;
}

describe('the store in memory and PostgreSQL', () => {
  it(
    `answer ${SEQUENCES} sequences of ${OPERATIONS} operations alike`,
    async () => {
      for (let seed = 1; seed <= SEQUENCES; seed += 1) expect(await play(seed)).toBeNull();
      expect([...met].toSorted()).toEqual(WORTH_MEETING.toSorted());
    },
    30_000 + SEQUENCES * 2_000,
  );
});
