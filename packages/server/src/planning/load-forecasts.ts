/** Forecasts of all products from what their steps took lately, else from what their playbooks expect. */
import type { DurationForecast } from '@sitelift/domain/planning/snapshot.ts';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import type { Playbook } from '@sitelift/playbook/playbook.ts';
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';
import { forecastPlaybook } from './forecast-playbook.ts';

/** A forecast looks at this many past durations of a step, as the start of a run does. */
const HISTORY_RUNS = 20;

async function loadPlaybooks(tx: Transaction): Promise<ReadonlyMap<string, Playbook>> {
  const { rows } = await sql<{ name: string; source: string; path: string }>`
    select c.name, p.source, p.path from playbook_current c join playbook p on p.digest = c.digest`.execute(tx);
  return new Map(
    rows.flatMap(({ name, source, path }) => {
      const parsed = parsePlaybook(source, path);
      // One that no longer passes its check starts nothing: the request for the upgrade says so.
      return 'playbook' in parsed ? [[name, parsed.playbook] as const] : [];
    }),
  );
} // prettier-ignore

async function loadHistories(tx: Transaction): Promise<ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>> {
  const { rows } = await sql<{ product: string; step_id: string; took: readonly number[] }>`
    select product, step_id, array_agg(took_ms::float8) as took
      from (select product, step_id, took_ms,
                   row_number() over (partition by product, step_id order by ended_at desc) as nth
              from step_duration) recent
     where nth <= ${HISTORY_RUNS} group by product, step_id`.execute(tx);
  const histories = new Map<string, Map<string, readonly number[]>>();
  for (const { product, step_id: stepId, took } of rows) {
    const history = histories.get(product) ?? new Map<string, readonly number[]>();
    history.set(stepId, took);
    histories.set(product, history);
  }
  return histories;
} // prettier-ignore

/** By product slug; a product whose playbook is not there has none. */
export async function loadForecasts(
  tx: Transaction,
  products: readonly { readonly slug: string; readonly playbook: string }[],
): Promise<ReadonlyMap<string, DurationForecast>> {
  const playbooks = await loadPlaybooks(tx);
  const histories = await loadHistories(tx);
  return new Map(
    products.flatMap(({ slug, playbook: name }) => {
      const playbook = playbooks.get(name);
      if (playbook === undefined) return [];
      const recover = playbooks.get(playbook.recover ?? '') ?? null;
      return [[slug, forecastPlaybook(playbook, recover, histories.get(slug) ?? new Map())] as const];
    }),
  );
}
