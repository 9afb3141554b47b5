/**
 * What goes wrong in one world, as a list: a failing seed is shrunk by dropping entries until none can go. Most strike at the
 * nth call of something rather than at an instant, so that every boundary between two instructions is hit.
 */
import { RUN_VERBS, type RunVerb } from '@sitelift/domain/run/command-verdict.ts';
import type { Dice } from './dice.ts';

/** What a driver does wrong. `lies-*`: it says the opposite of what it did. */
const APPLY_FAULTS = [
  'throws-before',
  'throws-after',
  'unknown-before',
  'unknown-half',
  'unknown-after',
  'fails',
  'fails-half',
  'lies-done',
  'lies-failed',
  'slow',
  'hangs',
  'retry-later',
] as const;
export type ApplyFault = (typeof APPLY_FAULTS)[number];

/** Where a call of a worker is cut: before it leaves, when the work has begun, when it was served, when the answer arrives. */
export const CALL_POINTS = ['request', 'arrived', 'served', 'reply'] as const;
export type CallPoint = (typeof CALL_POINTS)[number];

/** Which call: the nth of one worker, or the one in which any worker carries out this action. */
type Struck = { readonly call: number } | { readonly during: string };

export type Fault =
  | { readonly kind: 'apply'; readonly action: string; readonly nth: number; readonly how: ApplyFault }
  | { readonly kind: 'observe'; readonly action: string; readonly nth: number; readonly how: 'cannot-tell' | 'throws' }
  /** `orphans`: what the worker had started lives on without it. */
  | { readonly kind: 'crash'; readonly worker: number; readonly struck: Struck; readonly point: CallPoint; readonly downMs: number; readonly orphans: boolean }
  /** `stands`: a paused machine, whose monotonic clock stands still with it. */
  | { readonly kind: 'freeze'; readonly worker: number; readonly struck: Struck; readonly point: CallPoint; readonly forMs: number; readonly clock: 'runs' | 'stands' }
  /** `after`: the store commits and the answer is lost. */
  | { readonly kind: 'outage'; readonly atMs: number; readonly forMs: number; readonly after: boolean }
  | { readonly kind: 'person'; readonly atMs: number; readonly verb: RunVerb }
  /** Somebody speaks this soon after the nth row of every run, or after the first of a kind, in the middle of what follows from it; and may think again. */
  | { readonly kind: 'word'; readonly row: number | string; readonly plusMs: number; readonly verb: RunVerb; readonly thenMs: number | null }
  | { readonly kind: 'calendar'; readonly atMs: number; readonly what: 'freeze' | 'lift' | 'withdraw' | 'restore-release' | 'stop' | 'go' }
  | { readonly kind: 'bad-backup'; readonly nth: number }
  /** The new code cannot write: the silent 403. */
  | { readonly kind: 'bad-release' }
  | { readonly kind: 'blind-look'; readonly nth: number }; // prettier-ignore

const ACTIONS = [
  'app/stage',
  'app/unstage',
  'proxy/close',
  'proxy/open',
  'proxy/switch',
  'database/backup',
  'database/prove',
  'database/migrate',
  'database/restore',
  'app/stop',
  'app/start',
  'app/probe',
] as const;

/** After this many calls of one worker a run without faults is over. */
const CALLS_OF_A_RUN = 150;
const MINUTE = 60_000;
/** A run without faults takes about this long, milliseconds; what comes by the clock comes in here. */
const USUAL_RUN_MS = 90_000;

/** What turns a run, more often than what does not. */
const WORDS: readonly [RunVerb, ...RunVerb[]] = [
  'cancel',
  'roll-back',
  'pause',
  'cancel',
  'roll-back',
  ...RUN_VERBS,
];

/** Rows after which a run sleeps or turns: what is said right then falls between two chairs. */
const TURNS = ['held', 'asked-person', 'asked-person', 'undo-began', 'recovery-began'] as const;

function oneCall(dice: Dice): Struck {
  return dice.chance(0.7) ? { during: dice.pick(ACTIONS) } : { call: dice.whole(1, CALLS_OF_A_RUN) };
}

