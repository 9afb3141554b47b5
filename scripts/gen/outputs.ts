/** Everything that `npm run gen` writes: one list, which the test of freshness goes through as well. */
import { fileURLToPath } from 'node:url';
import type { ClientConfig } from 'pg';
import { generateOpenApi } from '../../packages/contract/src/openapi.ts';
import { generateFleetSchema } from '../../packages/playbook/src/fleet-schema.ts';
import { generatePlaybookSchema } from '../../packages/playbook/src/playbook-schema.ts';
import { dumpGoldenSchema } from './golden-schema.ts';
import { generateTableTypes } from './table-types.ts';

export interface Output {
  /** From the root of the repository. */
  readonly path: string;
  /** What the file should hold now, given a migrated database; or what this machine lacks to tell. */
  readonly generate: (migrated: ClientConfig) => Promise<string | { readonly missing: string }>;
}

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export const OUTPUTS: readonly Output[] = [
  { path: 'packages/server/src/db/tables.ts', generate: generateTableTypes },
  { path: 'packages/server/migrations/schema.sql', generate: dumpGoldenSchema },
  { path: 'schemas/playbook.schema.json', generate: async () => generatePlaybookSchema() },
  { path: 'schemas/fleet.schema.json', generate: async () => generateFleetSchema() },
  { path: 'openapi/openapi.json', generate: async () => generateOpenApi() },
];
