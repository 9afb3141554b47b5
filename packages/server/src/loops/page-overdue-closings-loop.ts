/**
 * Maintenance is a lease with an owner (semantics 11): a site that stays closed longer than its steps and the way back should
 * have taken pages a person, whatever its run is doing and whether or not a worker is alive. It never opens a site.
 */
import { forecastClosedMs, forecastWayBackMs } from '@sitelift/domain/run/forecast.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { saveNotice } from '../db/outbox-store.ts';
import { loadHistory } from '../engine/load-start-facts.ts';

/** A forecast is a forecast: nobody is called for less than this, milliseconds. */
const LEAST_LEASE_MS = 10 * 60_000;

interface ClosedRun {
  readonly id: string;
  readonly plan: RunPlan;
  readonly closed_at: Date;
  readonly now: Date;
  readonly state: string;
  readonly current_step: string | null;
}

/** How long the page may be up before somebody is called: the closed stretch and the way back at their p95. */
async function leaseMs(tx: Transaction, plan: RunPlan): Promise<number> {
  const history = await loadHistory(tx, plan.product);
  return Math.max(LEAST_LEASE_MS, forecastClosedMs(plan, history) + forecastWayBackMs(plan, history));
}

/** One pass; resolves to how many people were paged. Once per run: the notice's key says so. */
export async function pageOverdueClosings(
  db: Database,
  settings: { readonly staffEmail: string | null; readonly publicUrl: string },
): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<ClosedRun>`
      select id, plan, closed_at, app_now() as now, state, current_step from run
       where ended_at is null and site_open = false and closed_at is not null
         and not exists (select from event e where e.object_kind = 'run' and e.object_id = run.id
                          and e.verb = 'maintenance-overdue')
         for update skip locked`.execute(tx);
    let paged = 0;
    for (const run of rows) {
      const closedMs = run.now.getTime() - run.closed_at.getTime();
      const leased = await leaseMs(tx, run.plan);
      if (closedMs <= leased) continue;
      paged += 1;
      const { slug, url } = run.plan.instance;
      const minutes = Math.round(closedMs / 60_000);
      await recordEvent(tx, {
        actor: 'engine',
        verb: 'maintenance-overdue',
        object: { kind: 'run', id: run.id },
        customerId: run.plan.customer.id,
        before: null,
        after: { closedAt: run.closed_at.toISOString(), leaseMs: leased },
        reason: `closed for ${minutes} min, ${Math.round(leased / 60_000)} min were expected at most`,
      });
      if (settings.staffEmail === null) continue;
      await saveNotice(tx, {
        key: `${run.id}/maintenance-overdue/${settings.staffEmail}`,
        event: 'maintenance-overdue',
        recipient: settings.staffEmail,
        customerId: run.plan.customer.id,
        runId: run.id,
        subject: `${slug} has been closed for ${minutes} min`,
        body: [
          `${url} shows the maintenance page since ${run.closed_at.toISOString()} (UTC), longer than its upgrade should take.`,
          `Its run is ${run.state}${run.current_step === null ? '' : `, at ${run.current_step}`}. Nothing opens the site by itself before the run is done.`,
          `${settings.publicUrl}/runs/${run.id}`,
        ].join('\n'),
      });
    }
    return paged;
  });
}
