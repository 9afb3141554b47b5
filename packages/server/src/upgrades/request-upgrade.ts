/**
 * Starts an upgrade: the nightly planner's decision or a person's request, by one path. Everything is read and checked again
 * under the instance's row lock, so that the night and a person who act at the same moment cannot both start one (E33).
 */
import { createHash } from 'node:crypto';
import type { WindowOccurrence } from '@sitelift/domain/fleet/fleet.ts';
import type { Reason } from '@sitelift/domain/planning/decision.ts';
import type { JsonObject, PlannedChecklist, PlaybookRef, RunPlan } from '@sitelift/domain/run/plan.ts';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import type { Playbook } from '@sitelift/playbook/playbook.ts';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { freezePlan, type Bind, type Contact } from './freeze-plan.ts';
import { findOpenUpgrade, saveUpgrade, type UpgradeTrigger } from './upgrade-store.ts';

export interface RequestDeps {
  readonly db: Database;
  readonly bind: Bind;
  readonly wake: (tx: Transaction, runId: string, at: Date | null) => Promise<void>;
}

export interface UpgradeRequest {
  readonly instanceId: string;
  readonly releaseId: string;
  readonly window: WindowOccurrence | null;
  readonly anyTime: boolean;
  readonly trigger: UpgradeTrigger;
  readonly actor: string;
  readonly reason: string;
  readonly reasons: readonly Reason[];
  readonly backup: RunPlan['backup'];
}

export type RequestResult =
  { readonly upgradeId: string; readonly runId: string } | { readonly refused: readonly string[] };

interface InstanceFacts {
  readonly id: RunPlan['instance']['id'];
  readonly slug: string;
  readonly role: RunPlan['instance']['role'];
  readonly url: string;
  readonly zone: string;
  readonly host: string | null;
  readonly settings: JsonObject;
  readonly bindings: JsonObject;
  readonly observed_version: string | null;
  readonly observed_slot: string | null;
  readonly product_id: string;
  readonly customer_id: RunPlan['customer']['id'];
  readonly customer_slug: string;
  readonly customer_name: string;
  readonly contacts: readonly Contact[];
  readonly product: string;
  readonly playbook: string;
}

async function lockInstance(tx: Transaction, instanceId: string): Promise<InstanceFacts | null> {
  const { rows } = await sql<InstanceFacts>`
    select i.id, i.slug, i.role, i.url, i.zone, i.host, i.settings, i.bindings, i.observed_version, i.observed_slot,
           i.product_id, c.id as customer_id, c.slug as customer_slug, c.name as customer_name, c.contacts,
           p.slug as product, p.playbook
      from instance i join customer c on c.id = i.customer_id join product p on p.id = i.product_id
     where i.id = ${instanceId} and i.removed_at is null
       for update of i`.execute(tx);
  return rows[0] ?? null;
}

async function loadChecklists(tx: Transaction): Promise<ReadonlyMap<string, PlannedChecklist>> {
  const { rows } = await sql<PlannedChecklist>`select name, title, items from checklist`.execute(tx);
  return new Map(rows.map((row) => [row.name, row]));
}

async function loadSiblings(
  tx: Transaction,
  { id, customer_id, product_id }: InstanceFacts,
): Promise<readonly Pick<RunPlan['instance'], 'id' | 'slug' | 'role'>[]> {
  const { rows } = await sql<Pick<RunPlan['instance'], 'id' | 'slug' | 'role'>>`
    select id, slug, role from instance
     where customer_id = ${customer_id} and product_id = ${product_id} and id <> ${id} and removed_at is null order by slug`.execute(
    tx,
  );
  return rows;
}

interface ReleaseFacts {
  readonly id: RunPlan['to']['releaseId'];
  readonly version: string;
  readonly kind: RunPlan['to']['kind'];
  readonly artefact: RunPlan['to']['artefact'];
  readonly needs_downtime: boolean;
  readonly withdrawn_at: Date | null;
}

async function loadRelease(
  tx: Transaction,
  where: { id: string } | { productId: string; version: string },
): Promise<ReleaseFacts | null> {
  const condition =
    'id' in where
      ? sql`id = ${where.id}`
      : sql`product_id = ${where.productId} and version = ${where.version}`;
  const { rows } = await sql<ReleaseFacts>`
    select id, version, kind, artefact, needs_downtime, withdrawn_at from release where ${condition}`.execute(
    tx,
  );
  return rows[0] ?? null;
}

