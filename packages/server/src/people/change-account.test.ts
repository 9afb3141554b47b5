/** Accounts of staff over HTTP: who comes in, who is put out, and what nobody may do. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import type { AccountChange } from '@sitelift/contract/staff-account.ts';
import type { StaffRole } from '@sitelift/contract/views.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { emailOf, SAMPLE_PASSWORD, startSampleServer, type SampleServer } from '../http/sample-server.ts';
import { machineAccountId } from './account-views.ts';
import { changeAccount } from './change-account.ts';
import { createAccount, LOCAL_EMAIL } from './first-account.ts';
import { changePassword, signIn } from './sign-in.ts';
import { findSession } from './session-store.ts';

let test: TestDatabase;
let sample: SampleServer;
let admin: Record<string, string>;
beforeEach(async () => {
  test = await createTestDatabase();
  sample = await startSampleServer(test.db);
  admin = await sample.people.cookieOf('admin');
});
afterEach(async () => {
  await sample.server.stop();
  await test.drop();
});

interface Told {
  readonly status: number;
  readonly reasons?: readonly string[];
  readonly oneTimePassword?: string | null;
  readonly account?: { readonly id: string; readonly role: string; readonly disabledAt: string | null };
}

async function post(path: string, body: object, headers = admin): Promise<Told> {
  const answer = await sample.send('POST', `/api/v1${path}`, headers, body);
  return { ...((await answer.json()) as object), status: answer.status }; // as: the fields are all optional
}

const change = (account: string, body: AccountChange, headers = admin): Promise<Told> =>
  post(`/accounts/${encodeURIComponent(account)}`, body, headers);

async function add(email: string, role: StaffRole): Promise<string> {
  const { oneTimePassword } = await post('/accounts', { email, name: 'Somebody', role });
  return oneTimePassword ?? '';
}

async function mayStill(headers: Record<string, string>): Promise<boolean> {
  return (await sample.send('GET', '/api/v1/session', headers)).status === 200;
}

async function events(verbs: readonly string[]): Promise<readonly object[]> {
  const { rows } = await sql<object>`
    select verb, actor, before, after, reason from event where verb = any(${[...verbs]}::text[]) order by id`.execute(
    test.db,
  );
  return rows;
}

const refusedBecause = (...reasons: readonly string[]): object => ({ status: 409, reasons });

describe('a new account', () => {
  it('opens with a one-time password that is shown once, and with nothing else', async () => {
    const made = await post('/accounts', { email: 'Mia@Vendor.example', name: 'Mia', role: 'operator' });
    expect(made).toMatchObject({
      status: 200,
      account: { email: 'mia@vendor.example', role: 'operator', mustChangePassword: true, machine: false },
    });
    const { oneTimePassword } = made;
    expect(oneTimePassword).toMatch(/^(\w{4}-){3}\w{4}$/);
    const signedIn = await signIn(test.db, 'mia@vendor.example', oneTimePassword ?? '');
    expect(signedIn?.caller).toMatchObject({ role: 'operator', mustChangePassword: true });
    const list = await (await sample.send('GET', '/api/v1/accounts', admin)).text();
    expect(list).toContain('mia@vendor.example');
    expect(list).not.toContain(oneTimePassword);
    const kept = await sql`select 1 from event where after::text like ${`%${oneTimePassword}%`}`.execute(
      test.db,
    );
    expect(kept.rows).toEqual([]);
    expect((await events(['account-created'])).at(-1)).toMatchObject({ actor: emailOf('admin') });
  });

  it.each([emailOf('admin'), emailOf('admin').toUpperCase()])(
    'is refused the address %s of another',
    async (email) => {
      expect(await post('/accounts', { email, name: 'Eve', role: 'admin' })).toMatchObject(
        refusedBecause('there is an account with this address already'),
      );
    },
  );

  it('is refused the address of the machine, before the machine has it', async () => {
    expect(await post('/accounts', { email: LOCAL_EMAIL, name: 'Eve', role: 'viewer' })).toMatchObject({
      status: 409,
    });
    expect(await machineAccountId(test.db)).toBeNull();
  });

  it.each([
    { email: 'nobody', name: 'x', role: 'viewer' },
    { email: 'a@b.example', name: ' ', role: 'viewer' },
    { email: 'a@b.example', name: 'x', role: 'king' },
  ])('is refused for %j', async (body) => {
    expect((await post('/accounts', body)).status).toBe(422);
  });
});

describe('an account that is disabled', () => {
  it('is out at once: sessions, tokens and password; the record says by whom', async () => {
    const session = await sample.people.cookieOf('operator');
    const token = await sample.people.tokenOf('operator', ['read']);
    const other = await sample.people.tokenOf('viewer', ['read']);
    expect((await change(emailOf('operator'), { disabled: true })).account?.disabledAt).not.toBeNull();
    expect([await mayStill(session), await mayStill(token), await mayStill(other)]).toEqual([false, false, true]);
    expect(await signIn(test.db, emailOf('operator'), SAMPLE_PASSWORD)).toBeNull();
    expect(await events(['account-disabled', 'token-revoked'])).toEqual([
      { verb: 'account-disabled', actor: emailOf('admin'), before: { disabled: false }, after: { disabled: true }, reason: null },
      { verb: 'token-revoked', actor: emailOf('admin'), before: { name: 'a token' }, after: null, reason: 'its account was disabled' },
    ]);
  }); // prettier-ignore

  it('comes back with its password, but not with the sessions and tokens that it had', async () => {
    const session = await sample.people.cookieOf('operator');
    const token = await sample.people.tokenOf('operator', ['read']);
    await change(emailOf('operator'), { disabled: true });
    expect((await change(emailOf('operator'), { disabled: false })).account?.disabledAt).toBeNull();
    expect([await mayStill(session), await mayStill(token)]).toEqual([false, false]);
    expect(await signIn(test.db, emailOf('operator'), SAMPLE_PASSWORD)).not.toBeNull();
  });

  it('does not wake up what a request under way left behind', async () => {
    await sample.people.cookieOf('operator');
    await change(emailOf('operator'), { disabled: true });
    const token = await sample.people.tokenOf('operator', ['read']);
    await change(emailOf('operator'), { disabled: false });
    expect(await mayStill(token)).toBe(false);
  });
});

describe('a role', () => {
  it('that is lowered ends sessions and tokens; one that is raised leaves them', async () => {
    const session = await sample.people.cookieOf('operator');
    const token = await sample.people.tokenOf('operator', ['read']);
    expect((await change(emailOf('operator'), { role: 'release-manager' })).account?.role).toBe(
      'release-manager',
    );
    expect([await mayStill(session), await mayStill(token)]).toEqual([true, true]);
    await change(emailOf('operator'), { role: 'viewer' });
    expect([await mayStill(session), await mayStill(token)]).toEqual([false, false]);
    expect(await events(['account-role-changed'])).toMatchObject([
      { actor: emailOf('admin'), before: { role: 'operator' }, after: { role: 'release-manager' } },
      { actor: emailOf('admin'), before: { role: 'release-manager' }, after: { role: 'viewer' } },
    ]);
  });

  it('is not changed by its owner, whichever way, nor by a token of theirs', async () => {
    await add('second@vendor.example', 'admin');
    const own = refusedBecause('nobody changes their own role: another administrator does');
    const token = await sample.people.tokenOf('admin', ['admin']);
    for (const headers of [admin, token])
      expect(await change(emailOf('admin'), { role: 'viewer' }, headers)).toMatchObject(own);
    expect(await mayStill(admin)).toBe(true);
  });
});

describe('the last administrator', () => {
  const last = refusedBecause(`${emailOf('admin')} is the last administrator: make another one first`);
  /** The machine's own account asks, for nobody may lower themselves anyway. */
  async function byMachine(body: AccountChange): Promise<object> {
    const account = { email: LOCAL_EMAIL, name: 'x', role: 'admin', passwordHash: '', mustChangePassword: false } as const;
    const machineId = (await machineAccountId(test.db)) ?? (await test.db.transaction().execute((tx) => createAccount(tx, account, 'x')));
    const result = await changeAccount(test.db, emailOf('admin'), body, { actor: 'x', accountId: machineId ?? '' });
    return 'refused' in result ? { status: 409, reasons: result.refused } : { status: 200 };
  } // prettier-ignore

  it('is neither disabled nor lowered, by themselves or by the machine', async () => {
    expect(await change(emailOf('admin'), { disabled: true })).toMatchObject(last);
    expect(await byMachine({ disabled: true })).toEqual(last);
    expect(await byMachine({ role: 'operator' })).toEqual(last);
    expect(await mayStill(admin)).toBe(true);
  });

  it('is still the last one beside another who is disabled', async () => {
    await add('second@vendor.example', 'admin');
    await change('second@vendor.example', { disabled: true });
    expect(await byMachine({ disabled: true })).toEqual(last);
    await change('second@vendor.example', { disabled: false });
    expect(await byMachine({ disabled: true })).toEqual({ status: 200 });
  });

  const bothDisabled = (): Promise<readonly object[]> =>
    Promise.all(
      [emailOf('admin'), 'second@vendor.example'].map((named) =>
        changeAccount(test.db, named, { disabled: true }, { actor: 'x', accountId: 'acc_x' }),
      ),
    );

  it('is left when two administrators disable each other at the same moment', async () => {
    await add('second@vendor.example', 'admin');
    let pending: ReturnType<typeof bothDisabled> = Promise.resolve([]);
    // Their rows are held until both are under way: neither has written when the other looks.
    await test.db.transaction().execute(async (tx) => {
      await sql`select 1 from account for update`.execute(tx);
      pending = bothDisabled();
      await untilWaitingOr(pending, 2);
    });
    const results = await pending;
    expect(results.filter((result) => 'refused' in result)).toHaveLength(1);
  });
});

