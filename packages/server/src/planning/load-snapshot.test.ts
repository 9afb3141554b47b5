import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planNight } from '@sitelift/domain/planning/plan-night.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '@sitelift/domain/time/instant.ts';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import type { Playbook } from '@sitelift/playbook/playbook.ts';
import { decisionNow } from '../db/clock.ts';
import { newId } from '../db/new-id.ts';
import { createFleetBed, type FleetBed } from '../fleet/fleet-bed.ts';
import {
  sampleCustomer,
  sampleFleet,
  sampleInstance,
  sampleRelease,
  withPin,
  SAMPLE_PIN,
} from '../fleet/sample-fleet.ts';
import { loadSnapshot } from './load-snapshot.ts';

let bed: FleetBed;
beforeEach(async () => {
  bed = await createFleetBed();
});
afterEach(() => bed.test.drop());

const load = (at?: number) =>
  loadSnapshot(bed.test.db, { upgradesAtOnce: 2, ...(at === undefined ? {} : { at }) });

function playbook(text: string): Playbook {
  const parsed = parsePlaybook(text, 'p.yaml');
  if ('errors' in parsed) throw new Error(parsed.errors.map(({ message }) => message).join('; '));
  return parsed.playbook;
}

describe('loadSnapshot', () => {
  it('an empty database is an empty fleet, with its channels', async () => {
    const snapshot = await load();
    expect(snapshot).toMatchObject({
      customers: [],
      instances: [],
      releases: [],
      stopped: null,
      upgradesAtOnce: 2,
    });
    expect(snapshot.channels.map(({ name }) => name)).toEqual(['alpha', 'beta', 'release', 'stable']);
  });

  it('gives the domain what the files said, and the planner decides over it', async () => {
    await bed.apply(withPin(SAMPLE_PIN));
    await sql`
      update instance set observed_version = '1.0.0', observed_healthy = true, observed_at = app_now()
       where slug <> 'south-uat'`.execute(bed.test.db);
    const snapshot = await load();
    const [live, uat, , silent] = snapshot.instances;
    expect(live).toMatchObject({
      slug: 'north-live',
      role: 'live',
      labels: ['eu'],
      target: { kind: 'channel', channel: 'release' },
      observed: { version: '1.0.0', healthy: true, problem: null },
      recordedVersion: null,
    });
    expect(silent?.observed).toBeNull();
    expect(snapshot.pins).toMatchObject([
      { instanceId: live?.id, version: '1.0.0', ends: { kind: 'channel-reaches', channel: 'release' } },
    ]);
    expect(snapshot.freezes).toMatchObject([
      { scope: { kind: 'customer', customerId: snapshot.customers[1]?.id }, fromAt: Date.UTC(2030, 11, 20) },
    ]);
    expect(snapshot.windows).toMatchObject([
      { scope: { kind: 'fleet' }, lengthMs: 2 * HOUR_MS, cutOffMs: HOUR_MS / 2 },
    ]);
    expect(snapshot.placements).toHaveLength(3);
    expect(snapshot.policy.vendor).toEqual([
      { key: 'P3', role: null, kind: null, value: 'any-time', final: false },
    ]);
    const { decisions } = planNight(snapshot);
    expect(decisions).toHaveLength(4);
    expect(decisions.find(({ instanceId }) => instanceId === uat?.id)).toMatchObject({
      verdict: 'start',
      toVersion: '2.0.0',
    });
  });

  it('leaves out what was removed, ended, cleared or has run out', async () => {
    await bed.apply(sampleFleet());
    const rows = [
      ['cleared', sql`app_now()`, sql`null`],
      ['run out', sql`null`, sql`app_now() - interval '1 s'`],
      ['stands', sql`null`, sql`app_now() + interval '1 h'`],
    ] as const;
    for (const [reason, cleared, until] of rows)
      await sql`
        insert into hold (id, instance_id, kind, reason, cleared_at, until_at)
        select ${newId('hold')}, id, 'by-hand', ${reason}, ${cleared}, ${until} from instance
         where slug = 'north-live'`.execute(bed.test.db);
    await sql`update placement set ended_at = app_now() where channel = 'stable'`.execute(bed.test.db);
    await bed.apply(
      sampleFleet({
        customers: [sampleCustomer('north')],
        instances: [sampleInstance('north-live')],
        freezes: [],
      }),
      { prune: true },
    );
    const snapshot = await load();
    expect(snapshot.holds.map(({ reason }) => reason)).toEqual(['stands']);
    expect(snapshot.placements.map(({ channel }) => channel)).toEqual(['release', 'release']);
    expect([snapshot.customers.length, snapshot.instances.length, snapshot.freezes.length]).toEqual([
      1, 1, 0,
    ]);
  });

  it('an upgrade is planned until its run has taken the instance', async () => {
    await bed.apply(sampleFleet());
    await bed.addUpgrade('north-live');
    expect((await load()).upgrades).toMatchObject([
      { kind: 'nightly', phase: 'planned', toVersion: '2.0.0', startsAt: null },
    ]);
    await sql`insert into instance_claim (upgrade_id, instance_id) select id, instance_id from upgrade`.execute(
      bed.test.db,
    );
    expect((await load()).upgrades).toMatchObject([{ phase: 'open' }]);
    await sql`update upgrade set ended_at = app_now()`.execute(bed.test.db);
    expect((await load()).upgrades).toEqual([]);
  });

  it('plans for another instant on request, else for the clock of decisions', async () => {
    expect((await load(12_345)).now).toBe(12_345);
    await bed.test.skipTime(5 * HOUR_MS);
    expect(Math.abs((await load()).now - (await decisionNow(bed.test.db)))).toBeLessThan(MINUTE_MS);
  });

  it('a stop is part of it', async () => {
    await sql`insert into stop_the_world (at, by, reason) values (app_now(), 'ops', 'fire')`.execute(
      bed.test.db,
    );
    expect((await load()).stopped).toMatchObject({ by: 'ops', reason: 'fire' });
  });
});

