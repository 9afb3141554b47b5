/**
 * One loop orders everything that happens in a simulated world: by time, then by who asked first. Nothing else waits: what
 * the engine does between two events is finished (its promises settled) before the next one begins, so a seed is a trace.
 */
interface Planned {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
  readonly quiet: boolean;
  cancelled: boolean;
}

/** Lets every promise that can settle do so. An immediate comes after all microtasks. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Wed 15 Jan 2025, 00:00 UTC: far from any change of the clocks. */
export const EPOCH = Date.UTC(2025, 0, 15);

export class EventLoop {
  now = EPOCH;
  events = 0;
  readonly #heap: Planned[] = [];
  #order = 0;

  /** Calls `work` after `delayMs`; the answer calls it off. `quiet`: it settles no promise, so nobody needs to be waited for. */
  after(delayMs: number, work: () => void, quiet = false): () => void {
    const planned: Planned = {
      at: this.now + Math.max(0, delayMs),
      order: (this.#order += 1),
      work,
      quiet,
      cancelled: false,
    };
    this.#push(planned);
    return () => {
      planned.cancelled = true;
    };
  }

  every(ms: number, work: () => void, quiet = false): () => void {
    let callOff = (): void => {};
    const again = (): void => {
      callOff = this.after(
        ms,
        () => {
          again();
          work();
        },
        quiet,
      );
    };
    again();
    return () => callOff();
  }

  /** Until `done`, the instant `until`, or nothing is left to happen. */
  async run(done: () => boolean, until: number): Promise<void> {
    await settled();
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      if (next.cancelled) continue;
      this.now = next.at;
      this.events += 1;
      next.work();
      if (!next.quiet) await settled();
    }
  }

  #before(a: Planned, b: Planned): boolean {
    return a.at === b.at ? a.order < b.order : a.at < b.at;
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let index = heap.push(planned) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || this.#before(above, planned)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = planned;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      let below = heap[child];
      const right = heap[child + 1];
      if (below !== undefined && right !== undefined && this.#before(right, below)) {
        child += 1;
        below = right;
      }
      if (below === undefined || this.#before(last, below)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}