describe('a password that an administrator replaces', () => {
  it('opens nothing any more, nor do its sessions; the new one opens its own replacement', async () => {
    const session = await sample.people.cookieOf('operator');
    const token = await sample.people.tokenOf('operator', ['read']);
    const { oneTimePassword } = await change(emailOf('operator'), { newPassword: true });
    expect([await mayStill(session), await mayStill(token)]).toEqual([false, true]);
    expect(await signIn(test.db, emailOf('operator'), SAMPLE_PASSWORD)).toBeNull();
    const signedIn = await signIn(test.db, emailOf('operator'), oneTimePassword ?? '');
    expect(signedIn?.caller.mustChangePassword).toBe(true);
    expect(await events(['account-password-reset'])).toMatchObject([{ actor: emailOf('admin') }]);
  });

  it.each(['password', 'account'])(
    'is not outrun by a sign-in that has compared it already (%s)',
    async (what) => {
      await sample.people.cookieOf('operator');
      const set =
        what === 'password' ? sql`password_hash = 'scrypt$16$1$1$AA$AA'` : sql`disabled_at = app_now()`;
      let pending: Promise<unknown> = Promise.resolve();
      await test.db.transaction().execute(async (tx) => {
        await sql`update account set ${set} where email = ${emailOf('operator')}`.execute(tx);
        pending = signIn(test.db, emailOf('operator'), SAMPLE_PASSWORD);
        await untilWaitingOr(pending);
      });
      expect(await pending).toBeNull();
    },
  );

  it('is not outrun by its owner, who replaces it at the same moment', async () => {
    const { cookie = '' } = await sample.people.cookieOf('operator');
    const caller = await findSession(test.db, cookie.slice(cookie.indexOf('=') + 1));
    if (caller === null) throw new Error('the operator has no session');
    let pending: Promise<unknown> = Promise.resolve();
    await test.db.transaction().execute(async (tx) => {
      await sql`update account set password_hash = 'scrypt$16$1$1$AA$AA' where id = ${caller.accountId}`.execute(
        tx,
      );
      pending = changePassword(test.db, caller, SAMPLE_PASSWORD, 'a password of my own');
      await untilWaitingOr(pending);
    });
    expect(await pending).toBeNull();
  });
});

