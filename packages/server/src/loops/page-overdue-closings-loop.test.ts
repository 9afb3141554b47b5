import { afterEach, beforeEach, expect, it } from 'vitest';
import { sql } from 'kysely';
import { samplePlan } from '@sitelift/domain/run/sample-plan.ts';
import { newId } from '../db/new-id.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { pageOverdueClosings } from './page-overdue-closings-loop.ts';

const SETTINGS = { staffEmail: 'night@vendor.test', publicUrl: 'http://localhost' };
const MINUTE_MS = 60_000;

let test: TestDatabase;

beforeEach(async () => {
  test = await createTestDatabase();
});
afterEach(() => test.drop());

/** A run whose site was closed this moment. */
async function closedRun(): Promise<string> {
  const { db } = test;
  const [run, upgrade, customer, instance, product, release] = [newId('run'), newId('upg'), newId('cust'), newId('inst'), newId('prod'), newId('rel')]; // prettier-ignore
  const plan = samplePlan();
  await sql`insert into customer (id, slug, name) values (${customer}, 'north', 'North')`.execute(db);
  await sql`insert into product (id, slug, name, playbook) values (${product}, 'p', 'P', 'sample')`.execute(
    db,
  );
  await sql`insert into release (id, product_id, version, kind, artefact) values (${release}, ${product}, '2.0', 'major', '{}')`.execute(db); // prettier-ignore
  await sql`insert into instance (id, slug, customer_id, product_id, role, url, zone, target)
            values (${instance}, 'north-live', ${customer}, ${product}, 'live', 'http://x/', 'UTC', '{}')`.execute(
    db,
  );
  await sql`insert into upgrade (id, customer_id, instance_id, from_version, to_release_id, to_version, trigger, requested_by, content_hash, schedule_hash)
            values (${upgrade}, ${customer}, ${instance}, '1.0', ${release}, '2.0', 'nightly', 'planner', '', '')`.execute(db); // prettier-ignore
  const frozen = { ...plan, customer: { ...plan.customer, id: customer } };
  await sql`insert into run (id, upgrade_id, instance_id, plan, from_version, to_version, state, site_open, closed_at)
            values (${run}, ${upgrade}, ${instance}, ${JSON.stringify(frozen)}::jsonb, '1.0', '2.0', 'running', false, app_now())`.execute(db); // prettier-ignore
  return run;
}

it('a site that stays closed longer than its steps and the way back pages a person, once, and stays closed', async () => {
  const run = await closedRun();
  expect(await pageOverdueClosings(test.db, SETTINGS)).toBe(0);
  await test.skipTime(11 * MINUTE_MS);
  expect(await pageOverdueClosings(test.db, SETTINGS)).toBe(1);
  expect(await pageOverdueClosings(test.db, SETTINGS)).toBe(0);
  const notices = await sql<{
    recipient: string;
    subject: string;
  }>`select recipient, subject from notice`.execute(test.db);
  expect(notices.rows).toEqual([
    { recipient: SETTINGS.staffEmail, subject: 'north-live has been closed for 11 min' },
  ]);
  const { rows } = await sql`select site_open from run where id = ${run}`.execute(test.db);
  expect(rows).toEqual([{ site_open: false }]);
});

it('an open site, and a run that is over, page nobody', async () => {
  const open = await closedRun();
  await sql`update run set site_open = true where id = ${open}`.execute(test.db);
  await test.skipTime(60 * MINUTE_MS);
  expect(await pageOverdueClosings(test.db, SETTINGS)).toBe(0);
  await sql`update run set site_open = false, ended_at = app_now() where id = ${open}`.execute(test.db);
  expect(await pageOverdueClosings(test.db, SETTINGS)).toBe(0);
});
