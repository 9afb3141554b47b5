/**
 * Binds every action that an instance's playbook will ever ask for, when the fleet is applied and not at three in the
 * morning. A fault stands at the binding's own line: in the instance, or in its product when the default is at fault.
 */
import type { JsonObject } from '@sitelift/domain/run/plan.ts';
import type { FleetFiles, FleetInstance } from '@sitelift/playbook/fleet-file.ts';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import type { Playbook } from '@sitelift/playbook/playbook.ts';
import type { SourceError } from '@sitelift/playbook/source-error.ts';
import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';

/** What the driver registry says of one action on one instance; `Bind` of the upgrades feature is one. */
export type BindAction = (
  bindings: JsonObject,
  action: string,
) => { readonly driver: string; readonly config: JsonObject } | { readonly problem: string };

/** The engine looks with these whatever the playbook says, where the family is bound. */
const ALWAYS_BOUND = ['app/probe', 'proxy/probe'];

/** Current playbooks that the files do not bring along, by name. One that no longer parses is left out. */
export async function loadStoredPlaybooks(tx: Transaction): Promise<ReadonlyMap<string, Playbook>> {
  const { rows } = await sql<{ name: string; source: string; path: string }>`
    select c.name, p.source, p.path from playbook_current c join playbook p on p.digest = c.digest`.execute(tx);
  return new Map(
    rows.flatMap(({ name, source, path }) => {
      const parsed = parsePlaybook(source, path);
      return 'playbook' in parsed ? [[name, parsed.playbook] as const] : [];
    }),
  );
} // prettier-ignore

function actionsOf(playbook: Playbook | undefined): readonly string[] {
  return (playbook?.steps ?? []).flatMap((step) => {
    // What a person does by hand needs no driver; whether closing and opening can be seen is asked when the plan is frozen.
    if (step.kind !== 'uses' || step.manual) return [];
    const undo = step.undo === null ? [] : [step.undo.action];
    return [step.action, ...undo, ...(step.require === null ? [] : ['database/prove'])];
  });
}

function familyOf(action: string): string {
  return action.split('/')[0] ?? '';
}

function placeOf(instance: FleetInstance, action: string) {
  return instance.bindingPlaces[action] ?? instance.bindingPlaces[familyOf(action)] ?? instance.place;
}

export function checkBindings(
  files: FleetFiles,
  stored: { readonly playbooks: ReadonlyMap<string, Playbook>; readonly playbookOf: ReadonlyMap<string, string> },
  bind: BindAction,
): readonly SourceError[] {
  const playbooks = new Map([...stored.playbooks, ...files.playbooks.map((each) => [each.name, each] as const)]);
  const playbookOf = new Map([...stored.playbookOf, ...files.products.map((each) => [each.slug, each.playbook] as const)]);
  const actions = new Map<string, readonly string[]>();
  for (const [product, name] of playbookOf) {
    const playbook = playbooks.get(name);
    const recover = playbooks.get(playbook?.recover ?? '');
    actions.set(product, [...new Set([...actionsOf(playbook), ...actionsOf(recover)])]);
  }
  return files.instances.flatMap((instance) => {
    const probes = ALWAYS_BOUND.filter((action) => action in instance.bindings || familyOf(action) in instance.bindings);
    return [...new Set([...(actions.get(instance.product) ?? []), ...probes])].flatMap((action) => {
      const bound = bind(instance.bindings, action);
      if (!('problem' in bound)) return [];
      const { path, line, column } = placeOf(instance, action);
      return [{ path, line, column, message: `${action}: ${bound.problem}`, expected: null }];
    });
  });
} // prettier-ignore
