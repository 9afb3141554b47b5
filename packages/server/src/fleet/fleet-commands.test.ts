import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS } from '@sitelift/domain/time/instant.ts';
import { decisionNow } from '../db/clock.ts';
import { newId } from '../db/new-id.ts';
import type { ChangeResult } from './change-result.ts';
import { createFleetBed, type FleetBed } from './fleet-bed.ts';
import { clearHold } from './hold-store.ts';
import { endPin, setPin, type NewPin } from './pin-store.ts';
import { promoteRelease, withdrawRelease, type Promotion } from './release-store.ts';
import { SAMPLE_PIN, sampleFleet, sampleRelease, withPin } from './sample-fleet.ts';
import { releaseStop, setStop } from './stop-store.ts';

let bed: FleetBed;
beforeEach(async () => {
  bed = await createFleetBed();
  await bed.apply(
    sampleFleet({
      releases: [
        sampleRelease('1.0.0', { channels: ['release', 'stable'] }),
        sampleRelease('2.0.0', { channels: ['release'] }),
        sampleRelease('4.0.0', { smokeTest: 'failed' }),
      ],
    }),
  );
});
afterEach(() => bed.test.drop());

const BY = { actor: 'ops@vendor.example', reason: 'because' } as const;
const DONE = { done: true };

async function idOf(table: 'release' | 'instance', name: string): Promise<string> {
  const column = table === 'release' ? 'version' : 'slug';
  const { rows } = await sql<{ id: string }>`
    select id from ${sql.table(table)} where ${sql.ref(column)} = ${name}`.execute(bed.test.db);
  return rows[0]?.id ?? '';
}

async function events(): Promise<readonly string[]> {
  const { rows } = await sql<{ verb: string }>`
    select verb from event where actor = ${BY.actor} and reason = ${BY.reason} order by id`.execute(
    bed.test.db,
  );
  return rows.map(({ verb }) => verb);
}

async function promote(version: string, channel: string, more: Partial<Promotion> = {}): Promise<ChangeResult> {
  const releaseId = await idOf('release', version);
  return promoteRelease(bed.test.db, { ...BY, releaseId, channel, accountId: 'acc_ops', stableAfterMs: 14 * DAY_MS, dryRun: false, ...more });
} // prettier-ignore

async function channelsOf(version: string): Promise<readonly string[]> {
  const { rows } = await sql<{ channel: string }>`
    select channel from placement where release_id = ${await idOf('release', version)} and ended_at is null order by channel`.execute(
    bed.test.db,
  );
  return rows.map(({ channel }) => channel);
}

describe('promoteRelease', () => {
  it('places a release, with who and why in the audit trail', async () => {
    expect(await promote('2.0.0', 'beta')).toEqual(DONE);
    expect(await channelsOf('2.0.0')).toEqual(['beta', 'release']);
    expect(await events()).toEqual(['release-promoted']);
  });

  it('a dry run says the same and places nothing', async () => {
    expect(await promote('2.0.0', 'beta', { dryRun: true })).toEqual(DONE);
    expect([await channelsOf('2.0.0'), await events()]).toEqual([['release'], []]);
  });

  it('waits for the days in release before stable, as configured', async () => {
    expect(await promote('2.0.0', 'stable')).toMatchObject({
      refused: [expect.stringContaining('missing') as string],
    });
    await bed.test.skipTime(14 * DAY_MS);
    expect(await promote('2.0.0', 'stable')).toEqual(DONE);
  });

  it('zero days to wait let it pass at once', async () => {
    expect(await promote('2.0.0', 'stable', { stableAfterMs: 0 })).toEqual(DONE);
  });

  it('one whose smoke test failed never passes', async () => {
    expect(await promote('4.0.0', 'beta')).toMatchObject({
      refused: [expect.stringContaining('smoke') as string],
    });
  });

  it('two people who promote at once place it once', async () => {
    const results = await Promise.all([promote('2.0.0', 'beta'), promote('2.0.0', 'beta')]);
    expect(results.filter((result) => 'done' in result)).toHaveLength(1);
  });

  it('knows what it does not know', async () => {
    expect(await promote('9.9.9', 'beta')).toEqual({ missing: 'there is no such release' });
    expect(await promote('2.0.0', 'gamma')).toMatchObject({
      refused: [expect.stringContaining('gamma') as string],
    });
  });
});

