import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../db/new-id.ts';
import { createFleetBed, told, type FleetBed } from './fleet-bed.ts';
import {
  SAMPLE_PIN,
  sampleCustomer,
  sampleFleet,
  sampleInstance,
  sampleRelease,
  withPin,
} from './sample-fleet.ts';

let bed: FleetBed;
beforeEach(async () => {
  bed = await createFleetBed();
});
afterEach(() => bed.test.drop());

async function pinByHand(slug: string): Promise<void> {
  await sql`update pin set ended_at = app_now(), ended_by = 'x' where ended_at is null`.execute(bed.test.db);
  await sql`
    insert into pin (id, instance_id, version, owner, reason, managed_by)
    select ${newId('pin')}, id, '1.0.0', 'bob', 'by hand', 'hand' from instance where slug = ${slug}`.execute(
    bed.test.db,
  );
}

describe('channels in the files are first placements', () => {
  it('a release that people took out of a channel is not put back', async () => {
    await bed.apply(sampleFleet());
    await sql`update placement set ended_at = app_now(), ended_by = 'ops' where channel = 'stable'`.execute(
      bed.test.db,
    );
    expect(told(await bed.apply(sampleFleet()))).toEqual([]);
  });

  it('a withdrawn release enters no further channel', async () => {
    await bed.apply(sampleFleet());
    await sql`update release set withdrawn_at = app_now(), withdrawn_by = 'ops' where version = '2.0.0'`.execute(
      bed.test.db,
    );
    const releases = [sampleRelease('2.0.0', { channels: ['release', 'stable'] })];
    expect(told(await bed.apply(sampleFleet({ releases })))).toEqual([]);
  });

  it('a release whose smoke test failed may not enter one', async () => {
    const releases = [sampleRelease('1.0.0', { channels: ['release'], smokeTest: 'failed' })];
    const { errors } = await bed.apply(sampleFleet({ releases }));
    expect(errors).toMatchObject([
      { path: 'fleet.yaml', line: 20, message: expect.stringContaining('smoke test') as string },
    ]);
    expect(await bed.count('release')).toBe(0);
  });
});

describe('pins', () => {
  it('of a file belong to the file: changed with it, ended by prune only', async () => {
    await bed.apply(withPin(SAMPLE_PIN));
    const other = await bed.apply(withPin({ ...SAMPLE_PIN, reason: 'longer audit' }));
    expect(other.changes).toMatchObject([
      {
        object: 'pin',
        change: 'update',
        fields: [{ field: 'reason', before: 'audit', after: 'longer audit' }],
      },
    ]);
    const without = await bed.apply(withPin(null));
    expect(without.changes).toMatchObject([
      { object: 'pin', change: 'keep', note: expect.stringContaining('--prune') as string },
    ]);
    expect(told(await bed.apply(withPin(null), { prune: true }))).toEqual(['remove pin north-live']);
    const { rows } = await sql`select reason, ended_by, end_reason from pin order by set_at`.execute(
      bed.test.db,
    );
    expect(rows).toEqual([
      { reason: 'audit', ended_by: 'ops', end_reason: 'replaced by the fleet files' },
      { reason: 'longer audit', ended_by: 'ops', end_reason: 'no longer in the fleet files' },
    ]);
  });

  it('set by hand belong to the hand: neither changed nor ended, and told', async () => {
    await bed.apply(withPin(SAMPLE_PIN));
    await pinByHand('north-live');
    const result = await bed.apply(withPin(SAMPLE_PIN), { prune: true });
    expect(result.changes).toMatchObject([
      {
        object: 'pin',
        slug: 'north-live',
        change: 'keep',
        note: expect.stringContaining('set by hand, owner bob') as string,
      },
    ]);
    expect(await bed.apply(withPin(null), { prune: true })).toMatchObject({ changes: [{ change: 'keep' }] });
    const { rows } = await sql`select owner from pin where ended_at is null`.execute(bed.test.db);
    expect(rows).toEqual([{ owner: 'bob' }]);
  });

  it('of a file that have ended are not set again', async () => {
    await bed.apply(withPin(SAMPLE_PIN));
    await sql`update pin set ended_at = app_now(), ended_by = 'planner', end_reason = 'release reached it'`.execute(
      bed.test.db,
    );
    const result = await bed.apply(withPin(SAMPLE_PIN));
    expect(result.changes).toMatchObject([
      { change: 'keep', note: expect.stringContaining('release reached it') as string },
    ]);
    expect(await bed.count('pin')).toBe(1);
  });
});

