/** What each action means on a simulated site: its effects in order, and whether they are there already. */
import type { JsonObject } from '@sitelift/domain/run/plan.ts';
import type { Effect, Site } from './site.ts';
import type { SiteState, Slot } from './world-log.ts';

export interface ActionCall {
  readonly action: string;
  readonly input: JsonObject;
  /** The backup to prove or to restore. */
  readonly backupId: string | null;
}

/** Slot words are relative to the plan: blue was live when it was frozen. */
export function slotOf(word: unknown, usual: Slot): Slot {
  if (word === 'live') return 'blue';
  return word === 'staging' ? 'green' : usual;
}

function versionOf(site: Site, word: unknown): string {
  return word === 'from' ? site.rules.from : site.rules.to;
}

function last(what: string, change: (site: Site) => SiteState | null): Effect {
  return { what, share: 0.9, change };
}

/** Nothing for what only looks. */
export function effectsOf(site: Site, call: ActionCall): readonly Effect[] {
  const { input } = call;
  switch (call.action) {
    case 'app/stage':
      return [
        last('staged', ({ state, rules }) => ({ ...state, green: { ...state.green, version: rules.to } })),
      ];
    case 'app/unstage':
      return [last('unstaged', ({ state }) => ({ ...state, green: { version: null, running: false } }))];
    case 'app/start': {
      const slot = slotOf(input['slot'], 'green');
      const version = versionOf(site, input['version']);
      return [
        last(`started ${slot}`, ({ state }) =>
          state[slot].version === version ? { ...state, [slot]: { version, running: true } } : null,
        ),
      ];
    }
    case 'app/stop': {
      const slot = slotOf(input['slot'], 'blue');
      return [
        last(`stopped ${slot}`, ({ state }) => ({ ...state, [slot]: { ...state[slot], running: false } })),
      ];
    }
    case 'proxy/close':
      return [last('closed', ({ state }) => ({ ...state, page: 'closed' }))];
    case 'proxy/open':
      return [last('opened', ({ state }) => ({ ...state, page: 'open' }))];
    case 'proxy/switch': {
      const serving = slotOf(input['to'], 'green');
      return [last(`switched to ${serving}`, ({ state }) => ({ ...state, serving }))];
    }
    case 'database/migrate':
      return [
        { what: 'migrating', share: 0.4, change: ({ state }) => ({ ...state, schema: 'half' }) },
        last('migrated', ({ state, rules }) => ({ ...state, schema: rules.needs[rules.to] ?? '' })),
      ];
    case 'database/restore': {
      const snapshot = site.backups.get(call.backupId ?? '');
      return [
        // Filled beside the site's own and put in its place at once.
        last('restored', ({ state }) => {
          if (snapshot === undefined || !snapshot.good) return null;
          site.restoredFrom = call.backupId;
          return { ...state, schema: snapshot.schema, content: snapshot.content };
        }),
      ];
    }
    default:
      return [];
  }
}

export type Seen = 'applied' | 'partly' | 'not-applied';

/** Is the effect of the action there? */
export function seenOf(site: Site, call: ActionCall): Seen {
  const { state, rules } = site;
  const yes = (is: boolean): Seen => (is ? 'applied' : 'not-applied');
  const { input } = call;
  switch (call.action) {
    case 'app/stage':
      return yes(state.green.version === rules.to);
    case 'app/unstage':
      return yes(state.green.version === null);
    case 'app/start': {
      const { version, running } = state[slotOf(input['slot'], 'green')];
      return yes(running && version === versionOf(site, input['version']));
    }
    case 'app/stop':
      return yes(!state[slotOf(input['slot'], 'blue')].running);
    case 'proxy/close':
      return yes(state.page === 'closed');
    case 'proxy/open':
      return yes(state.page === 'open');
    case 'proxy/switch':
      return yes(state.serving === slotOf(input['to'], 'green'));
    case 'database/migrate':
      if (state.schema === 'half') return 'partly';
      return yes(state.schema === rules.needs[rules.to]);
    case 'database/restore':
      return yes(site.restoredFrom === call.backupId);
    default:
      return 'not-applied';
  }
}
