/** Guards that can be taken out, one at a time. */
import type { EngineDeps } from '../../packages/server/src/engine/advance-run.ts';
import type { MemoryRunStore } from '../../packages/server/src/engine/memory-run-store.ts';
import type { RunStore } from '../../packages/server/src/engine/run-store.ts';

export interface Sabotage {
  readonly receiversAcceptAnyFence?: boolean;
  readonly actsBeforeRecord?: boolean;
  readonly store?: (store: MemoryRunStore) => RunStore;
  readonly deps?: (deps: EngineDeps) => EngineDeps;
}

export const NO_SABOTAGE: Sabotage = {};
