/**
 * The store as one worker sees it: every call crosses a wire on which either way may take long, the worker may die or freeze
 * at either end, and the database may be away before or after the commit.
 */
import type { RunStore } from '../../packages/server/src/engine/run-store.ts';
import type { Machine } from './machine.ts';

export interface StoreWire {
  readonly store: RunStore;
  /** How the database is away right now, if it is. */
  readonly away: () => 'before' | 'after' | null;
  /** Something may have been written: the world looks at the journals. */
  readonly written: () => void;
}

export function storeBehindWire(wire: StoreWire, machine: Machine): RunStore {
  const cross = <T>(work: () => Promise<T>): Promise<T> =>
    machine.call<T>((answer) => {
      const away = wire.away();
      if (away === 'before') {
        answer(() => {
          throw new Error('connection to the database refused');
        });
        return;
      }
      const lost = (value: T): T => {
        if (away === 'after') throw new Error('connection to the database lost');
        return value;
      };
      // The store in memory does its work at once; only its promise comes later.
      work().then(
        (value) => {
          wire.written();
          answer(() => lost(value));
        },
        (error: unknown) =>
          answer(() => {
            throw error;
          }),
      );
    });
  const { store } = wire;
  return {
    claim: (...args) => cross(() => store.claim(...args)),
    extend: (...args) => cross(() => store.extend(...args)),
    release: (...args) => cross(() => store.release(...args)),
    park: (...args) => cross(() => store.park(...args)),
    append: (...args) => cross(() => store.append(...args)),
    appendDecision: (...args) => cross(() => store.appendDecision(...args)),
    start: (...args) => cross(() => store.start(...args)),
    facts: (...args) => cross(() => store.facts(...args)),
    due: (...args) => cross(() => store.due(...args)),
    journal: (...args) => cross(() => store.journal(...args)),
  };
}
