/** An upgrade that was taken back is not tried again by itself, over the real planner, engine and API. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { customerFile, openBed, vendorFile, type Bed } from './compose-bed.ts';

let bed: Bed;
let operator: Record<string, string>;

beforeEach(async () => {
  bed = await openBed();
  operator = await bed.people.cookieOf('operator');
  bed.sites.before = async (_, action) =>
    action === 'check/http' ? { kind: 'failed', reason: 'it answers 500' } : undefined;
});
afterEach(() => bed.stop());

const FILES = {
  // In the channel: it is the night that starts.
  'vendor.yaml': vendorFile('plain', ['app', 'proxy', 'check']).replace(
    /smokeTest: passed.*}/,
    'smokeTest: passed, channels: [release] }',
  ),
  'plain.yaml': `playbook: plain
title: Plain
steps:
  - { id: stage, uses: app/stage, undo: app/unstage }
  - { id: look, uses: check/http }
`,
  'north.yaml': customerFile('north', ['live']),
};

/** The night starts it, it is taken back and held; the hold. */
async function takenBack(): Promise<string> {
  await bed.apply(FILES, ['north-live']);
  await bed.server.work();
  await bed.server.night.planNow();
  await expect.poll(runs).toEqual(['rolled-back']);
  const { rows } = await sql<{ id: string }>`select id from hold where cleared_at is null`.execute(
    bed.test.db,
  );
  expect(rows).toHaveLength(1);
  return rows[0]?.id ?? '';
}

/** States of the runs there were, first to last. */
async function runs(): Promise<readonly string[]> {
  const { rows } = await sql<{ state: string }>`select state from run order by created_at, id`.execute(
    bed.test.db,
  );
  return rows.map(({ state }) => state);
}

async function codes(): Promise<readonly string[]> {
  const answer = await bed.send('GET', '/api/v1/instances/north-live/why', operator);
  const { reasons } = (await answer.json()) as { reasons: readonly { code: string }[] }; // as: the route's own schema
  return reasons.map(({ code }) => code);
}

async function clear(hold: string, tryAgain: boolean): Promise<number> {
  const body = { reason: 'looked at it', tryAgain };
  return (await bed.send('POST', `/api/v1/holds/${hold}/clear`, operator, body)).status;
}

describe('a pair of versions that was taken back', () => {
  it('stays known when its hold is cleared; the night starts it only when somebody wants it tried again, on record', async () => {
    const hold = await takenBack();
    expect(await codes()).toEqual(expect.arrayContaining(['held', 'known-bad-pair']));
    expect(await clear(hold, false)).toBe(200);
    expect(await codes()).toEqual(['known-bad-pair', 'differs-from-target']);
    expect(await bed.server.night.planNow()).toEqual([]);
    expect(await clear(hold, true)).toBe(200);
    expect(await clear(hold, true)).toBe(409);
    const { rows } = await sql<{ verb: string; after: unknown }>`
      select verb, after from event where verb in ('hold-cleared', 'try-again-allowed') order by id`.execute(
      bed.test.db,
    );
    expect(rows).toEqual([
      { verb: 'hold-cleared', after: null },
      { verb: 'try-again-allowed', after: { tryAgain: true, lifted: 1 } },
    ]);
    await bed.server.night.planNow();
    // It is as bad as before, and known again.
    await expect.poll(runs).toEqual(['rolled-back', 'rolled-back']);
    expect(await codes()).toEqual(expect.arrayContaining(['held', 'known-bad-pair']));
  });

  it('is free at once under a changed playbook', async () => {
    expect(await clear(await takenBack(), false)).toBe(200);
    const changed = { ...FILES, 'plain.yaml': FILES['plain.yaml'].replace('title: Plain', 'title: Plainer') };
    await bed.apply(changed, []);
    expect(await codes()).toEqual(['differs-from-target']);
    expect(await bed.server.night.planNow()).toHaveLength(1);
  });

  it('does not stand against a person who starts it', async () => {
    expect(await clear(await takenBack(), false)).toBe(200);
    expect(await bed.start('north-live', operator)).toMatch(/^run_/);
  });
});
