/** An upgrade that was taken back leaves its pair behind, beside the hold: see `planning/known-bad-pair.ts` of the domain. */
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';
import type { RunHandle } from './run-store.ts';

export async function saveBadPair(tx: Transaction, { plan, state, runId }: RunHandle): Promise<void> {
  // A person who cancels has found nothing bad in it.
  if (state.ended?.state !== 'rolled-back' && state.ended?.state !== 'recovered') return;
  await sql`
    insert into known_bad_pair (instance_id, from_version, release_id, playbook_digest, run_id, reason)
    values (${plan.instance.id}, ${plan.from.version}, ${plan.to.releaseId}, ${plan.playbook.digest}, ${runId},
            ${state.endingReason ?? ''})
    on conflict (instance_id, from_version, release_id, playbook_digest) do update
      set run_id = excluded.run_id, reason = excluded.reason, since_at = app_now(),
          lifted_at = null, lifted_by = null, lift_reason = null`.execute(tx);
}
