import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FleetFiles, FleetPin } from '@sitelift/playbook/fleet-file.ts';
import { verifyEventChain } from '../db/event-store.ts';
import { newId } from '../db/new-id.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { applyFleet, type AppliedFleet, type ApplyOptions } from './apply-fleet.ts';
import {
  at,
  sampleCustomer,
  sampleFleet,
  sampleInstance,
  samplePlaybook,
  sampleRelease,
} from './sample-fleet.ts';

let test: TestDatabase;
beforeEach(async () => {
  test = await createTestDatabase();
});
afterEach(() => test.drop());

function apply(files: FleetFiles, options: Partial<ApplyOptions> = {}): Promise<AppliedFleet> {
  const bind = () => ({ driver: 'http', config: {} });
  return applyFleet(test.db, files, { dryRun: false, prune: false, actor: 'ops', bind, ...options });
}

function told({ changes }: AppliedFleet): readonly string[] {
  return changes.map(({ object, slug, change }) => `${change} ${object} ${slug}`);
}

async function count(table: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(test.db);
  return rows[0]?.n ?? -1;
}

const PIN: FleetPin = {
  version: '1.0.0',
  owner: 'ada@north.example',
  reason: 'audit',
  ends: { kind: 'channel-reaches', channel: 'release' },
  place: at(12, 'north.yaml'),
};

function withPin(pin: FleetPin | null): FleetFiles {
  const instances = sampleFleet().instances.map((each) =>
    each.slug === 'north-live' ? { ...each, pin } : each,
  );
  return sampleFleet({ instances });
}

async function pinByHand(slug: string): Promise<void> {
  await sql`update pin set ended_at = app_now(), ended_by = 'x' where ended_at is null`.execute(test.db);
  await sql`
    insert into pin (id, instance_id, version, owner, reason, managed_by)
    select ${newId('pin')}, id, '1.0.0', 'bob', 'by hand', 'hand' from instance where slug = ${slug}`.execute(
    test.db,
  );
}

