/**
 * One life of a worker's process. Whatever comes back to it (an answer, a timer) comes through here: a dead one never hears of
 * it, a frozen one hears it when it thaws, all at once and late. Its monotonic clock may have stood still meanwhile.
 */
import type { Timers } from '../../packages/server/src/engine/timers.ts';
import type { Dice } from './dice.ts';
import type { EventLoop } from './event-loop.ts';
import { CALL_POINTS, type CallPoint, type StrikingFaults } from './faults.ts';

const [REQUEST, ARRIVED, SERVED, REPLY] = CALL_POINTS;

/** One way between a worker and what it calls, milliseconds. */
const LATENCY = { low: 1, high: 25 } as const;

export interface MachineEvents {
  /** The machine was struck: the world kills, freezes and later revives it. */
  readonly crashed: (orphans: boolean, downMs: number) => void;
  readonly froze: (forMs: number, clock: string) => void;
  readonly thawed: () => void;
}

export class Machine {
  readonly name: string;
  readonly index: number;
  state: 'up' | 'frozen' | 'dead' = 'up';
  /** What it started lives on without it. */
  orphans = false;
  readonly #loop: EventLoop;
  readonly #dice: Dice;
  readonly #faults: StrikingFaults;
  readonly #events: MachineEvents;
  readonly #nextCall: () => number;
  #backlog: (() => void)[] = [];
  #stoodMs = 0;
  #frozenAt = 0;
  #standing = false;

  constructor(
    name: string,
    index: number,
    loop: EventLoop,
    dice: Dice,
    faults: StrikingFaults,
    nextCall: () => number,
    events: MachineEvents,
  ) {
    this.name = name;
    this.index = index;
    this.#loop = loop;
    this.#dice = dice;
    this.#faults = faults;
    this.#nextCall = nextCall;
    this.#events = events;
  }

  readonly monotonicMs = (): number => this.#loop.now - this.#stoodMs;

  readonly timers: Timers = {
    after: (ms, work) => {
      let off = false;
      const callOff = this.#loop.after(ms, () =>
        this.deliver(() => {
          if (!off) work();
        }),
      );
      return () => {
        off = true;
        callOff();
      };
    },
    every: (ms, work) => {
      let off = false;
      let waiting = false;
      const end = this.#loop.every(ms, () => {
        if (this.state === 'dead') end();
        // A frozen process finds one tick when it thaws, however many it missed.
        if (waiting) return;
        waiting = true;
        this.deliver(() => {
          waiting = false;
          if (!off) work();
        });
      });
      return () => {
        off = true;
        end();
      };
    },
  };

  /** Lets something reach the process. */
  deliver(work: () => void): void {
    if (this.state === 'up') work();
    else if (this.state === 'frozen') this.#backlog.push(work);
  }

  /** A request to something outside; `serve` runs there and answers when it likes, or never. `action`: what it carries out. */
  call<T>(serve: (answer: (settle: () => T) => void) => void, action: string | null = null): Promise<T> {
    const call = this.#nextCall();
    return new Promise((resolve, reject) => {
      this.#cut(call, action, REQUEST);
      this.deliver(() => {
        this.#loop.after(this.#latency(), () => {
          serve((settle) => {
            this.#cut(call, action, SERVED);
            this.#loop.after(this.#latency(), () => {
              this.#cut(call, action, REPLY);
              this.deliver(() => {
                try {
                  resolve(settle());
                } catch (error) {
                  reject(error instanceof Error ? error : new Error(String(error)));
                }
              });
            });
          });
          this.#cut(call, action, ARRIVED);
        });
      });
    });
  }

  /** A word that needs no answer. */
  tell(work: () => void): void {
    this.#loop.after(this.#latency(), work);
  }

  kill(): void {
    this.state = 'dead';
    this.#backlog = [];
  }

  freeze(forMs: number, clock: 'runs' | 'stands'): void {
    this.state = 'frozen';
    this.#frozenAt = this.#loop.now;
    this.#standing = clock === 'stands';
    this.#events.froze(forMs, clock);
    this.#loop.after(forMs, () => this.thaw());
  }

  thaw(): void {
    if (this.state !== 'frozen') return;
    this.state = 'up';
    if (this.#standing) this.#stoodMs += this.#loop.now - this.#frozenAt;
    this.#events.thawed();
    // Answers before timers or timers before answers: both orders are seen in real event loops.
    const backlog = this.#dice.chance(0.5) ? this.#backlog : this.#backlog.toReversed();
    this.#backlog = [];
    for (const work of backlog) this.#loop.after(0, () => this.deliver(work));
  }

  #latency(): number {
    return this.#dice.whole(LATENCY.low, LATENCY.high);
  }

  #cut(call: number, action: string | null, point: CallPoint): void {
    if (this.state !== 'up') return;
    const fault = this.#faults.cut(this.index, call, action, point);
    if (fault === null) return;
    if (fault.kind === 'freeze') this.freeze(fault.forMs, fault.clock);
    else {
      this.orphans = fault.orphans;
      this.kill();
      this.#events.crashed(fault.orphans, fault.downMs);
    }
  }
}
