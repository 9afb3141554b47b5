import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { newId } from './new-id.ts';
import { recordEvent, verifyEventChain } from './event-store.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

let test: TestDatabase;
let customers: readonly string[];

beforeEach(async () => {
  test = await createTestDatabase();
  customers = [newId('cust'), newId('cust')];
  for (const id of customers)
    await sql`insert into customer (id, slug, name) values (${id}, ${id}, 'A customer')`.execute(test.db);
});
afterEach(() => test.drop());

async function record(customerId: string | null, verb: string): Promise<void> {
  await test.db.transaction().execute((tx) =>
    recordEvent(tx, {
      actor: 'ops@vendor.test',
      verb,
      object: { kind: 'pin', id: 'pin_1' },
      customerId,
      before: null,
      after: { version: '5.2', tags: ['a', 'b'] },
      reason: 'because',
    }),
  );
}

/** As somebody with the rights of a superuser would: past the trigger. */
async function asSuperuser(statement: string): Promise<void> {
  await sql.raw('alter table event disable trigger event_append_only').execute(test.db);
  await sql.raw(statement).execute(test.db);
  await sql.raw('alter table event enable trigger event_append_only').execute(test.db);
}

describe('the audit trail', () => {
  beforeEach(async () => {
    for (const verb of ['one', 'two', 'three']) {
      await record(customers[0] ?? null, verb);
      await record(customers[1] ?? null, verb);
      await record(null, verb);
    }
  });

  it('is whole when nobody touched it, each customer in a chain of its own', async () => {
    expect(await verifyEventChain(test.db)).toEqual({ intact: true, events: 9 });
    expect(await verifyEventChain(test.db, customers[0])).toEqual({ intact: true, events: 3 });
  });

  it.each(['update event set actor = actor', 'delete from event', 'truncate event'])(
    'refuses `%s` to the application',
    async (statement) => {
      await expect(sql.raw(statement).execute(test.db)).rejects.toThrow('append-only');
    },
  );

  it.each([
    ['who', "actor = 'somebody else'"],
    ['what', "verb = 'another'"],
    ['after', "after = '{}'"],
    ['why', "reason = 'no reason'"],
    ['when', "at = at + interval '1 s'"],
  ])('names the first event in which %s was altered', async (_what, change) => {
    await asSuperuser(`update event set ${change} where chain = '${customers[0]}' and chain_seq = 2`);
    expect(await verifyEventChain(test.db)).toEqual({
      intact: false,
      chain: customers[0],
      seq: 2,
      problem: 'it was altered',
    });
    // The neighbour's own record is not in doubt.
    expect(await verifyEventChain(test.db, customers[1])).toMatchObject({ intact: true });
  });

  it('tells a removed event from one that was cut off at the end', async () => {
    await asSuperuser(`delete from event where chain = '${customers[0]}' and chain_seq = 2`);
    expect(await verifyEventChain(test.db, customers[0])).toMatchObject({ problem: 'event 2 is missing' });
    await asSuperuser(`delete from event where chain = '' and chain_seq = 3`);
    expect(await verifyEventChain(test.db, '')).toMatchObject({
      seq: 3,
      problem: 'the chain was cut off at its end',
    });
  });

  it('forty writers at once leave one unbroken chain', async () => {
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => record(customers[0] ?? null, `at-once-${index}`)),
    );
    expect(await verifyEventChain(test.db, customers[0])).toEqual({ intact: true, events: 43 });
  });
});