async function loadPlaybook(
  tx: Transaction,
  name: string,
): Promise<{ ref: PlaybookRef; playbook: Playbook } | { problem: string }> {
  const { rows } = await sql<{ digest: string; source: string; path: string }>`
    select p.digest, p.source, p.path from playbook_current c join playbook p on p.digest = c.digest where c.name = ${name}`.execute(
    tx,
  );
  const [row] = rows;
  if (row === undefined) return { problem: `there is no playbook ${name}` };
  // Bytes in use are never changed in place (I-8): what was stored is what its digest says, or nothing starts.
  if (createHash('sha256').update(row.source).digest('hex') !== row.digest)
    return { problem: `playbook ${name} was altered in the database` };
  const parsed = parsePlaybook(row.source, row.path);
  if ('errors' in parsed)
    return { problem: `playbook ${name} no longer passes its check: ${parsed.errors[0]?.message ?? ''}` };
  return { ref: { name, title: parsed.playbook.title, digest: row.digest }, playbook: parsed.playbook };
}

/** Names of the two sides of a site, from `settings.slots`, and which of them serves, as the proxy was last seen. */
function slotsOf(instance: InstanceFacts): { slots: RunPlan['slots'] } | { problem: string } {
  const names = instance.settings['slots'];
  if (names === undefined) return { slots: null };
  const [first, second] = Array.isArray(names) ? names : [];
  if (typeof first !== 'string' || typeof second !== 'string')
    return { problem: `settings.slots of ${instance.slug} must name two slots` };
  const live = instance.observed_slot;
  if (live !== first && live !== second)
    return { problem: `nobody has seen yet which slot of ${instance.slug} serves` };
  return { slots: { live, staging: live === first ? second : first } };
}

export async function requestUpgrade(deps: RequestDeps, request: UpgradeRequest): Promise<RequestResult> {
  return deps.db.transaction().execute(async (tx) => {
    const instance = await lockInstance(tx, request.instanceId);
    if (instance === null) return { refused: ['the instance is gone'] };
    const open = await findOpenUpgrade(tx, instance.id);
    if (open !== null) return { refused: [`upgrade ${open} of ${instance.slug} is not over`] };
    const release = await loadRelease(tx, { id: request.releaseId });
    if (release === null || release.withdrawn_at !== null) return { refused: ['the release was withdrawn'] };
    if (instance.observed_version === null)
      return { refused: [`nobody has seen which version ${instance.slug} runs`] };
    const playbook = await loadPlaybook(tx, instance.playbook);
    if ('problem' in playbook) return { refused: [playbook.problem] };
    const recoverName = playbook.playbook.recover;
    const recover = recoverName === null ? null : await loadPlaybook(tx, recoverName);
    if (recover !== null && 'problem' in recover) return { refused: [recover.problem] };
    const slots = slotsOf(instance);
    if ('problem' in slots) return { refused: [slots.problem] };
    const current = await loadRelease(tx, {
      productId: instance.product_id,
      version: instance.observed_version,
    });
    const { id, slug, role, url, zone, host, settings, bindings, product } = instance;
    const frozen = freezePlan(
      {
        playbook,
        recover,
        customer: {
          id: instance.customer_id,
          slug: instance.customer_slug,
          name: instance.customer_name,
          contacts: instance.contacts,
        },
        instance: { id, slug, role, url, zone, host, settings },
        siblings: await loadSiblings(tx, instance),
        checklists: await loadChecklists(tx),
        bindings,
        product,
        from: { version: instance.observed_version, artefact: current?.artefact ?? null },
        release: { ...release, needsDowntime: release.needs_downtime },
        slots: slots.slots,
        window: request.window,
        anyTime: request.anyTime,
        backup: request.backup,
      },
      deps.bind,
    );
    if ('problems' in frozen) return { refused: frozen.problems };
    const saved = await saveUpgrade(tx, { ...request, plan: frozen.plan });
    await deps.wake(tx, saved.runId, null);
    return saved;
  });
}
