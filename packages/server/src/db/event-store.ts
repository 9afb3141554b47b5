/**
 * The audit trail: every decision with who, when, before and after, written in the transaction of the change itself (I-39).
 * Append-only, with one hash chain per customer ('' is the vendor's own): entry hash = SHA-256(previous hash + canonical JSON).
 */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { sql } from 'kysely';
import { decisionNow } from './clock.ts';
import type { Database, Transaction } from './database.ts';

export interface AuditEvent {
  readonly actor: string;
  /** Kebab-case, past what was done: `upgrade-planned`, `run-cancel`. */
  readonly verb: string;
  readonly object: { readonly kind: string; readonly id: string };
  readonly customerId: string | null;
  readonly before: unknown;
  readonly after: unknown;
  readonly reason: string | null;
}

interface ChainEntry {
  readonly chain: string;
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly verb: string;
  readonly objectKind: string;
  readonly objectId: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly reason: string | null;
}

function hashEntry(previous: string, entry: ChainEntry): string {
  return createHash('sha256')
    .update(previous)
    .update(canonicalize(entry) ?? '')
    .digest('hex');
}

/** What JSON keeps of a value: the hash must be of what is read back. */
function asStored(value: unknown): unknown {
  return value === undefined || value === null ? null : JSON.parse(JSON.stringify(value));
}

export function recordEvent(tx: Transaction, event: AuditEvent): Promise<void> {
  return recordEvents(tx, [event]);
}

/** Many at once, in their order, at the cost of one: a fleet of a thousand instances is applied in one go. */
export async function recordEvents(tx: Transaction, events: readonly AuditEvent[]): Promise<void> {
  const chains = [...new Set(events.map(({ customerId }) => customerId ?? ''))].sort();
  await sql`
    insert into event_chain (chain, last_seq, last_hash) select unnest(${chains}::text[]), 0, ''
    on conflict do nothing`.execute(tx);
  // In order of their names, so that two transactions that write to the same chains do not wait for each other.
  const { rows } = await sql<{ chain: string; last_seq: number; last_hash: string }>`
    select chain, last_seq, last_hash from event_chain where chain = any(${chains}) order by chain for update`.execute(
    tx,
  );
  const heads = new Map(rows.map(({ chain, last_seq: seq, last_hash: hash }) => [chain, { seq, hash }]));
  const at = new Date(await decisionNow(tx)).toISOString();
  const records = events.map((event) => {
    const chain = event.customerId ?? '';
    const head = heads.get(chain) ?? { seq: 0, hash: '' };
    const { actor, verb, object, reason, customerId } = event;
    const [before, after] = [asStored(event.before), asStored(event.after)];
    const seq = head.seq + 1;
    const entry = {
      chain,
      seq,
      at,
      actor,
      verb,
      objectKind: object.kind,
      objectId: object.id,
      before,
      after,
      reason,
    };
    const hash = hashEntry(head.hash, entry);
    heads.set(chain, { seq, hash });
    return { ...entry, customerId, previous: head.hash, hash };
  });
  await sql`
    insert into event (chain, chain_seq, at, actor, verb, object_kind, object_id, customer_id, before, after, reason, prev_hash, hash)
    select chain, seq, at, actor, verb, "objectKind", "objectId", "customerId", before, after, reason, previous, hash
      from jsonb_to_recordset(${JSON.stringify(records)}::jsonb)
        as x (chain text, seq integer, at timestamptz, actor text, verb text, "objectKind" text, "objectId" text,
              "customerId" text, before jsonb, after jsonb, reason text, previous text, hash text)
     order by chain, seq`.execute(tx);
  const moved = [...heads].map(([chain, { seq, hash }]) => ({ chain, seq, hash }));
  await sql`
    update event_chain c set last_seq = x.seq, last_hash = x.hash
      from jsonb_to_recordset(${JSON.stringify(moved)}::jsonb) as x (chain text, seq integer, hash text)
     where c.chain = x.chain`.execute(tx);
}

export type ChainVerdict =
  | { readonly intact: true; readonly events: number }
  | { readonly intact: false; readonly chain: string; readonly seq: number; readonly problem: string };

/** Walks every chain, or one customer's, and names the first bad event. */
export async function verifyEventChain(db: Database, chain?: string): Promise<ChainVerdict> {
  const { rows } = await sql<{
    chain: string;
    chain_seq: number;
    at: Date;
    actor: string;
    verb: string;
    object_kind: string;
    object_id: string;
    before: unknown;
    after: unknown;
    reason: string | null;
    prev_hash: string;
    hash: string;
  }>`select * from event where ${chain === undefined ? sql`true` : sql`chain = ${chain}`} order by chain, chain_seq`.execute(
    db,
  );
  const heads = await sql<{
    chain: string;
    last_seq: number;
    last_hash: string;
  }>`select * from event_chain`.execute(db);
  const last = new Map<string, { seq: number; hash: string }>();
  for (const row of rows) {
    const previous = last.get(row.chain) ?? { seq: 0, hash: '' };
    const bad = (problem: string): ChainVerdict => ({
      intact: false,
      chain: row.chain,
      seq: row.chain_seq,
      problem,
    });
    if (row.chain_seq !== previous.seq + 1) return bad(`event ${previous.seq + 1} is missing`);
    const entry = { chain: row.chain, seq: row.chain_seq, at: row.at.toISOString(), actor: row.actor, verb: row.verb, objectKind: row.object_kind, objectId: row.object_id, before: row.before, after: row.after, reason: row.reason }; // prettier-ignore
    if (row.prev_hash !== previous.hash || hashEntry(previous.hash, entry) !== row.hash)
      return bad('it was altered');
    last.set(row.chain, { seq: row.chain_seq, hash: row.hash });
  }
  for (const head of heads.rows) {
    if (chain !== undefined && head.chain !== chain) continue;
    const seen = last.get(head.chain) ?? { seq: 0, hash: '' };
    if (seen.seq !== head.last_seq || seen.hash !== head.last_hash) {
      return {
        intact: false,
        chain: head.chain,
        seq: seen.seq + 1,
        problem: 'the chain was cut off at its end',
      };
    }
  }
  return { intact: true, events: rows.length };
}