describe('withdrawRelease', () => {
  it('takes it out of every channel, keeps the history, and refuses a second time', async () => {
    const releaseId = await idOf('release', '1.0.0');
    expect(await withdrawRelease(bed.test.db, { ...BY, releaseId })).toEqual(DONE);
    expect(await channelsOf('1.0.0')).toEqual([]);
    const { rows } = await sql`
      select channel, ended_by from placement where release_id = ${releaseId} order by channel`.execute(
      bed.test.db,
    );
    expect(rows).toEqual(['release', 'stable'].map((channel) => ({ channel, ended_by: BY.actor })));
    expect(await withdrawRelease(bed.test.db, { ...BY, releaseId })).toMatchObject({
      refused: [expect.stringContaining(BY.actor) as string],
    });
    expect(await promote('1.0.0', 'beta')).toMatchObject({
      refused: [expect.stringContaining('withdrawn') as string],
    });
    expect(await events()).toEqual(['release-withdrawn']);
  });
});

describe('pins by hand', () => {
  async function pin(more: Partial<NewPin> = {}): Promise<ChangeResult> {
    const instanceId = await idOf('instance', 'north-live');
    const wanted = { version: '1.0.0', owner: 'ada@north.example', untilAt: null, untilChannel: null };
    return setPin(bed.test.db, { ...BY, instanceId, ...wanted, ...more });
  }

  async function open(): Promise<readonly unknown[]> {
    return (await sql`select version, managed_by from pin where ended_at is null`.execute(bed.test.db)).rows;
  }

  it('are set, replaced and ended, each with its record', async () => {
    const end = { ...BY, instanceId: await idOf('instance', 'north-live') };
    expect([await pin(), await pin({ version: '2.0.0' })]).toEqual([DONE, DONE]);
    expect(await open()).toEqual([{ version: '2.0.0', managed_by: 'hand' }]);
    expect(await endPin(bed.test.db, end)).toEqual(DONE);
    expect(await endPin(bed.test.db, end)).toEqual({ refused: ['north-live is not pinned'] });
    expect(await open()).toEqual([]);
    expect(await events()).toEqual(['pin-set', 'pin-set', 'pin-ended']);
  });

  it('name every reason against them at once', async () => {
    const untilAt = (await decisionNow(bed.test.db)) - 1;
    expect(await pin({ version: '7', untilAt, untilChannel: 'gamma', owner: ' ', reason: '' })).toEqual({
      refused: [
        'there is no release 7 of this product',
        'there is no channel gamma',
        'its end has passed already',
        'a pin has one end: a date or a channel',
        'a pin needs an owner',
        'a pin needs a reason',
      ],
    });
    expect(await pin({ instanceId: newId('inst') })).toEqual({ missing: 'there is no such instance' });
  });

  it('do not take the place of a pin from the files, nor end it, until its date has passed', async () => {
    const at = (await decisionNow(bed.test.db)) + DAY_MS;
    await bed.apply(withPin({ ...SAMPLE_PIN, ends: { kind: 'at', at } }));
    const end = { ...BY, instanceId: await idOf('instance', 'north-live') };
    expect(await pin()).toMatchObject({ refused: [expect.stringContaining('fleet files') as string] });
    expect(await endPin(bed.test.db, end)).toMatchObject({
      refused: [expect.stringContaining('fleet files') as string],
    });
    await bed.test.skipTime(2 * DAY_MS);
    expect(await pin()).toEqual(DONE);
    expect(await open()).toEqual([{ version: '1.0.0', managed_by: 'hand' }]);
  });
});

describe('holds and stops', () => {
  it('a hold is cleared once, by name', async () => {
    const holdId = newId('hold');
    await sql`
      insert into hold (id, instance_id, kind, reason)
      values (${holdId}, ${await idOf('instance', 'north-live')}, 'rolled-back', 'write check')`.execute(
      bed.test.db,
    );
    expect(await clearHold(bed.test.db, { ...BY, holdId })).toEqual(DONE);
    expect(await clearHold(bed.test.db, { ...BY, holdId })).toEqual({
      refused: [`it was cleared already, by ${BY.actor}`],
    });
    expect(await clearHold(bed.test.db, { ...BY, holdId: newId('hold') })).toEqual({
      missing: 'there is no such hold',
    });
    expect(await events()).toEqual(['hold-cleared']);
  });

  it('everything is stopped by the first who says so, and released once', async () => {
    expect(await setStop(bed.test.db, BY)).toEqual(DONE);
    expect(await setStop(bed.test.db, { actor: 'eve', reason: 'me too' })).toEqual({
      refused: [`everything is stopped already, by ${BY.actor}: because`],
    });
    expect(await releaseStop(bed.test.db, BY)).toEqual(DONE);
    expect(await releaseStop(bed.test.db, BY)).toEqual({ refused: ['nothing is stopped'] });
    expect(await events()).toEqual(['fleet-stopped', 'stop-released']);
  });
});
