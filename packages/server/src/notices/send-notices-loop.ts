/**
 * Empties the outbox: claims what is due, sends it, marks what became of it. Any number of processes may do so at once, and
 * one may die in the middle: a claimed notice comes back by itself. A server that is away stops the pass, so that an hour
 * without mail costs one try per pause and not one per notice.
 */
import type { Database } from '../db/database.ts';
import { claimDueNotices, markNoticeFailed, markNoticeSent, type DueNotice } from '../db/outbox-store.ts';
import type { Delivery, NoticeSender } from './send-notice.ts';

/** Claimed at once, sent one after another. Were they to take longer than a claim lasts (120 s), some would be sent twice. */
const BATCH = 20;
/** First retry after this; doubled each time up to the limit; milliseconds. */
const RETRY_MS = 30_000;
const RETRY_LIMIT_MS = 3_600_000;
/** About three days of tries: a notice of a night has lost its meaning by then. */
const MAX_ATTEMPTS = 78;

export interface NoticesPass {
  readonly sent: number;
  readonly later: number;
  readonly undeliverable: number;
}

/** How long until the next try of a notice that was tried `attempts` times. */
export function retryPauseMs(attempts: number): number {
  return Math.min(RETRY_LIMIT_MS, RETRY_MS * 2 ** Math.max(0, attempts - 1));
}

async function mark(db: Database, notice: DueNotice, delivery: Delivery): Promise<keyof NoticesPass> {
  switch (delivery.kind) {
    case 'sent':
      await markNoticeSent(db, notice.id);
      return 'sent';
    case 'undeliverable':
      await markNoticeFailed(db, notice.id, delivery.reason, null);
      return 'undeliverable';
    case 'later': {
      const givenUp = notice.attempts >= MAX_ATTEMPTS;
      const reason = givenUp
        ? `given up after ${notice.attempts} tries: ${delivery.reason}`
        : delivery.reason;
      await markNoticeFailed(db, notice.id, reason, givenUp ? null : retryPauseMs(notice.attempts));
      return givenUp ? 'undeliverable' : 'later';
    }
    default:
      return delivery satisfies never;
  }
}

/** One pass; resolves to what became of how many. */
export async function sendNoticesOnce(db: Database, sender: NoticeSender): Promise<NoticesPass> {
  const pass = { sent: 0, later: 0, undeliverable: 0 };
  let away: Delivery | null = null;
  for (const notice of await claimDueNotices(db, BATCH)) {
    const delivery: Delivery = away ?? (await sender.send(notice));
    if (delivery.kind === 'later' && delivery.serverAway) away = delivery;
    pass[await mark(db, notice, delivery)] += 1;
  }
  return pass;
}
