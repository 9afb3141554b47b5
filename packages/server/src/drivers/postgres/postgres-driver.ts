/**
 * `database: postgres`: backup, proof, restore and what a restore would lose of one database with PostgreSQL's own tools. `database/migrate` is not
 * here: only the vendor knows how to migrate, so an instance binds that one verb to a script of the vendor's.
 */
import type { Action, Driver } from '../driver.ts';
import { backupAction } from './backup.ts';
import { postgresConfigSchema, type PostgresConfig } from './config.ts';
import { lossAction } from './loss.ts';
import { proveAction } from './prove.ts';
import { restoreAction } from './restore.ts';

/** The contract's table holds actions of any input, as `never`; a schema cannot be narrowed to that. */
function listed<Input>(action: Action<PostgresConfig, Input>): Action<PostgresConfig, never> {
  return action as unknown as Action<PostgresConfig, never>; // as: the engine parses with the action's own schema
}

export const postgresDriver: Driver<PostgresConfig> = {
  kind: 'postgres',
  title: 'PostgreSQL: backup, proof by a restore, what would be lost, restore',
  configSchema: postgresConfigSchema,
  secretFields: ['password', 'writeCheck.secrets.*'],
  actions: {
    'database/backup': listed(backupAction),
    'database/prove': listed(proveAction),
    'database/loss': listed(lossAction),
    'database/restore': listed(restoreAction),
  },
};
