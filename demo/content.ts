/**
 * What a site holds, as its own admin API tells it: projects, flags, their strategies, and whether each is on. Asked through
 * the proxy, as a user would. Taken before the night and after it, the two must be equal, whatever version answers.
 */
import { createHash } from 'node:crypto';
import { signIn } from './app/unleash-api.ts';
import type { Session, Site } from './app/unleash-api.ts';

export interface FlagContent {
  readonly project: string;
  readonly name: string;
  readonly type: string;
  readonly description: string;
  readonly environments: readonly {
    readonly name: string;
    readonly enabled: boolean;
    readonly strategies: readonly {
      readonly name: string;
      readonly parameters: Readonly<Record<string, string>>;
    }[];
  }[];
}

export interface SiteContent {
  readonly projects: readonly string[];
  readonly flags: readonly FlagContent[];
  /** Names of API tokens; their secrets are checked by using one. */
  readonly tokens: readonly string[];
}

/** The fields that we read of Unleash's answers; they are the same in 4, 5 and 6. */
interface RawFlag {
  readonly name: string;
  readonly type: string;
  readonly description: string | null;
  readonly environments: readonly {
    readonly name: string;
    readonly enabled: boolean;
    readonly strategies?: readonly {
      readonly name: string;
      readonly parameters?: Readonly<Record<string, unknown>>;
    }[];
  }[];
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name.localeCompare(b.name);

function sortedParameters(parameters: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(parameters).map(([key, value]): [string, string] => [key, String(value)]);
  return Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b)));
}

async function flagContent(session: Session, project: string, name: string): Promise<FlagContent> {
  // as: Unleash's own answer; what we read of it is listed in RawFlag
  const raw = (await session.read(`/api/admin/projects/${project}/features/${name}`)) as RawFlag;
  return {
    project,
    name: raw.name,
    type: raw.type,
    description: raw.description ?? '',
    environments: raw.environments.toSorted(byName).map((environment) => ({
      name: environment.name,
      enabled: environment.enabled,
      strategies: (environment.strategies ?? []).map((strategy) => ({
        name: strategy.name,
        parameters: sortedParameters(strategy.parameters ?? {}),
      })),
    })),
  };
}

export async function readContent(session: Session): Promise<SiteContent> {
  // as: Unleash's own answers, see above
  const { projects } = (await session.read('/api/admin/projects')) as { projects: { id: string }[] };
  const { tokens } = (await session.read('/api/admin/api-tokens')) as {
    tokens: { tokenName?: string; username?: string }[];
  };
  const flags: FlagContent[] = [];
  for (const { id } of projects) {
    // Version 6 has no list of all flags any more; the list of a project is in every version.
    const { features } = (await session.read(`/api/admin/projects/${id}/features`)) as {
      features: { name: string }[];
    };
    for (const { name } of features) flags.push(await flagContent(session, id, name));
  }
  return {
    projects: projects.map(({ id }) => id).sort(),
    flags: flags.toSorted(byName),
    tokens: tokens.map(({ tokenName, username }) => tokenName ?? username ?? '').sort(),
  };
}

async function sessionOf(site: Site, adminPassword: string): Promise<Session> {
  const session = await signIn(site, adminPassword);
  if (session === null) throw new Error(`the administrator cannot sign in at ${site.host ?? site.origin}`);
  return session;
}

/** Signs in and reads everything; rejects with a sentence when the site does not answer as it should. */
export async function contentOf(site: Site, adminPassword: string): Promise<SiteContent> {
  return readContent(await sessionOf(site, adminPassword));
}

export async function versionOf(site: Site, adminPassword: string): Promise<string> {
  const session = await sessionOf(site, adminPassword);
  const { version } = (await session.read('/api/admin/ui-config')) as { version: string }; // as: Unleash's own answer
  return version;
}

export function digestOf(content: SiteContent): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