describe('applyFleet', () => {
  it('makes everything of an empty database, and says so', async () => {
    const result = await apply(sampleFleet());
    expect(result.errors).toEqual([]);
    expect(told(result)).toEqual([
      'create playbook tiny',
      'create product shop',
      'create release shop 1.0.0',
      'create release shop 2.0.0',
      'create placement shop 1.0.0 in release',
      'create placement shop 1.0.0 in stable',
      'create placement shop 2.0.0 in release',
      'create customer north',
      'create customer south',
      'create instance north-live',
      'create instance north-uat',
      'create instance south-live',
      'create instance south-uat',
      'create window nightly',
      'create freeze year-end',
      'create policy vendor',
    ]);
    expect([await count('instance'), await count('event')]).toEqual([4, 16]);
    const { rows } = await sql`
      select i.slug, i.labels, i.target, c.slug as customer, f.scope ->> 'customerId' = c.id as frozen
        from instance i join customer c on c.id = i.customer_id, change_freeze f where i.slug = 'south-live'`.execute(
      test.db,
    );
    expect(rows).toEqual([
      {
        slug: 'south-live',
        labels: ['eu'],
        target: { kind: 'channel', channel: 'release' },
        customer: 'south',
        frozen: true,
      },
    ]);
  });

  it('applied twice changes nothing the second time', async () => {
    const files = withPin(PIN);
    await apply(files);
    const events = await count('event');
    const again = await apply(files, { prune: true });
    expect(again).toEqual({ changes: [], errors: [] });
    expect(await count('event')).toBe(events);
  });

  it('a dry run tells the same changes and writes nothing', async () => {
    const dry = await apply(sampleFleet(), { dryRun: true });
    expect([await count('customer'), await count('event'), await count('playbook')]).toEqual([0, 0, 0]);
    expect(await apply(sampleFleet())).toEqual(dry);
  });

  it('an update names the fields that differ, in both words, and the audit trail keeps them', async () => {
    await apply(sampleFleet());
    const [first, ...rest] = sampleFleet().instances;
    if (first === undefined) throw new Error('no instance');
    const changed = {
      ...first,
      url: 'http://new.example/',
      settings: { slots: ['a', 'b'] },
      target: { kind: 'version', version: '2.0.0' },
    } as const;
    const { changes } = await apply(sampleFleet({ instances: [changed, ...rest] }));
    expect(changes).toEqual([
      {
        object: 'instance',
        slug: 'north-live',
        change: 'update',
        note: null,
        fields: [
          { field: 'url', before: 'http://north-live.example/', after: 'http://new.example/' },
          { field: 'target.kind', before: 'channel', after: 'version' },
          { field: 'target.channel', before: 'release', after: null },
          { field: 'target.version', before: null, after: '2.0.0' },
          { field: 'settings.slots', before: null, after: ['a', 'b'] },
        ],
      },
    ]);
    const { rows } = await sql`
      select e.actor, e.verb, e.before ->> 'url' as before, e.after ->> 'url' as after, c.slug
        from event e join customer c on c.id = e.chain where e.verb = 'instance-updated'`.execute(test.db);
    expect(rows).toEqual([
      {
        actor: 'ops',
        verb: 'instance-updated',
        before: 'http://north-live.example/',
        after: 'http://new.example/',
        slug: 'north',
      },
    ]);
    expect(await verifyEventChain(test.db)).toMatchObject({ intact: true });
  });

  it('policies of customers and instances are kept under their ids and leave with their last entry', async () => {
    const policy = [{ key: 'P3', role: null, kind: null, value: 'window', final: false }] as const;
    const instances = [sampleInstance('north-live', { policy })];
    await apply(sampleFleet({ customers: [sampleCustomer('north', { policy })], instances, freezes: [] }));
    expect(await count('policy')).toBe(3);
    const second = await apply(sampleFleet({ customers: [sampleCustomer('north')], instances, freezes: [] }));
    expect(second.changes.map(({ slug, fields }) => [slug, fields.map(({ field }) => field)])).toEqual([
      ['north', ['policy']],
    ]);
    expect(await count('policy')).toBe(2);
  });

  it('two people who apply at once make one fleet', async () => {
    const results = await Promise.all([apply(sampleFleet()), apply(sampleFleet()), apply(sampleFleet())]);
    expect(results.map(({ changes }) => changes.length).sort((a, b) => a - b)).toEqual([0, 0, 16]);
    expect(await count('instance')).toBe(4);
  });

  it('a thousand instances apply in seconds', async () => {
    const customers = Array.from({ length: 500 }, (_, index) => sampleCustomer(`c${index}`));
    const instances = customers.flatMap(({ slug }) => [
      sampleInstance(`${slug}-live`),
      sampleInstance(`${slug}-uat`),
    ]);
    const files = sampleFleet({ customers, instances, freezes: [] });
    const startedAt = performance.now();
    expect((await apply(files)).changes).toHaveLength(1509);
    const first = performance.now() - startedAt;
    expect((await apply(files)).changes).toEqual([]);
    expect(first).toBeLessThan(15_000);
  });
});

describe('a changed playbook', () => {
  it('becomes the current one, and its earlier bytes stay', async () => {
    await apply(sampleFleet());
    const before = samplePlaybook();
    const after = { ...before, source: `${before.source}# a word more\n` };
    expect(told(await apply(sampleFleet({ playbooks: [after] })))).toEqual(['update playbook tiny']);
    const { rows } = await sql`
      select p.source, c.name from playbook p left join playbook_current c on c.digest = p.digest order by c.name nulls last`.execute(
      test.db,
    );
    expect(rows).toEqual([
      { source: after.source, name: 'tiny' },
      { source: before.source, name: null },
    ]);
    expect(told(await apply(sampleFleet()))).toEqual(['update playbook tiny']);
  });
});