describe('forecasts', () => {
  const PLAYBOOK = playbook(`playbook: tiny
title: Tiny
recover: back
steps:
  - { id: stage, title: Stage, uses: app/stage, expect: 10m, undo: app/unstage }
  - { id: close, title: Close, uses: proxy/close, expect: 1s, undo: proxy/open }
  - { id: save, title: Save, uses: database/backup, expect: 30s, require: restored }
  - { id: migrate, title: Migrate, uses: database/migrate, expect: 2m, pointOfNoReturn: true }
  - { id: probe, title: Probe, uses: app/probe, expect: 5s }
  - { id: open, title: Open, uses: proxy/open, expect: 1s }
  - { id: tell, title: Tell, notify: { to: all, template: done } }
`);
  const BACK = playbook(`playbook: back
title: Back
steps:
  - { id: restore, title: Restore, uses: database/restore, expect: 4m }
  - { id: reopen, title: Open, uses: proxy/open, expect: 1s }
`);
  const files = () => sampleFleet({ playbooks: [PLAYBOOK, BACK] });

  it('without history are what the playbook expects from closing to opening, and the way back', async () => {
    await bed.apply(files());
    expect((await load()).forecasts.get('shop')).toEqual({
      closedMs: 157 * SECOND_MS,
      wayBackMs: 241 * SECOND_MS,
    });
  });

  it('come from history once five runs exist', async () => {
    await bed.apply(files());
    await bed.addUpgrade('north-live');
    const run = newId('run');
    await sql`
      insert into run (id, upgrade_id, instance_id, plan, from_version, to_version)
      select ${run}, id, instance_id, '{}', '1.0.0', '2.0.0' from upgrade`.execute(bed.test.db);
    const record = (times: number) =>
      sql`
      insert into step_duration (product, action, step_id, run_id, took_ms, ended_at)
      select 'shop', 'database/migrate', 'migrate', ${run}, 600000, app_now() from generate_series(1, ${times}::int)`.execute(
        bed.test.db,
      );
    await record(4);
    expect((await load()).forecasts.get('shop')?.closedMs).toBe(157 * SECOND_MS);
    await record(1);
    expect((await load()).forecasts.get('shop')?.closedMs).toBe((37 + 600) * SECOND_MS);
  });

  it('are absent for a product without a playbook', async () => {
    await bed.apply(sampleFleet({ releases: [sampleRelease('1.0.0')] }));
    await sql`delete from playbook_current`.execute(bed.test.db);
    expect((await load()).forecasts.size).toBe(0);
  });
});

describe('a large fleet', () => {
  it('of a hundred thousand instances is loaded whole', async () => {
    await bed.apply(sampleFleet());
    await sql`
      insert into instance (id, slug, customer_id, product_id, role, url, zone, target, observed_version, observed_healthy, observed_at)
      select 'inst_' || n, 'many-' || n, customer_id, product_id, role, url, zone, target, '1.0.0', true, app_now()
        from instance, generate_series(1, 100000) n where slug = 'north-uat'`.execute(bed.test.db);
    const startedAt = performance.now();
    expect((await load()).instances).toHaveLength(100_004);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });
});
