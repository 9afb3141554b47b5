import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../db/new-id.ts';
import { verifyEventChain } from '../db/event-store.ts';
import { createTestDatabase, type TestDatabase } from '../db/test-database.ts';
import { checkSecretValue } from './check-secret.ts';
import { KEY_FILE, openRootKey, rootKeyFrom } from './key-file.ts';
import { sealSecret, unsealSecret } from './seal.ts';
import { secretForms } from './secret-forms.ts';
import { listSecrets, openSecret, proveSecrets, setSecret } from './secret-store.ts';

const root = rootKeyFrom(randomBytes(32));
const other = rootKeyFrom(randomBytes(32));

describe('the key file', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sitelift-key-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('is made once, for us alone, also when two servers start at once', async () => {
    const keys = await Promise.all([openRootKey(dir), openRootKey(dir), openRootKey(dir)]);
    expect(new Set(keys.map((key) => key.id)).size).toBe(1);
    const facts = await stat(join(dir, KEY_FILE));
    expect([facts.mode & 0o777, facts.size]).toEqual([0o600, 32]);
    expect((await openRootKey(dir)).id).toBe(keys[0]?.id);
  });

  it.each([0o640, 0o604, 0o610, 0o666])('is refused with mode %o', async (mode) => {
    await chmod(join(dir, KEY_FILE), mode);
    await expect(openRootKey(dir)).rejects.toThrow('others may read the key file');
    await chmod(join(dir, KEY_FILE), 0o600);
  });

  it('is refused with another length, as a link, as a directory', async () => {
    const path = join(dir, KEY_FILE);
    const bytes = await readFile(path);
    for (const wrong of [bytes.subarray(1), Buffer.concat([bytes, Buffer.of(10)]), Buffer.alloc(0)]) {
      await writeFile(path, wrong);
      await expect(openRootKey(dir)).rejects.toThrow('not 32: it is damaged');
    }
    await rm(path);
    await writeFile(join(dir, 'elsewhere'), bytes, { mode: 0o600 });
    await symlink(join(dir, 'elsewhere'), path);
    await expect(openRootKey(dir)).rejects.toThrow('is a link');
  });
});

describe('a sealed secret', () => {
  const what = { scope: '', name: 'db', version: 1 };

  it('comes back for what it was sealed for, and for nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (value) => {
        const sealed = sealSecret(root, what, value.toWellFormed());
        expect(unsealSecret(root, what, sealed)).toBe(value.toWellFormed());
      }),
    );
    const sealed = sealSecret(root, what, 'a secret value');
    for (const wrong of [
      { ...what, scope: 'cust_x' },
      { ...what, name: 'dc' },
      { ...what, version: 2 },
    ])
      expect(() => unsealSecret(root, wrong, sealed)).toThrow('does not open');
    expect(() => unsealSecret(other, what, sealed)).toThrow('does not open');
  });

  it('does not open after any one bit was changed, and says nothing of its value', () => {
    const sealed = sealSecret(root, what, 'a secret value');
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(() => unsealSecret(root, what, changed)).toThrow(/^((?!a secret value).)*$/);
    }
    expect(() => unsealSecret(root, what, sealed.subarray(0, 40))).toThrow('format');
  });

  it('is never the same twice', () => {
    expect(sealSecret(root, what, 'same')).not.toEqual(sealSecret(root, what, 'same'));
  });
});

describe('what may be a secret', () => {
  it.each([
    ['short', 'fewer than 8 characters'],
    ['   abc1   ', 'fewer than 8 characters'],
    ['aaaaaaaaaaaa', 'different characters'],
    ['{"user":"x","password":"hunter22"}', 'whole JSON or YAML document'],
    ['["hunter22","hunter23"]', 'whole JSON or YAML document'],
    ['user: x\npassword: hunter22\n', 'whole JSON or YAML document'],
    ['- hunter22\n- hunter23', 'whole JSON or YAML document'],
    ['x'.repeat(20_000), 'more than 16384'],
    ['with\0nul-in-it', 'NUL'],
  ])('refused: %j', (value, words) => {
    const verdict = checkSecretValue(value);
    expect(verdict.ok ? [] : verdict.reasons).toEqual(
      expect.arrayContaining([expect.stringContaining(words)]),
    );
  });

  it.each([
    'correct horse battery staple',
    '{looks like [a bracket',
    'postgres://shop:s3cr3t@db:5432/x',
    '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEabcdefgh\n-----END RSA PRIVATE KEY-----',
    'a:b:c:d:e:f',
  ])('accepted: %j', (value) => {
    expect(checkSecretValue(value)).toEqual({ ok: true });
  });
});

