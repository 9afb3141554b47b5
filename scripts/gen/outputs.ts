/** Everything that `npm run gen` writes: one list, which the test of freshness goes through as well. */
import { fileURLToPath } from 'node:url';
import type { ClientConfig } from 'pg';
import { generateTableTypes } from './table-types.ts';

export interface Output {
  /** From the root of the repository. */
  readonly path: string;
  /** What the file should hold now. Null when this machine lacks what it takes; `why` says what. */
  readonly generate: (migrated: ClientConfig) => Promise<string | { readonly missing: string }>;
}

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export const OUTPUTS: readonly Output[] = [
  { path: 'packages/server/src/db/tables.ts', generate: generateTableTypes },
];