describe('channels in the files are first placements', () => {
  it('a release that people took out of a channel is not put back', async () => {
    await apply(sampleFleet());
    await sql`update placement set ended_at = app_now(), ended_by = 'ops' where channel = 'stable'`.execute(
      test.db,
    );
    expect(told(await apply(sampleFleet()))).toEqual([]);
  });

  it('a withdrawn release enters no further channel', async () => {
    await apply(sampleFleet());
    await sql`update release set withdrawn_at = app_now(), withdrawn_by = 'ops' where version = '2.0.0'`.execute(
      test.db,
    );
    const releases = [sampleRelease('2.0.0', { channels: ['release', 'stable'] })];
    expect(told(await apply(sampleFleet({ releases })))).toEqual([]);
  });

  it('a release whose smoke test failed may not enter one', async () => {
    const releases = [sampleRelease('1.0.0', { channels: ['release'], smokeTest: 'failed' })];
    const { errors } = await apply(sampleFleet({ releases }));
    expect(errors).toMatchObject([
      { path: 'fleet.yaml', line: 20, message: expect.stringContaining('smoke test') as string },
    ]);
    expect(await count('release')).toBe(0);
  });
});

describe('pins', () => {
  it('of a file belong to the file: changed with it, ended by prune only', async () => {
    await apply(withPin(PIN));
    const other = await apply(withPin({ ...PIN, reason: 'longer audit' }));
    expect(other.changes).toMatchObject([
      {
        object: 'pin',
        change: 'update',
        fields: [{ field: 'reason', before: 'audit', after: 'longer audit' }],
      },
    ]);
    const without = await apply(withPin(null));
    expect(without.changes).toMatchObject([
      { object: 'pin', change: 'keep', note: expect.stringContaining('--prune') as string },
    ]);
    expect(told(await apply(withPin(null), { prune: true }))).toEqual(['remove pin north-live']);
    const { rows } = await sql`select reason, ended_by, end_reason from pin order by set_at`.execute(test.db);
    expect(rows).toEqual([
      { reason: 'audit', ended_by: 'ops', end_reason: 'replaced by the fleet files' },
      { reason: 'longer audit', ended_by: 'ops', end_reason: 'no longer in the fleet files' },
    ]);
  });

  it('set by hand belong to the hand: neither changed nor ended, and told', async () => {
    await apply(withPin(PIN));
    await pinByHand('north-live');
    const result = await apply(withPin(PIN), { prune: true });
    expect(result.changes).toMatchObject([
      {
        object: 'pin',
        slug: 'north-live',
        change: 'keep',
        note: expect.stringContaining('set by hand, owner bob') as string,
      },
    ]);
    expect(await apply(withPin(null), { prune: true })).toMatchObject({ changes: [{ change: 'keep' }] });
    const { rows } = await sql`select owner from pin where ended_at is null`.execute(test.db);
    expect(rows).toEqual([{ owner: 'bob' }]);
  });

  it('of a file that have ended are not set again', async () => {
    await apply(withPin(PIN));
    await sql`update pin set ended_at = app_now(), ended_by = 'planner', end_reason = 'release reached it'`.execute(
      test.db,
    );
    const result = await apply(withPin(PIN));
    expect(result.changes).toMatchObject([
      { change: 'keep', note: expect.stringContaining('release reached it') as string },
    ]);
    expect(await count('pin')).toBe(1);
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
    await apply(sampleFleet());
    expect(told(await apply(less()))).toEqual([]);
  });

  it('removes what the directory no longer has, and what comes back is the same instance', async () => {
    await apply(sampleFleet());
    expect(told(await apply(less(), { prune: true }))).toEqual([
      'remove policy vendor',
      'remove freeze year-end',
      'remove window nightly',
      'remove instance north-uat',
      'remove instance south-live',
      'remove instance south-uat',
      'remove customer south',
    ]);
    expect([await count('maintenance_window'), await count('change_freeze'), await count('policy')]).toEqual([
      0, 0, 0,
    ]);
    const { changes } = await apply(sampleFleet(), { prune: true });
    expect(changes.filter(({ slug }) => slug === 'south-live')).toMatchObject([
      { change: 'update', fields: [{ field: 'removed', before: true, after: false }] },
    ]);
    expect(await count('instance')).toBe(4);
  });

  it('leaves what was made by hand', async () => {
    await apply(sampleFleet());
    await sql`update instance set managed_by = 'hand' where slug = 'north-uat'`.execute(test.db);
    await sql`update change_freeze set managed_by = 'hand'`.execute(test.db);
    const files = sampleFleet({
      instances: sampleFleet().instances.filter(({ slug }) => slug !== 'north-uat'),
      freezes: [],
    });
    expect(told(await apply(files, { prune: true }))).toEqual([]);
  });

  it('refuses to remove an instance with an upgrade that is not over, and removes nothing else', async () => {
    await apply(sampleFleet());
    await addUpgrade('south-live');
    const { errors } = await apply(less(), { prune: true });
    expect(errors).toMatchObject([
      { message: expect.stringContaining('south-live cannot be removed') as string },
    ]);
    const { rows } = await sql`select 1 from instance where removed_at is not null`.execute(test.db);
    expect(rows).toEqual([]);
  });

  it('refuses to remove a customer of whom an instance stays', async () => {
    await apply(sampleFleet());
    await sql`update instance set managed_by = 'hand' where slug = 'south-uat'`.execute(test.db);
    const { errors } = await apply(less(), { prune: true });
    expect(errors.map(({ message }) => message)).toEqual([
      'customer south cannot be removed: instance south-uat is of it',
    ]);
  });
});