/** Until so many wait for a lock in this database, or have got past it. */
async function untilWaitingOr(pending: Promise<unknown>, count = 1): Promise<void> {
  const over = pending.then(() => true);
  const waiting = sql`
    select 1 from pg_locks l join pg_stat_activity a using (pid)
     where not l.granted and a.datname = current_database()`;
  for (;;) {
    const seen = waiting.execute(test.db).then(({ rows }) => rows.length >= count);
    if (await Promise.race([over, seen])) return;
  }
}

describe('a change', () => {
  it('is made whole or not at all', async () => {
    await sample.people.cookieOf('operator');
    const refused = await change(emailOf('operator'), { role: 'viewer', disabled: false, newPassword: true });
    expect(refused).toMatchObject(refusedBecause(`${emailOf('operator')} is enabled already`));
    expect(await events(['account-role-changed', 'account-password-reset'])).toEqual([]);
    expect(await signIn(test.db, emailOf('operator'), SAMPLE_PASSWORD)).not.toBeNull();
  });

  it('of the account of the machine is refused: it has no password', async () => {
    const account = { email: LOCAL_EMAIL, name: 'x', role: 'admin', passwordHash: '', mustChangePassword: false } as const;
    await test.db.transaction().execute((tx) => createAccount(tx, account, 'a test'));
    for (const body of [{ disabled: true }, { role: 'viewer' }, { newPassword: true }] as const)
      expect(await change(LOCAL_EMAIL, body)).toMatchObject({ status: 409, reasons: [expect.stringContaining('machine')] });
  }); // prettier-ignore

  it('of nothing, of nobody, and of another kind of thing is refused', async () => {
    expect((await change(emailOf('admin'), {})).status).toBe(422);
    expect((await change('nobody@vendor.example', { disabled: true })).status).toBe(404);
    expect((await change('run_x', { disabled: true })).status).toBe(422);
  });
});
