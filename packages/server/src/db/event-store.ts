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

export async function recordEvent(tx: Transaction, event: AuditEvent): Promise<void> {
  const chain = event.customerId ?? '';
  await sql`insert into event_chain (chain, last_seq, last_hash) values (${chain}, 0, '') on conflict do nothing`.execute(
    tx,
  );
  const { rows } = await sql<{ last_seq: number; last_hash: string }>`
    select last_seq, last_hash from event_chain where chain = ${chain} for update`.execute(tx);
  const head = rows[0] ?? { last_seq: 0, last_hash: '' };
  const at = new Date(await decisionNow(tx));
  const before = asStored(event.before);
  const after = asStored(event.after);
  const seq = head.last_seq + 1;
  const { actor, verb, object, reason } = event;
  const entry = {
    chain,
    seq,
    at: at.toISOString(),
    actor,
    verb,
    objectKind: object.kind,
    objectId: object.id,
    before,
    after,
    reason,
  };
  const hash = hashEntry(head.last_hash, entry);
  await sql`
    insert into event (chain, chain_seq, at, actor, verb, object_kind, object_id, customer_id, before, after, reason, prev_hash, hash)
    values (${chain}, ${seq}, ${at}, ${actor}, ${verb}, ${object.kind}, ${object.id}, ${event.customerId},
            ${JSON.stringify(before)}::jsonb, ${JSON.stringify(after)}::jsonb, ${reason}, ${head.last_hash}, ${hash})`.execute(
    tx,
  );
  await sql`update event_chain set last_seq = ${seq}, last_hash = ${hash} where chain = ${chain}`.execute(tx);
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
