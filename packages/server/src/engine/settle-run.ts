/**
 * What follows from the end of a run, in the transaction that ends it: the instance is free again, what it runs is
 * recorded, and an upgrade that did not succeed holds its instance for that release, so that no night blindly tries again
 * (E27, E28; a roll-back means that the target is held).
 */
import type { HoldKind } from '@sitelift/domain/fleet/fleet.ts';
import { findStep } from '@sitelift/domain/run/apply-event.ts';
import type { TerminalState } from '@sitelift/domain/run/events.ts';
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';
import { recordEvent } from '../db/event-store.ts';
import { newId } from '../db/new-id.ts';
import { saveNotice } from '../db/outbox-store.ts';
import { saveBadPair } from './known-bad-pair.ts';
import type { HandedEvent } from './pg-run-store.ts';
import type { RunHandle } from './run-store.ts';

/** Which hold an end leaves behind; null leaves none. */
const HOLD_AFTER: Readonly<Record<TerminalState, HoldKind | null>> = {
  succeeded: null,
  'rolled-back': 'rolled-back',
  recovered: 'rolled-back',
  failed: 'upgrade-failed',
  aborted: 'upgrade-failed',
  cancelled: 'by-hand',
};

export interface SettleDeps {
  /** Who on the vendor's side hears of an upgrade that did not succeed; null: nobody is configured. */
  readonly staffEmail: string | null;
  readonly publicUrl: string;
}

export async function settleRun(tx: Transaction, run: RunHandle, deps: SettleDeps): Promise<void> {
  const { plan, state, upgradeId, runId } = run;
  const { ended } = state;
  if (ended === null) return;
  await sql`update upgrade set ended_at = app_now() where id = ${upgradeId}`.execute(tx);
  await sql`update instance_claim set released_at = app_now() where upgrade_id = ${upgradeId} and released_at is null`.execute(
    tx,
  );
  // Runs of the customer's other environments that wait for this one are due; who is busy with them is not waited for.
  await sql`
    update run set wake_at = app_now()
     where leased_by is null and ended_at is null and id in (
       select run_id from run_step where state = 'waiting' and waits_for @> array[${`upgrade:${plan.instance.id}`}])`.execute(
    tx,
  );
  const seen = state.observed?.site ?? null;
  const installed = ended.state === 'succeeded' ? plan.to.version : plan.from.version;
  const observedAt = new Date(ended.at);
  await sql`
    update instance set recorded_version = ${installed},
      observed_version = coalesce(${seen?.version ?? null}, observed_version),
      observed_healthy = coalesce(${seen?.healthy ?? null}, observed_healthy),
      observed_problem = ${seen?.problem ?? null},
      observed_open = coalesce(${ended.siteOpen}, observed_open),
      observed_slot = coalesce(${ended.state === 'succeeded' ? (plan.slots?.staging ?? null) : (plan.slots?.live ?? null)}, observed_slot),
      observed_at = case when ${seen !== null} then ${observedAt} else observed_at end
    where id = ${plan.instance.id}`.execute(tx);
  const why = state.endingReason ?? '';
  const hold = HOLD_AFTER[ended.state];
  if (hold !== null) {
    await sql`
      insert into hold (id, instance_id, kind, reason, release_id, upgrade_id)
      values (${newId('hold')}, ${plan.instance.id}, ${hold}, ${why}, ${plan.to.releaseId}, ${upgradeId})`.execute(
      tx,
    );
  }
  await saveBadPair(tx, run);
  await recordEvent(tx, {
    actor: 'engine',
    verb: `upgrade-${ended.state}`,
    object: { kind: 'upgrade', id: upgradeId },
    customerId: plan.customer.id,
    before: { version: plan.from.version },
    after: { version: installed, run: runId, siteOpen: ended.siteOpen, hold },
    reason: why,
  });
  if (ended.state !== 'succeeded' && deps.staffEmail !== null) {
    await saveNotice(tx, {
      key: `${runId}/ended/${deps.staffEmail}`,
      event: 'upgrade-not-successful',
      recipient: deps.staffEmail,
      customerId: plan.customer.id,
      runId,
      subject: `${plan.instance.slug}: ${ended.state} (${plan.from.version} -> ${plan.to.version})`,
      body: [
        `The upgrade of ${plan.instance.slug} from ${plan.from.version} to ${plan.to.version} ended: ${ended.state}.`,
        why,
        ended.siteOpen === true ? 'The site is open.' : 'THE SITE IS NOT OPEN.',
        hold === null ? '' : 'It is held for this release until a person clears the hold.',
        `${deps.publicUrl}/runs/${runId}`,
      ].join('\n'),
    });
  }
}