async function addUpgrade(slug: string): Promise<void> {
  await sql`
    insert into upgrade (id, customer_id, instance_id, from_version, to_release_id, to_version, trigger, requested_by,
                         content_hash, schedule_hash)
    select ${newId('upg')}, i.customer_id, i.id, '1.0.0', r.id, r.version, 'nightly', 'planner', '', ''
      from instance i, release r where i.slug = ${slug} and r.version = '2.0.0'`.execute(test.db);
}

describe('errors', () => {
  it('of bindings stand at their own line, and nothing is written', async () => {
    const bind: ApplyOptions['bind'] = (bindings, action) =>
      action === 'check/http' && bindings['check'] !== undefined
        ? { problem: 'url is missing' }
        : { driver: 'x', config: {} };
    const { errors } = await apply(sampleFleet(), { bind });
    expect(errors).toMatchObject([
      { path: 'north.yaml', line: 9, message: 'check/http: url is missing' },
      { path: 'south.yaml', line: 9, message: 'check/http: url is missing' },
    ]);
    expect(await count('customer')).toBe(0);
  });

  it('of references name every one at once', async () => {
    const { errors } = await apply(
      sampleFleet({
        playbooks: [samplePlaybook('other', 'nowhere')],
        instances: [
          sampleInstance('west-live', {
            target: { kind: 'version', version: '9.9.9' },
            pin: { ...PIN, version: '8.8.8' },
          }),
        ],
      }),
    );
    expect(errors.map(({ message }) => message)).toEqual([
      'there is no playbook tiny',
      'there is no playbook nowhere for other to recover with',
      'there is no customer west',
      'there is no release shop 9.9.9',
      'there is no release shop 8.8.8',
    ]);
  });

  it('what the files leave out may be in the database already', async () => {
    await apply(sampleFleet());
    const some = sampleFleet({
      products: [],
      releases: [],
      customers: [],
      playbooks: [],
      policy: [],
      instances: [sampleInstance('north-test', { role: 'test' })],
    });
    expect(told(await apply(some))).toEqual(['create instance north-test']);
  });

  it('the artefact of a release that was used cannot change', async () => {
    await apply(sampleFleet());
    const digest = { kind: 'digest', digest: 'sha256:00', location: null } as const;
    const releases = [sampleRelease('2.0.0', { artefact: digest, channels: ['release'] })];
    expect((await apply(sampleFleet({ releases }), { dryRun: true })).errors).toEqual([]);
    await addUpgrade('south-live');
    expect((await apply(sampleFleet({ releases }))).errors).toMatchObject([
      { line: 20, expected: 'a new version' },
    ]);
  });

  it('an instance does not change hands', async () => {
    await apply(sampleFleet());
    const instances = [sampleInstance('north-live', { customer: 'south' })];
    expect((await apply(sampleFleet({ instances }))).errors).toMatchObject([{ path: 'north.yaml', line: 5 }]);
  });
});