function oneFault(dice: Dice, workers: number): Fault {
  const kind = dice.pick([
    'apply', 'apply', 'apply', 'apply', 'observe', 'observe', 'crash', 'crash', 'freeze', 'freeze', 'outage', 'person',
    'person', 'word', 'word', 'calendar', 'bad-backup', 'bad-release', 'blind-look',
  ] as const); // prettier-ignore
  const atMs = dice.whole(0, USUAL_RUN_MS);
  switch (kind) {
    case 'apply':
      return {
        kind,
        action: dice.pick(ACTIONS),
        nth: dice.pick([1, 1, 1, 2, 3]),
        how: dice.pick(APPLY_FAULTS),
      };
    case 'observe':
      return {
        kind,
        action: dice.pick(ACTIONS),
        nth: dice.whole(1, 4),
        how: dice.pick(['cannot-tell', 'throws']),
      };
    case 'crash':
      return {
        kind,
        worker: dice.whole(0, workers - 1),
        struck: oneCall(dice),
        point: dice.pick(CALL_POINTS),
        downMs: dice.whole(1_000, 90_000),
        orphans: dice.chance(0.3),
      };
    case 'freeze':
      return {
        kind,
        worker: dice.whole(0, workers - 1),
        struck: oneCall(dice),
        point: dice.pick(CALL_POINTS),
        // Shorter and longer than a lease.
        forMs: dice.whole(5_000, 2 * MINUTE),
        clock: dice.pick(['runs', 'stands']),
      };
    case 'outage':
      return { kind, atMs, forMs: dice.whole(500, MINUTE), after: dice.chance(0.5) };
    case 'person':
      return { kind, atMs, verb: dice.pick(RUN_VERBS) };
    case 'word':
      return {
        kind,
        row: dice.chance(0.6) ? dice.whole(1, 40) : dice.pick(TURNS),
        plusMs: dice.whole(0, 90),
        verb: dice.pick(WORDS),
        thenMs: dice.chance(0.4) ? dice.whole(0, 150) : null,
      };
    case 'calendar':
      return {
        kind,
        atMs: dice.chance(0.5) ? Math.round(atMs / 10) : atMs,
        what: dice.pick(['freeze', 'freeze', 'lift', 'withdraw', 'restore-release', 'stop', 'stop', 'go']),
      };
    case 'bad-backup':
      return { kind, nth: dice.whole(1, 3) };
    case 'bad-release':
      return { kind };
    case 'blind-look':
      return { kind, nth: dice.whole(1, 2) };
    default:
      return kind satisfies never;
  }
}

/** The faults of a seed: none in some worlds, a storm in others. */
export function drawFaults(dice: Dice, workers: number): readonly Fault[] {
  const count = dice.pick([0, 1, 2, 2, 3, 4, 5, 6, 8, 10, 14]);
  return Array.from({ length: count }, () => oneFault(dice, workers));
}

export function faultText(fault: Fault): string {
  const { kind, ...rest } = fault;
  return `${kind} ${Object.entries(rest)
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(' ')}`.trim();
}

/** Finds the faults that strike at the nth call of something; each strikes once. */
export class StrikingFaults {
  readonly #faults: readonly Fault[];
  readonly #counts = new Map<string, number>();
  readonly #struck = new Set<Fault>();
  on = true;
  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
  }

  #count(what: string): number {
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    return count;
  }

  apply(action: string): ApplyFault | null {
    const nth = this.#count(`apply ${action}`);
    if (!this.on) return null;
    for (const fault of this.#faults) {
      if (fault.kind === 'apply' && fault.action === action && fault.nth === nth) return fault.how;
    }
    return null;
  }

  observe(action: string): 'cannot-tell' | 'throws' | null {
    const nth = this.#count(`observe ${action}`);
    if (!this.on) return null;
    for (const fault of this.#faults) {
      if (fault.kind === 'observe' && fault.action === action && fault.nth === nth) return fault.how;
    }
    return null;
  }

  badBackup(): boolean {
    const nth = this.#count('backup');
    return this.on && this.#faults.some((fault) => fault.kind === 'bad-backup' && fault.nth === nth);
  }

  blindLook(): boolean {
    const nth = this.#count('look');
    return this.on && this.#faults.some((fault) => fault.kind === 'blind-look' && fault.nth === nth);
  }

  /** What strikes the `call`th call of a worker, which carries out this action if any, at this point. */
  cut(
    worker: number,
    call: number,
    action: string | null,
    point: CallPoint,
  ): (Fault & { kind: 'crash' | 'freeze' }) | null {
    if (!this.on) return null;
    for (const fault of this.#faults) {
      if (fault.kind !== 'crash' && fault.kind !== 'freeze') continue;
      if (fault.point !== point) continue;
      const { struck } = fault;
      if ('call' in struck) {
        if (fault.worker === worker && struck.call === call) return fault;
      } else if (struck.during === action && !this.#struck.has(fault)) {
        this.#struck.add(fault);
        return fault;
      }
    }
    return null;
  }

  /** Those that strike by the clock. */
  timed(): readonly (Fault & { readonly atMs: number })[] {
    return this.#faults.filter((fault) => 'atMs' in fault);
  }

  /** Those that strike at a row. */
  words(row: {
    readonly seq: number;
    readonly kind: string;
  }): readonly (Fault & { readonly kind: 'word' })[] {
    if (!this.on) return [];
    return this.#faults.filter((fault): fault is Fault & { readonly kind: 'word' } => {
      if (fault.kind !== 'word' || this.#struck.has(fault)) return false;
      if (typeof fault.row === 'number') return fault.row === row.seq;
      if (fault.row === row.kind) this.#struck.add(fault);
      return fault.row === row.kind;
    });
  }

  /** Work during which its worker dies, and which goes on without it, takes longer than a lease. */
  outlives(action: string): boolean {
    if (!this.on) return false;
    return this.#faults.some(
      (fault) =>
        fault.kind === 'crash' &&
        fault.orphans &&
        fault.point === 'arrived' &&
        'during' in fault.struck &&
        fault.struck.during === action &&
        !this.#struck.has(fault),
    );
  }

  get badRelease(): boolean {
    return this.#faults.some((fault) => fault.kind === 'bad-release');
  }
}
