/**
 * Secrets in the database: sealed, versioned, write-only. They can be set, listed by name, and opened for an action that
 * declared them; there is no way to read one back for a person. A new value is a new version; older ones stay until
 * rotation removes them.
 */
import { isId } from '@sitelift/domain/ids.ts';
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { checkSecretName, checkSecretValue } from './check-secret.ts';
import type { RootKey } from './key-file.ts';
import { fingerprintSecret, SEALER, unsealSecret, sealSecret, type Sealer } from './seal.ts';

/** The vendor's own; a customer's secret of the same name goes before it. */
export const VENDOR_SCOPE = '';
/** No name of a person's can be this one: it begins with a dot. */
const CANARY = '.canary';
const CANARY_BYTES = 24;

export interface NewSecret {
  /** `''` for the vendor, or a customer's id. */
  readonly scope: string;
  readonly name: string;
  readonly value: string;
  readonly actor: string;
}

export type SetSecretResult =
  | { readonly kind: 'set'; readonly version: number; readonly fingerprint: string }
  | {
      readonly kind: 'refused';
      readonly code: 'secret-unmaskable' | 'secret-name-invalid';
      readonly reasons: readonly string[];
    };

export interface SecretListing {
  readonly scope: string;
  readonly name: string;
  /** The newest; earlier ones count down to 1. */
  readonly version: number;
  readonly fingerprint: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  /** Since the newest version was set, milliseconds. */
  readonly ageMs: number;
}

async function inTransaction<T>(
  db: Database | Transaction,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return db.isTransaction ? work(db as Transaction) : db.transaction().execute(work); // as: it says so itself
}

/** Seals a new version and records that it was set, by whom, without the value. */
export async function setSecret(
  db: Database | Transaction,
  root: RootKey,
  secret: NewSecret,
): Promise<SetSecretResult> {
  const { scope, name, value, actor } = secret;
  if (scope !== VENDOR_SCOPE && !isId('cust', scope))
    throw new Error('a secret belongs to the vendor or to a customer');
  const named = checkSecretName(name);
  if (!named.ok) return { kind: 'refused', code: 'secret-name-invalid', reasons: named.reasons };
  const checked = checkSecretValue(value);
  if (!checked.ok) return { kind: 'refused', code: 'secret-unmaskable', reasons: checked.reasons };
  return inTransaction(db, async (tx) => {
    // Two who set the same name at once get two versions, in some order.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`secret/${scope}/${name}`}, 0))`.execute(tx);
    const { rows } = await sql<{ version: number; fingerprint: string }>`
      select version, fingerprint from secret where scope = ${scope} and name = ${name} order by version desc limit 1`.execute(
      tx,
    );
    const before = rows[0] ?? null;
    const version = (before?.version ?? 0) + 1;
    const fingerprint = fingerprintSecret(root, scope, value);
    const sealed = sealSecret(root, { scope, name, version }, value);
    await sql`
      insert into secret (scope, name, version, ciphertext, key_id, fingerprint, created_by)
      values (${scope}, ${name}, ${version}, ${sealed}, ${root.id}, ${fingerprint}, ${actor})`.execute(tx);
    await recordEvent(tx, {
      actor,
      verb: 'secret-set',
      object: { kind: 'secret', id: name },
      customerId: scope === VENDOR_SCOPE ? null : scope,
      before,
      after: { version, fingerprint, keyId: root.id },
      reason: null,
    });
    return { kind: 'set', version, fingerprint };
  });
}

interface SealedRow {
  readonly scope: string;
  readonly version: number;
  readonly ciphertext: Buffer;
  readonly key_id: string;
}

/** The customer's own secret of this name, else the vendor's. Throws with what to do when there is none or it does not open. */
export async function openSecret(
  db: Database | Transaction,
  root: RootKey,
  customerId: string | null,
  name: string,
): Promise<string> {
  const { rows } = await sql<SealedRow>`
    select scope, version, ciphertext, key_id from secret
     where name = ${name} and scope in (${VENDOR_SCOPE}, ${customerId ?? VENDOR_SCOPE})
     order by scope desc, version desc limit 1`.execute(db);
  const [row] = rows;
  if (row === undefined)
    throw new Error(`there is no secret named ${name}: set it with "sitelift secret set ${name}"`);
  if (row.key_id !== root.id)
    throw new Error(
      `secret ${name} was sealed with key ${row.key_id} and this server has ${root.id}: put back the key file that it was sealed with`,
    );
  return unsealSecret(root, { scope: row.scope, name, version: row.version }, row.ciphertext);
}

/** What there is, by name. Never a value. */
export async function listSecrets(
  db: Database | Transaction,
  scope?: string,
): Promise<readonly SecretListing[]> {
  const { rows } = await sql<Omit<SecretListing, 'ageMs'> & { readonly age: string }>`
    select distinct on (scope, name) scope, name, version, fingerprint, created_at as "createdAt", created_by as "createdBy",
           (extract(epoch from app_now() - created_at) * 1000)::bigint::text as age
      from secret where ${scope === undefined ? sql`true` : sql`scope = ${scope}`}
     order by scope, name, version desc`.execute(db);
  return rows.map(({ age, ...row }) => ({ ...row, ageMs: Number(age) }));
}

/**
 * Proof at start that secrets are stored sealed: a canary goes through the very path that a secret takes, and the raw row is
 * looked at. Throws when its bytes are plain in any way, when the key's name is wrong, when it does not open again, or when
 * secrets are there that this key cannot open. The server does not start then.
 */
export async function proveSecrets(db: Database, root: RootKey, sealer: Sealer = SEALER): Promise<void> {
  const canary = randomBytes(CANARY_BYTES).toString('base64url');
  const what = { scope: VENDOR_SCOPE, name: CANARY, version: 1 };
  const row = await db.transaction().execute(async (tx) => {
    await sql`delete from secret where scope = ${what.scope} and name = ${CANARY}`.execute(tx);
    await sql`
      insert into secret (scope, name, version, ciphertext, key_id, fingerprint, created_by)
      values (${what.scope}, ${CANARY}, ${what.version}, ${sealer.seal(root, what, canary)}, ${root.id}, '', 'system')`.execute(
      tx,
    );
    const { rows } = await sql<SealedRow>`
      select scope, version, ciphertext, key_id from secret where scope = ${what.scope} and name = ${CANARY}`.execute(
      tx,
    );
    await sql`delete from secret where scope = ${what.scope} and name = ${CANARY}`.execute(tx);
    return rows[0];
  });
  if (row === undefined) throw new Error('the canary secret was written and is not there');
  const stored = row.ciphertext;
  for (const form of ['utf8', 'base64', 'base64url', 'hex'] as const) {
    if (stored.includes(Buffer.from(canary).toString(form)))
      throw new Error('secrets would be stored in plain: refusing to start');
  }
  if (row.key_id !== root.id)
    throw new Error('a secret was stored under the name of another key: refusing to start');
  if (sealer.unseal(root, what, stored) !== canary)
    throw new Error('a stored secret does not come back: refusing to start');
  const others = await sql<{ key_id: string; n: number }>`
    select key_id, count(*)::int as n from secret where key_id <> ${root.id} group by key_id`.execute(db);
  const [other] = others.rows;
  if (other !== undefined)
    throw new Error(
      `${other.n} secrets were sealed with key ${other.key_id} and this data directory has ${root.id}: ` +
        'put back the key file that belongs to this database',
    );
}