describe('prune', () => {
  const less = () =>
    sampleFleet({
      customers: [sampleCustomer('north')],
      instances: [sampleInstance('north-live')],
      windows: [],
      freezes: [],
      policy: [],
    });

  it('without it nothing is removed', async () => {
    await bed.apply(sampleFleet());
    expect(told(await bed.apply(less()))).toEqual([]);
  });

  it('removes what the directory no longer has, and what comes back is the same instance', async () => {
    await bed.apply(sampleFleet());
    expect(told(await bed.apply(less(), { prune: true }))).toEqual([
      'remove policy vendor',
      'remove freeze year-end',
      'remove window nightly',
      'remove instance north-uat',
      'remove instance south-live',
      'remove instance south-uat',
      'remove customer south',
    ]);
    expect([
      await bed.count('maintenance_window'),
      await bed.count('change_freeze'),
      await bed.count('policy'),
    ]).toEqual([0, 0, 0]);
    const { changes } = await bed.apply(sampleFleet(), { prune: true });
    expect(changes.filter(({ slug }) => slug === 'south-live')).toMatchObject([
      { change: 'update', fields: [{ field: 'removed', before: true, after: false }] },
    ]);
    expect(await bed.count('instance')).toBe(4);
  });

  it('leaves what was made by hand', async () => {
    await bed.apply(sampleFleet());
    await sql`update instance set managed_by = 'hand' where slug = 'north-uat'`.execute(bed.test.db);
    await sql`update change_freeze set managed_by = 'hand'`.execute(bed.test.db);
    const files = sampleFleet({
      instances: sampleFleet().instances.filter(({ slug }) => slug !== 'north-uat'),
      freezes: [],
    });
    expect(told(await bed.apply(files, { prune: true }))).toEqual([]);
  });

  it('refuses to remove an instance with an upgrade that is not over, and removes nothing else', async () => {
    await bed.apply(sampleFleet());
    await bed.addUpgrade('south-live');
    const { errors } = await bed.apply(less(), { prune: true });
    expect(errors).toMatchObject([
      { message: expect.stringContaining('south-live cannot be removed') as string },
    ]);
    const { rows } = await sql`select 1 from instance where removed_at is not null`.execute(bed.test.db);
    expect(rows).toEqual([]);
  });

  it('sees an upgrade that is being planned while it looks', async () => {
    await bed.apply(sampleFleet());
    const { db } = bed.test;
    const planned = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    const planning = db.transaction().execute(async (tx) => {
      await sql`select 1 from instance where slug = 'south-live' for update`.execute(tx);
      await sql`
        insert into upgrade (id, customer_id, instance_id, from_version, to_release_id, to_version, trigger, requested_by,
                             content_hash, schedule_hash)
        select ${newId('upg')}, i.customer_id, i.id, '1.0.0', r.id, r.version, 'nightly', 'planner', '', ''
          from instance i, release r where i.slug = 'south-live' and r.version = '2.0.0'`.execute(tx);
      planned.resolve();
      await commit.promise;
    });
    await planned.promise;
    const pruning = bed.apply(less(), { prune: true });
    await expect
      .poll(
        async () => {
          const { rows } = await sql`
          select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
            db,
          );
          return rows.length;
        },
        { timeout: 20_000 },
      )
      .toBe(1);
    commit.resolve();
    await planning;
    expect((await pruning).errors).toMatchObject([
      { message: expect.stringContaining('south-live cannot be removed') as string },
    ]);
  });

  it('refuses to remove a customer of whom an instance stays', async () => {
    await bed.apply(sampleFleet());
    await sql`update instance set managed_by = 'hand' where slug = 'south-uat'`.execute(bed.test.db);
    const { errors } = await bed.apply(less(), { prune: true });
    expect(errors.map(({ message }) => message)).toEqual([
      'customer south cannot be removed: instance south-uat is of it',
    ]);
  });
});
