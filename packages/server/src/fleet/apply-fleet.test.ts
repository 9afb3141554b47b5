import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyEventChain } from '../db/event-store.ts';
import type { ApplyOptions } from './apply-fleet.ts';
import { createFleetBed, told, type FleetBed } from './fleet-bed.ts';
import {
  SAMPLE_PIN,
  sampleCustomer,
  sampleFleet,
  sampleInstance,
  samplePlaybook,
  sampleRelease,
  withPin,
} from './sample-fleet.ts';

let bed: FleetBed;
beforeEach(async () => {
  bed = await createFleetBed();
});
afterEach(() => bed.test.drop());

describe('applyFleet', () => {
  it('makes everything of an empty database, and says so', async () => {
    const result = await bed.apply(sampleFleet());
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
    expect([await bed.count('instance'), await bed.count('event')]).toEqual([4, 16]);
    const { rows } = await sql`
      select i.slug, i.labels, i.target, c.slug as customer, f.scope ->> 'customerId' = c.id as frozen
        from instance i join customer c on c.id = i.customer_id, change_freeze f where i.slug = 'south-live'`.execute(
      bed.test.db,
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
    const files = withPin(SAMPLE_PIN);
    await bed.apply(files);
    const events = await bed.count('event');
    const again = await bed.apply(files, { prune: true });
    expect(again).toEqual({ changes: [], errors: [] });
    expect(await bed.count('event')).toBe(events);
  });

  it('a dry run tells the same changes and writes nothing', async () => {
    const dry = await bed.apply(sampleFleet(), { dryRun: true });
    expect([await bed.count('customer'), await bed.count('event'), await bed.count('playbook')]).toEqual([
      0, 0, 0,
    ]);
    expect(await bed.apply(sampleFleet())).toEqual(dry);
  });

  it('an update names the fields that differ, in both words, and the audit trail keeps them', async () => {
    await bed.apply(sampleFleet());
    const [first, ...rest] = sampleFleet().instances;
    if (first === undefined) throw new Error('no instance');
    const changed = {
      ...first,
      url: 'http://new.example/',
      settings: { slots: ['a', 'b'] },
      target: { kind: 'version', version: '2.0.0' },
    } as const;
    const { changes } = await bed.apply(sampleFleet({ instances: [changed, ...rest] }));
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
        from event e join customer c on c.id = e.chain where e.verb = 'instance-updated'`.execute(
      bed.test.db,
    );
    expect(rows).toEqual([
      {
        actor: 'ops',
        verb: 'instance-updated',
        before: 'http://north-live.example/',
        after: 'http://new.example/',
        slug: 'north',
      },
    ]);
    expect(await verifyEventChain(bed.test.db)).toMatchObject({ intact: true });
  });

  it('policies of customers and instances are kept under their ids and leave with their last entry', async () => {
    const policy = [{ key: 'P3', role: null, kind: null, value: 'window', final: false }] as const;
    const instances = [sampleInstance('north-live', { policy })];
    await bed.apply(
      sampleFleet({ customers: [sampleCustomer('north', { policy })], instances, freezes: [] }),
    );
    expect(await bed.count('policy')).toBe(3);
    const second = await bed.apply(
      sampleFleet({ customers: [sampleCustomer('north')], instances, freezes: [] }),
    );
    expect(second.changes.map(({ slug, fields }) => [slug, fields.map(({ field }) => field)])).toEqual([
      ['north', ['policy']],
    ]);
    expect(await bed.count('policy')).toBe(2);
  });

  it('two people who apply at once make one fleet', async () => {
    const results = await Promise.all([
      bed.apply(sampleFleet()),
      bed.apply(sampleFleet()),
      bed.apply(sampleFleet()),
    ]);
    expect(results.map(({ changes }) => changes.length).sort((a, b) => a - b)).toEqual([0, 0, 16]);
    expect(await bed.count('instance')).toBe(4);
  });

  it('a thousand instances apply in seconds', async () => {
    const customers = Array.from({ length: 500 }, (_, index) => sampleCustomer(`c${index}`));
    const instances = customers.flatMap(({ slug }) => [
      sampleInstance(`${slug}-live`),
      sampleInstance(`${slug}-uat`),
    ]);
    const files = sampleFleet({ customers, instances, freezes: [] });
    const startedAt = performance.now();
    expect((await bed.apply(files)).changes).toHaveLength(1509);
    const first = performance.now() - startedAt;
    expect((await bed.apply(files)).changes).toEqual([]);
    expect(first).toBeLessThan(15_000);
  });
});

describe('a changed playbook', () => {
  it('becomes the current one, and its earlier bytes stay', async () => {
    await bed.apply(sampleFleet());
    const before = samplePlaybook();
    const after = { ...before, source: `${before.source}# a word more\n` };
    expect(told(await bed.apply(sampleFleet({ playbooks: [after] })))).toEqual(['update playbook tiny']);
    const { rows } = await sql`
      select p.source, c.name from playbook p left join playbook_current c on c.digest = p.digest order by c.name nulls last`.execute(
      bed.test.db,
    );
    expect(rows).toEqual([
      { source: after.source, name: 'tiny' },
      { source: before.source, name: null },
    ]);
    expect(told(await bed.apply(sampleFleet()))).toEqual(['update playbook tiny']);
  });
});

describe('errors', () => {
  it('of bindings stand at their own line, and nothing is written', async () => {
    const bind: ApplyOptions['bind'] = (bindings, action) =>
      action === 'check/http' && bindings['check'] !== undefined
        ? { problem: 'url is missing' }
        : { driver: 'x', config: {} };
    const { errors } = await bed.apply(sampleFleet(), { bind });
    expect(errors).toMatchObject([
      { path: 'north.yaml', line: 9, message: 'check/http: url is missing' },
      { path: 'south.yaml', line: 9, message: 'check/http: url is missing' },
    ]);
    expect(await bed.count('customer')).toBe(0);
  });

  it('of references name every one at once', async () => {
    const { errors } = await bed.apply(
      sampleFleet({
        playbooks: [samplePlaybook('other', 'nowhere')],
        instances: [
          sampleInstance('west-live', {
            target: { kind: 'version', version: '9.9.9' },
            pin: { ...SAMPLE_PIN, version: '8.8.8' },
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
    await bed.apply(sampleFleet());
    const some = sampleFleet({
      products: [],
      releases: [],
      customers: [],
      playbooks: [],
      policy: [],
      instances: [sampleInstance('north-test', { role: 'test' })],
    });
    expect(told(await bed.apply(some))).toEqual(['create instance north-test']);
  });

  it('the artefact of a release that was used cannot change', async () => {
    await bed.apply(sampleFleet());
    const digest = { kind: 'digest', digest: 'sha256:00', location: null } as const;
    const releases = [sampleRelease('2.0.0', { artefact: digest, channels: ['release'] })];
    expect((await bed.apply(sampleFleet({ releases }), { dryRun: true })).errors).toEqual([]);
    await bed.addUpgrade('south-live');
    expect((await bed.apply(sampleFleet({ releases }))).errors).toMatchObject([
      { line: 20, expected: 'a new version' },
    ]);
  });

  it('an instance does not change hands', async () => {
    await bed.apply(sampleFleet());
    const instances = [sampleInstance('north-live', { customer: 'south' })];
    expect((await bed.apply(sampleFleet({ instances }))).errors).toMatchObject([
      { path: 'north.yaml', line: 5 },
    ]);
  });
});
