/**
 * For tests: the sample server with a crowd to choose from, each seen on 1.0 with 2.0 in its channel, and upgrades that really
 * start. Labels: `big` for south and east. Nothing is held, and upgrades may run at any time.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { newId } from '../db/new-id.ts';
import { requestUpgrade } from '../upgrades/request-upgrade.ts';
import type { HttpDeps } from './http-deps.ts';
import { startSampleServer, type SampleServer } from './sample-server.ts';

const BACKUP = { maxAgeMs: 3_600_000, grade: 'restored', acceptedLossMs: 0 } as const;
const PLAYBOOK =
  'playbook: sample\ntitle: Sample\nsteps:\n  - { id: look, title: Look, uses: check/http, expect: 10s }\n';

async function addPlaybook(db: Database): Promise<void> {
  const digest = createHash('sha256').update(PLAYBOOK).digest('hex');
  await sql`
    insert into playbook (digest, name, title, source, path)
    values (${digest}, 'sample', 'Sample', ${PLAYBOOK}, 'sample.yaml')`.execute(db);
  await sql`insert into playbook_current (name, digest) values ('sample', ${digest})`.execute(db);
}

async function addCustomer(db: Database, slug: string): Promise<void> {
  const id = newId('cust');
  await sql`insert into customer (id, slug, name) values (${id}, ${slug}, ${slug})`.execute(db);
  for (const role of ['live', 'uat'])
    await sql`
      insert into instance (id, slug, customer_id, product_id, role, url, zone, labels, target, observed_version,
                            observed_healthy, observed_at)
      select ${newId('inst')}, ${`${slug}-${role}`}, ${id}, id, ${role}, ${`http://${slug}-${role}.localhost/`},
             'Europe/Amsterdam', '{big}', '{"kind":"channel","channel":"release"}', '1.0', true, app_now()
        from product`.execute(db);
}

/** north, south and east, each live and uat; north-live has a run of the night under way, so that room for one is left. */
export async function startSampleCrowd(db: Database, change: Partial<HttpDeps> = {}): Promise<SampleServer> {
  // Drivers are the edge: every action is bound to one that nobody calls here.
  const request = { db, bind: () => ({ driver: 'fake', config: {} }), wake: async () => {} };
  const sample = await startSampleServer(db, {
    startUpgrade: (input) => requestUpgrade(request, { ...input, trigger: 'requested', backup: BACKUP }),
    ...change,
  });
  await addPlaybook(db);
  for (const slug of ['south', 'east']) await addCustomer(db, slug);
  await sql`update hold set cleared_at = app_now()`.execute(db);
  const policy = [
    { key: 'P3', role: null, kind: null, value: 'any-time', final: false },
    { key: 'P28', role: 'live', kind: null, value: ['uat'], final: false },
  ];
  await sql`insert into policy (level, entries) values ('vendor', ${JSON.stringify(policy)}::jsonb)`.execute(
    db,
  );
  return sample;
}
