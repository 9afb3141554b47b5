/** C14: a risky release enters a channel when two accounts promote it, and nobody is two people. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import type { StaffRole } from '@sitelift/contract/views.ts';
import { DAY_MS, HOUR_MS } from '@sitelift/domain/time/instant.ts';
import { createAccount, LOCAL_EMAIL } from '../people/first-account.ts';
import type { ChangeResult } from './change-result.ts';
import { createFleetBed, type FleetBed } from './fleet-bed.ts';
import { promoteRelease, type Promotion } from './release-store.ts';
import { sampleFleet, sampleRelease } from './sample-fleet.ts';

let bed: FleetBed;
let accounts: Readonly<Record<string, string>>;

beforeEach(async () => {
  bed = await createFleetBed();
  const releases = [
    sampleRelease('1.0.0', { channels: ['release'] }),
    sampleRelease('2.0.0', { channels: ['release'] }),
    sampleRelease('3.0.0', { risky: true }),
  ];
  await bed.apply(sampleFleet({ releases }));
  accounts = Object.fromEntries(
    await Promise.all(['mia', 'tom'].map(async (name) => [name, await addAccount(name)] as const)),
  );
});
afterEach(() => bed.test.drop());

async function addAccount(name: string, role: StaffRole = 'release-manager'): Promise<string> {
  const account = {
    email: `${name}@vendor.example`,
    name,
    role,
    passwordHash: '',
    mustChangePassword: false,
  };
  return (await bed.test.db.transaction().execute((tx) => createAccount(tx, account, 'a test'))) ?? '';
}

async function promote(name: string, more: Partial<Promotion> = {}): Promise<ChangeResult> {
  const { rows } = await sql<{ id: string }>`select id from release where version = '3.0.0'`.execute(bed.test.db);
  return promoteRelease(bed.test.db, {
    actor: `${name}@vendor.example`, reason: 'tried it', releaseId: rows[0]?.id ?? '', channel: 'beta',
    accountId: accounts[name] ?? '', stableAfterMs: 14 * DAY_MS, dryRun: false, ...more,
  });
} // prettier-ignore

async function placedBy(): Promise<readonly string[]> {
  const { rows } = await sql<{ placed_by: string }>`
    select placed_by from placement p join release r on r.id = p.release_id where r.version = '3.0.0'`.execute(
    bed.test.db,
  );
  return rows.map((row) => row.placed_by);
}

async function events(): Promise<readonly { verb: string; actor: string; after: unknown }[]> {
  const { rows } = await sql<{ verb: string; actor: string; after: unknown }>`
    select verb, actor, after from event where verb in ('promotion-requested', 'release-promoted') order by id`.execute(
    bed.test.db,
  );
  return rows;
}

const DONE = { done: true };
const MIA_WANTS_IT = {
  refused: [
    expect.stringMatching(
      /^risky: mia@vendor\.example wants it since .* UTC; a second release manager must promote it too$/,
    ) as string,
  ],
};

describe('a risky release', () => {
  it('is placed when a second person promotes it, and both are named', async () => {
    expect(await promote('mia')).toEqual(MIA_WANTS_IT);
    expect(await placedBy()).toEqual([]);
    expect(await promote('tom')).toEqual(DONE);
    const both = 'mia@vendor.example and tom@vendor.example';
    expect(await placedBy()).toEqual([both]);
    expect(await events()).toMatchObject([
      { verb: 'promotion-requested', actor: 'mia@vendor.example', after: { channel: 'beta', version: '3.0.0' } },
      { verb: 'release-promoted', actor: 'tom@vendor.example', after: { approvedBy: 'mia@vendor.example', placedBy: both } },
    ]);
  }); // prettier-ignore

  it('is refused to the same person twice, signed in or by token, and is remembered once', async () => {
    await promote('mia');
    expect(await promote('mia')).toEqual(MIA_WANTS_IT);
    expect(await promote('mia', { actor: 'mia@vendor.example via token ci' })).toEqual(MIA_WANTS_IT);
    expect([await placedBy(), (await events()).length]).toEqual([[], 1]);
  });

  it('is placed once when two people promote it at the same moment', async () => {
    const results = await Promise.all([promote('mia'), promote('tom')]);
    expect(results.filter((result) => 'done' in result)).toHaveLength(1);
    expect(await placedBy()).toHaveLength(1);
  });

  it('waits a week for the second person, and then anew', async () => {
    await promote('mia');
    await bed.test.skipTime(7 * DAY_MS - HOUR_MS);
    expect(await promote('tom', { dryRun: true })).toEqual(DONE);
    expect(await promote('mia')).toEqual(MIA_WANTS_IT);
    // Saying it again has not renewed it.
    await bed.test.skipTime(HOUR_MS);
    expect(await promote('tom')).toMatchObject({
      refused: [expect.stringContaining('risky: tom@vendor.example wants it') as string],
    });
    expect(await promote('mia')).toEqual(DONE);
    expect(await placedBy()).toEqual(['tom@vendor.example and mia@vendor.example']);
  });

  it('may be looked at without being wanted: a preview remembers nothing and places nothing', async () => {
    expect(await promote('mia', { dryRun: true })).toMatchObject({
      refused: [expect.stringContaining('second person'), expect.stringContaining('nobody wants it yet')],
    });
    expect(await promote('tom', { dryRun: true })).toMatchObject({ refused: [{}, {}].map(() => expect.any(String) as string) });
    await promote('mia');
    expect(await promote('mia', { dryRun: true })).toEqual(MIA_WANTS_IT);
    expect(await promote('tom', { dryRun: true })).toEqual(DONE);
    expect([await placedBy(), (await events()).length]).toEqual([[], 1]);
  }); // prettier-ignore

  it('is wanted for one channel and says nothing of another', async () => {
    await promote('mia');
    expect(await promote('tom', { channel: 'alpha' })).toMatchObject({
      refused: [expect.stringContaining('tom@vendor.example wants it') as string],
    });
  });

  it('is not remembered while something else stands against it', async () => {
    expect(await promote('mia', { channel: 'stable' })).toMatchObject({
      refused: [expect.stringContaining('risky'), expect.stringContaining('not in release')],
    });
    expect(await events()).toEqual([]);
  });

  it('was wanted as it was: another artefact under its version starts anew', async () => {
    await promote('mia');
    await sql`update release set artefact = '{"kind":"digest","digest":"sha256:00","location":null}' where version = '3.0.0'`.execute(
      bed.test.db,
    );
    expect(await promote('tom')).toMatchObject({
      refused: [expect.stringContaining('tom@vendor.example wants it') as string],
    });
    expect(await promote('mia')).toEqual(DONE);
  });

  it.each([
    ['has left', sql`disabled_at = app_now()`],
    ['may no longer promote', sql`role = 'operator'`],
  ])('does not count the word of somebody who %s', async (_, change) => {
    await promote('mia');
    await sql`update account set ${change} where id = ${accounts['mia']}`.execute(bed.test.db);
    expect(await promote('tom')).toMatchObject({
      refused: [expect.stringContaining('tom@vendor.example wants it') as string],
    });
  });

  it('is not placed by the account of the machine, nor remembered for it, and the answer says to make a second account', async () => {
    const machine = { ...accounts, local: await addAccount('local', 'admin') };
    await sql`update account set email = ${LOCAL_EMAIL} where id = ${machine.local}`.execute(bed.test.db);
    const refused = {
      refused: [expect.stringContaining('create a second account (`sitelift account create') as string],
    };
    // As the first, and as the second.
    expect(await promote('local', { accountId: machine.local })).toEqual(refused);
    expect(await promote('mia')).toEqual(MIA_WANTS_IT);
    expect(await promote('local', { accountId: machine.local, dryRun: true })).toEqual(refused);
    expect(await promote('local', { accountId: machine.local })).toEqual(refused);
    expect([await placedBy(), (await events()).length]).toEqual([[], 1]);
    expect(await promote('tom')).toEqual(DONE);
    expect(await placedBy()).toEqual(['mia@vendor.example and tom@vendor.example']);
  });

  it('does not count a wish that the machine left in an earlier version', async () => {
    await promote('tom');
    await sql`update account set email = ${LOCAL_EMAIL} where id = ${accounts['tom']}`.execute(bed.test.db);
    expect(await promote('mia')).toEqual(MIA_WANTS_IT);
  });
});
