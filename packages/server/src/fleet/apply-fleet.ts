/**
 * Brings the fleet to what its files say: everything in one transaction or nothing, with an audit event for every object
 * that changed. Applying twice changes nothing the second time. With errors nothing is written, and all of them are told.
 */
import type { FleetFiles } from '@sitelift/playbook/fleet-file.ts';
import { sortSourceErrors, type SourceError } from '@sitelift/playbook/source-error.ts';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { checkBindings, loadStoredPlaybooks, type BindAction } from './check-bindings.ts';
import { decideFleetChanges } from './decide-fleet-changes.ts';
import { textOf, type FleetChange, type PlannedChange } from './fleet-change.ts';
import { lockFleet } from './lock-fleet.ts';
import { saveFleetChanges } from './save-fleet-changes.ts';
import { loadStoredFleet, type StoredFleet } from './stored-fleet.ts';

export interface ApplyOptions {
  /** Say what would change and change nothing. */
  readonly dryRun: boolean;
  /** Remove what the files no longer have; only what came from files. */
  readonly prune: boolean;
  readonly actor: string;
  readonly bind: BindAction;
}

export interface AppliedFleet {
  readonly changes: readonly FleetChange[];
  readonly errors: readonly SourceError[];
}

/** An upgrade that was planned between the look and here holds its instance's row. */
async function lockRemoved(tx: Transaction, changes: readonly PlannedChange[]): Promise<void> {
  const gone = changes.filter(({ object, change }) => object === 'instance' && change === 'remove');
  const ids = gone.flatMap(({ id }) => (id === null ? [] : [id]));
  if (ids.length > 0) await sql`select 1 from instance where id = any(${ids}) for update`.execute(tx);
}

function playbooksOfProducts(fleet: StoredFleet): ReadonlyMap<string, string> {
  const products = [...(fleet.items.get('product') ?? [])];
  return new Map(products.map(([slug, { fields }]) => [slug, textOf(fields['playbook'])]));
}

export async function applyFleet(db: Database, files: FleetFiles, options: ApplyOptions): Promise<AppliedFleet> {
  return db.transaction().execute(async (tx) => {
    await lockFleet(tx);
    let fleet = await loadStoredFleet(tx);
    let decided = decideFleetChanges(files, fleet, options.prune);
    if (options.prune && !options.dryRun) {
      await lockRemoved(tx, decided.changes);
      fleet = await loadStoredFleet(tx);
      decided = decideFleetChanges(files, fleet, options.prune);
    }
    const stored = { playbooks: await loadStoredPlaybooks(tx), playbookOf: playbooksOfProducts(fleet) };
    const errors = sortSourceErrors([...decided.errors, ...checkBindings(files, stored, options.bind)]);
    const changes = decided.changes.map(({ object, slug, change, fields, note }) => ({ object, slug, change, fields, note }));
    if (errors.length === 0 && !options.dryRun)
      await saveFleetChanges(tx, { files, fleet, changes: decided.changes, actor: options.actor });
    return { changes, errors };
  });
} // prettier-ignore
