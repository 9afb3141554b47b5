import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { DAY_MS } from '@sitelift/domain/time/instant.ts';
import { decisionNow } from '../db/clock.ts';
import { createFleetBed, type FleetBed } from '../fleet/fleet-bed.ts';
import { setPin } from '../fleet/pin-store.ts';
import { sampleFleet } from '../fleet/sample-fleet.ts';
import { loadSnapshot } from '../planning/load-snapshot.ts';
import { tendPins } from './tend-pins-loop.ts';

const STAFF = 'night@vendor.test';

let bed: FleetBed;
let instanceId: string;

beforeEach(async () => {
  bed = await createFleetBed();
  await bed.apply(sampleFleet());
  const { rows } = await sql<{ id: string }>`select id from instance where slug = 'north-live'`.execute(
    bed.test.db,
  );
  instanceId = rows[0]?.id ?? '';
});
afterEach(() => bed.test.drop());

async function pin(
  end: { untilAt?: number; untilChannel?: string },
  owner = 'ann@vendor.test',
): Promise<void> {
  const done = await setPin(bed.test.db, {
    instanceId, version: '1.0.0', owner, actor: 'ops', reason: 'an early fix', untilAt: end.untilAt ?? null,
    untilChannel: end.untilChannel ?? null,
  }); // prettier-ignore
  expect(done).toEqual({ done: true });
}

async function tend(): Promise<readonly string[]> {
  const load = () => loadSnapshot(bed.test.db, { upgradesAtOnce: 2 });
  await tendPins({ db: bed.test.db, loadSnapshot: load, staffEmail: STAFF });
  const { rows } = await sql<{ recipient: string; subject: string }>`
    select recipient, subject from notice order by created_at, recipient`.execute(bed.test.db);
  return rows.map(({ recipient, subject }) => `${recipient}: ${subject}`);
}

async function ended(): Promise<readonly (string | null)[]> {
  const { rows } = await sql<{
    end_reason: string | null;
  }>`select end_reason from pin where ended_at is not null`.execute(bed.test.db);
  return rows.map((row) => row.end_reason);
}

describe('a pin with a date', () => {
  it('reminds its owner seven days before, once, and is closed when the date has come, with the reason', async () => {
    const now = await decisionNow(bed.test.db);
    await pin({ untilAt: now + 10 * DAY_MS });
    expect(await tend()).toEqual([]);
    await bed.test.skipTime(4 * DAY_MS);
    expect(await tend()).toEqual([
      expect.stringMatching(/^ann@vendor\.test: The pin of north-live to 1\.0\.0 ends on /),
    ]);
    expect(await tend()).toHaveLength(1);
    await bed.test.skipTime(7 * DAY_MS);
    await tend();
    expect(await ended()).toEqual(['its end has passed']);
    const { rows } = await sql`select actor, reason from event where verb = 'pin-ended'`.execute(bed.test.db);
    expect(rows).toEqual([{ actor: 'night', reason: 'its end has passed' }]);
  });

  it('whose owner is a name reminds the staff instead', async () => {
    await pin({ untilAt: (await decisionNow(bed.test.db)) + 3 * DAY_MS }, 'the release desk');
    expect(await tend()).toEqual([expect.stringMatching(/^night@vendor\.test: /)]);
  });
});

describe('a pin without an end', () => {
  it('stands on a list with age and owner, once a week', async () => {
    await pin({});
    await bed.test.skipTime(3 * DAY_MS);
    const first = await tend();
    expect(first).toEqual([`${STAFF}: 1 pin has no end`]);
    expect(await tend()).toHaveLength(1);
    await bed.test.skipTime(7 * DAY_MS);
    expect(await tend()).toHaveLength(2);
    const { rows } = await sql<{ body: string }>`select body from notice order by created_at`.execute(
      bed.test.db,
    );
    expect(rows.map(({ body }) => body)).toEqual([
      'north-live: 1.0.0 for 3 days, by ann@vendor.test: an early fix',
      'north-live: 1.0.0 for 10 days, by ann@vendor.test: an early fix',
    ]);
  });
});

describe('a pin until a channel reaches it', () => {
  it('is closed when the channel offers the version or a higher one, and the event says which', async () => {
    await pin({ untilChannel: 'release' });
    await sql`delete from placement`.execute(bed.test.db);
    await tend();
    expect(await ended()).toEqual([]);
    await sql`insert into placement (id, release_id, channel, placed_by)
              select 'plc_01', id, 'release', 'ops' from release where version = '2.0.0'`.execute(
      bed.test.db,
    );
    await tend();
    expect(await ended()).toEqual(['channel release has reached it with 2.0.0']);
  });
});
