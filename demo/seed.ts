/**
 * Real content for each site, made through its own API: another shop, clinic, bank or railway for every customer, so that one
 * customer's data can never pass for another's. Repeating it does no harm: what is there already is left as it is.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Session } from './app/unleash-api.ts';
import { FIRST_PASSWORD, signIn } from './app/unleash-api.ts';
import type { Site } from './app/unleash-api.ts';
import type { SiteSeed } from './world-state.ts';

interface FlagSeed {
  readonly name: string;
  readonly description: string;
  readonly type: 'release' | 'experiment' | 'operational' | 'kill-switch';
  /** Share of users in production, per cent; null leaves the flag off. */
  readonly rollout: number | null;
}

const CONTENT: Readonly<Record<string, readonly FlagSeed[]>> = {
  north: [
    { name: 'new-checkout', description: 'One page instead of four', type: 'release', rollout: 42 },
    { name: 'express-delivery', description: 'Same day within the city', type: 'experiment', rollout: 10 },
    { name: 'gift-cards', description: 'Sold until Christmas', type: 'release', rollout: 100 },
    {
      name: 'price-engine-v2',
      description: 'Turn off when prices look wrong',
      type: 'kill-switch',
      rollout: 100,
    },
  ],
  east: [
    { name: 'online-booking', description: 'Patients choose their own slot', type: 'release', rollout: 75 },
    { name: 'lab-results-app', description: 'Results in the app', type: 'release', rollout: 20 },
    { name: 'reminder-texts', description: 'A text the day before', type: 'operational', rollout: 100 },
  ],
  south: [
    { name: 'instant-payments', description: 'Ten seconds, at any hour', type: 'release', rollout: 65 },
    { name: 'card-limits', description: 'Set by the customer', type: 'release', rollout: 30 },
    { name: 'fraud-model-7', description: 'The seventh model', type: 'kill-switch', rollout: 100 },
    { name: 'joint-accounts', description: 'Two names on one account', type: 'experiment', rollout: null },
    { name: 'savings-goals', description: 'A picture for every goal', type: 'release', rollout: 5 },
  ],
  west: [
    { name: 'seat-map', description: 'Choose a seat in the train', type: 'release', rollout: 50 },
    { name: 'delay-alerts', description: 'From ten minutes', type: 'operational', rollout: 100 },
  ],
};

/** How Unleash says that something of that name is there. */
const NAME_IS_TAKEN = [409] as const;

async function seedFlag(session: Session, site: SiteSeed, flag: FlagSeed): Promise<void> {
  const { name, description, type, rollout } = flag;
  const features = '/api/admin/projects/default/features';
  await session.write('POST', features, { name, description, type }, NAME_IS_TAKEN);
  if (rollout === null) return;
  const production = `${features}/${name}/environments/production`;
  const { body } = await session.call('GET', `${production}/strategies`);
  if (!Array.isArray(body) || body.length === 0) {
    // The uat site is ahead of the live one: everything is tried there first.
    const share = String(site.role === 'uat' ? 100 : rollout);
    const parameters = { rollout: share, stickiness: 'default', groupId: name };
    await session.write('POST', `${production}/strategies`, {
      name: 'flexibleRollout',
      parameters,
      constraints: [],
    });
  }
  await session.write('POST', `${production}/on`, {});
}

async function seedToken(session: Session, site: SiteSeed): Promise<void> {
  const name = `${site.customer}-web`;
  // as: Unleash's own answer
  const { tokens } = (await session.read('/api/admin/api-tokens')) as {
    tokens: { tokenName?: string; username?: string }[];
  };
  if (tokens.some((token) => (token.tokenName ?? token.username) === name)) return;
  // Version 4 calls the token's name `username`, later ones `tokenName` and refuse both together.
  const key = site.version.startsWith('4.') ? 'username' : 'tokenName';
  const token = { [key]: name, type: 'client', environment: 'production', projects: ['*'] };
  await session.write('POST', '/api/admin/api-tokens', token);
}

/** It listens a moment before it has made its first administrator; until then sign-in answers 401 or 500. */
const FIRST_SIGN_IN_LIMIT_MS = 15_000;

/** The administrator's session; the password that every fresh Unleash has is replaced by the demo's own. */
async function ownSession(origin: Site, site: SiteSeed, password: string): Promise<Session> {
  const deadline = performance.now() + FIRST_SIGN_IN_LIMIT_MS;
  for (;;) {
    const session = await signIn(origin, password).catch(() => null);
    if (session !== null) return session;
    const first = await signIn(origin, FIRST_PASSWORD).catch(() => null);
    // Version 4 does not know `oldPassword` and refuses it, later ones insist on it.
    const old = site.version.startsWith('4.') ? {} : { oldPassword: FIRST_PASSWORD };
    const change = { password, confirmPassword: password, ...old };
    if (first !== null) await first.write('POST', '/api/admin/user/change-password', change);
    else if (performance.now() > deadline)
      throw new Error(`neither the demo's nor the first password opens ${origin.origin}`);
    else await pause(250);
  }
}

export async function seedSite(origin: Site, site: SiteSeed, password: string): Promise<Session> {
  const session = await ownSession(origin, site, password);
  for (const flag of CONTENT[site.customer] ?? []) await seedFlag(session, site, flag);
  await seedToken(session, site);
  return session;
}