describe('the secret store', () => {
  let test: TestDatabase;
  const north = newId('cust');
  const south = newId('cust');
  beforeAll(async () => {
    test = await createTestDatabase();
    for (const [id, slug] of [
      [north, 'north'],
      [south, 'south'],
    ] as const)
      await sql`insert into customer (id, slug, name) values (${id}, ${slug}, ${slug})`.execute(test.db);
  });
  afterAll(() => test.drop());
  const set = (scope: string, name: string, value: string) =>
    setSecret(test.db, root, { scope, name, value, actor: 'eva' });

  it('gives the customer its own, else the vendor’s, always the newest', async () => {
    await set('', 'mail', 'the-vendors-own');
    await set(north, 'mail', 'the-first-of-north');
    expect(await set(north, 'mail', 'the-second-of-north')).toMatchObject({ kind: 'set', version: 2 });
    expect(await openSecret(test.db, root, north, 'mail')).toBe('the-second-of-north');
    expect(await openSecret(test.db, root, south, 'mail')).toBe('the-vendors-own');
    expect(await openSecret(test.db, root, null, 'mail')).toBe('the-vendors-own');
    await expect(openSecret(test.db, root, north, 'nosuch')).rejects.toThrow('sitelift secret set nosuch');
  });

  it('two who set the same name at once both end well', async () => {
    const results = await Promise.all(
      ['value-number-1', 'value-number-2', 'value-number-3'].map((value) => set('', 'race', value)),
    );
    expect(
      results.map((result) => (result.kind === 'set' ? result.version : 0)).sort((a, b) => a - b),
    ).toEqual([1, 2, 3]);
  });

  it('a row that is copied to another customer does not open', async () => {
    await set(north, 'own', 'only-for-north');
    await sql`insert into secret select ${south}, name, version, ciphertext, key_id, fingerprint, created_at, created_by from secret where scope = ${north} and name = 'own'`.execute(
      test.db,
    );
    await expect(openSecret(test.db, root, south, 'own')).rejects.toThrow('does not open');
    await sql`delete from secret where scope = ${south}`.execute(test.db);
  });

  it('refuses what cannot be hidden, and names that are none', async () => {
    expect(await set('', 'short', 'abc')).toMatchObject({ kind: 'refused', code: 'secret-unmaskable' });
    expect(await set('', 'No Name', 'long-enough-value')).toMatchObject({
      kind: 'refused',
      code: 'secret-name-invalid',
    });
    await expect(set('cust_nonsense', 'x', 'long-enough-value')).rejects.toThrow(
      'belongs to the vendor or to a customer',
    );
    expect((await listSecrets(test.db)).map((entry) => entry.name)).not.toContain('short');
  });

  it('lists names, versions, ages and fingerprints', async () => {
    await test.skipTime(5_000);
    const [entry] = await listSecrets(test.db, north);
    expect(entry).toMatchObject({
      scope: north,
      name: 'mail',
      version: 2,
      createdBy: 'eva',
      fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
    });
    expect(entry?.ageMs).toBeGreaterThanOrEqual(5_000);
  });

  it('a set is on the audit trail, and no form of the value is anywhere in the database', async () => {
    const value = 'Canary-of-the-leak-test/1 ü';
    await set(north, 'leak', value);
    expect(await verifyEventChain(test.db)).toMatchObject({ intact: true });
    const { rows } = await sql<{ verb: string }>`select verb from event where object_id = 'leak'`.execute(
      test.db,
    );
    expect(rows).toEqual([{ verb: 'secret-set' }]);
    const tables = await sql<{
      name: string;
    }>`select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(
      test.db,
    );
    expect(tables.rows.length).toBeGreaterThan(10);
    let text = '';
    for (const { name } of tables.rows) {
      const dump = await sql<{
        text: string;
      }>`select coalesce(string_agg(t::text, ' '), '') as text from ${sql.raw(name)} t`.execute(test.db);
      text += dump.rows[0]?.text ?? '';
    }
    expect(text).toContain('secret-set');
    for (const form of secretForms(value)) expect(text).not.toContain(form);
  });

  it('a transaction that fails leaves no secret', async () => {
    await expect(
      test.db.transaction().execute(async (tx) => {
        await setSecret(tx, root, { scope: '', name: 'undone', value: 'long-enough-value', actor: 'eva' });
        throw new Error('on purpose');
      }),
    ).rejects.toThrow('on purpose');
    await expect(openSecret(test.db, root, null, 'undone')).rejects.toThrow('there is no secret');
  });

  it('the proof at start passes, leaves nothing behind, and fails when the cipher is none', async () => {
    const before = await listSecrets(test.db);
    await proveSecrets(test.db, root);
    expect((await listSecrets(test.db)).map((entry) => entry.name)).toEqual(
      before.map((entry) => entry.name),
    );
    const unseal = unsealSecret;
    const plain = { seal: (_: unknown, __: unknown, value: string) => Buffer.from(value), unseal };
    await expect(proveSecrets(test.db, root, plain)).rejects.toThrow('stored in plain');
    const encoded = {
      seal: (_: unknown, __: unknown, value: string) => Buffer.from(Buffer.from(value).toString('base64')),
      unseal,
    };
    await expect(proveSecrets(test.db, root, encoded)).rejects.toThrow('stored in plain');
    const deaf = { seal: sealSecret, unseal: () => 'something else' };
    await expect(proveSecrets(test.db, root, deaf)).rejects.toThrow('does not come back');
  });

  it('a server with another key file does not start over secrets that it cannot open', async () => {
    await expect(proveSecrets(test.db, other)).rejects.toThrow('put back the key file');
    await expect(openSecret(test.db, other, null, 'mail')).rejects.toThrow('put back the key file');
  });
});
