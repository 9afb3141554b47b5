/** A database to apply a fleet to, for tests: what was applied, told in one line per change. */
import { sql } from 'kysely';
import type { FleetFiles } from '@sitelift/playbook/fleet-file.ts';
import { newId } from '../db/new-id.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { applyFleet, type AppliedFleet, type ApplyOptions } from './apply-fleet.ts';

export interface FleetBed {
  readonly test: TestDatabase;
  readonly apply: (files: FleetFiles, options?: Partial<ApplyOptions>) => Promise<AppliedFleet>;
  readonly count: (table: string) => Promise<number>;
  /** An upgrade of this instance to 2.0.0 that is not over. */
  readonly addUpgrade: (slug: string) => Promise<void>;
}

export function told({ changes }: AppliedFleet): readonly string[] {
  return changes.map(({ object, slug, change }) => `${change} ${object} ${slug}`);
}

export async function createFleetBed(): Promise<FleetBed> {
  const test = await createTestDatabase();
  const bind = () => ({ driver: 'http', config: {} });
  return {
    test,
    apply: (files, options = {}) =>
      applyFleet(test.db, files, { dryRun: false, prune: false, actor: 'ops', bind, ...options }),
    count: async (table) => {
      const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(
        test.db,
      );
      return rows[0]?.n ?? -1;
    },
    addUpgrade: async (slug) => {
      await sql`
        insert into upgrade (id, customer_id, instance_id, from_version, to_release_id, to_version, trigger, requested_by,
                             content_hash, schedule_hash)
        select ${newId('upg')}, i.customer_id, i.id, '1.0.0', r.id, r.version, 'nightly', 'planner', '', ''
          from instance i, release r where i.slug = ${slug} and r.version = '2.0.0'`.execute(test.db);
    },
  };
}