/** A step by hand: its owner hears of it where that is an address, else the staff; once per attempt. */
export async function tellOwner(
  tx: Transaction,
  run: RunHandle,
  event: HandedEvent,
  deps: SettleDeps,
): Promise<void> {
  if (event.kind === 'gate-opened') return tellOfGate(tx, run, event, deps);
  const { plan, runId } = run;
  const step = findStep(plan, event.lane, event.step);
  const owner = step?.owner ?? null;
  const recipient = owner?.includes('@') === true ? owner : deps.staffEmail;
  if (step?.kind !== 'uses' || recipient === null) return;
  const call = event.lane === 'undo' ? step.undo : step.run;
  await saveNotice(tx, {
    key: `${runId}/handed/${event.lane}/${event.step}/${event.attempt}/${recipient}`,
    event: 'step-by-hand',
    recipient,
    customerId: plan.customer.id,
    runId,
    subject: `${plan.instance.slug}: ${event.lane === 'undo' ? 'take back ' : ''}"${step.title}" by hand`,
    body: [
      `${owner ?? 'Somebody'} does this by hand: ${step.title}${event.lane === 'undo' ? ' (taking it back)' : ''}.`,
      `It stands for: ${call?.action ?? ''} ${JSON.stringify(call?.input ?? {})}`,
      ...(step.pointOfNoReturn && event.lane === 'main'
        ? ['IT IS THE POINT OF NO RETURN: from now on, going back means restoring.']
        : []),
      `Then: sitelift done ${runId} --step ${event.step} --evidence "what was seen"`,
      `${deps.publicUrl}/runs/${runId}`,
    ].join('\n'),
  });
}

/** A gate has opened: its owner or the staff, who records the customer's word for now, hears what it asks for. */
async function tellOfGate(
  tx: Transaction,
  run: RunHandle,
  event: HandedEvent & { kind: 'gate-opened' },
  deps: SettleDeps,
): Promise<void> {
  const { plan, runId, state } = run;
  const step = findStep(plan, 'main', event.step);
  const recipient = step?.owner?.includes('@') === true ? step.owner : deps.staffEmail;
  if (step?.kind !== 'gate' || recipient === null) return;
  const items = step.checklists.reduce((sum, { items: list }) => sum + list.length, 0);
  await saveNotice(tx, {
    key: `${runId}/gate/${event.step}/${event.seq}/${recipient}`,
    event: 'gate-opened',
    recipient,
    customerId: plan.customer.id,
    runId,
    subject: `${plan.instance.slug}: "${step.title}" waits for a decision`,
    body: [
      `${step.gate}: ${step.title}.${step.by.length === 0 ? '' : ` It asks for the word of: ${step.by.join(', ')}.`}`,
      ...(items === 0 ? [] : [`${items} items are to be checked.`]),
      state.closedAt === null ? 'The site is open.' : 'THE SITE IS CLOSED while this waits.',
      ...(event.until === null
        ? []
        : [`Without a decision by ${new Date(event.until).toISOString()}: ${step.onTimeout ?? 'nothing'}.`]),
      `${deps.publicUrl}/runs/${runId}`,
    ].join('\n'),
  });
}

/** The run waits for a person: the staff hears what is asked and whether the page is up. Once per question. */
export async function askStaff(tx: Transaction, run: RunHandle, deps: SettleDeps): Promise<void> {
  const { plan, state, runId } = run;
  if (state.asked === null || deps.staffEmail === null) return;
  await saveNotice(tx, {
    key: `${runId}/asked/${state.lastSeq}/${deps.staffEmail}`,
    event: 'run-needs-a-person',
    recipient: deps.staffEmail,
    customerId: plan.customer.id,
    runId,
    subject: `${plan.instance.slug}: a person is needed`,
    body: [
      state.asked.question,
      state.closedAt === null ? 'The site is open.' : 'THE SITE IS CLOSED: its maintenance page stays up.',
      `${deps.publicUrl}/runs/${runId}`,
    ].join('\n'),
  });
}
