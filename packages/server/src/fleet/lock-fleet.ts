/** One at a time changes what the fleet is: two people who apply at once, or apply and pin, each see the other's word. */
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';

/** Any constant will do; it must only never be used for something else in the same database. */
const FLEET_LOCK = 7_431_906;

/** Waits until nobody else changes the fleet; released at the end of the transaction. */
export async function lockFleet(tx: Transaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(${FLEET_LOCK})`.execute(tx);
}
