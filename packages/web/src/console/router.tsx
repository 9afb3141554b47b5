/** Every page of the console. The URL is the view: filters live in it, so any of them can be sent to somebody. */
import { ProblemResponse } from '@sitelift/contract/client.ts';
import { createRootRoute, createRoute, createRouter, redirect } from '@tanstack/react-router';
import { meQuery, queryClient } from './api.ts';
import { FleetPage } from './fleet-page.tsx';
import { RunPage } from './run-page.tsx';
import { Shell } from './shell.tsx';
import { SignInPage } from './sign-in-page.tsx';
import { TonightPage } from './tonight-page.tsx';

/** One text of the address, or nothing: what somebody typed there is never an error. */
function text<Key extends string>(
  search: Record<string, unknown>,
  key: Key,
  allowed: (value: string) => boolean = () => true,
): { [K in Key]?: string } {
  const value = search[key];
  const found: { [K in Key]?: string } = {};
  if (typeof value === 'string' && value !== '' && allowed(value)) found[key] = value;
  return found;
}

const root = createRootRoute();

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search): { to?: string } => text(search, 'to', (to) => /^\/(?!\/)/.test(to)),
  component: SignInPage,
});

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: async ({ location }) => {
    try {
      const me = await queryClient.ensureQueryData(meQuery);
      if (!me.mustChangePassword) return;
    } catch (error) {
      if (!(error instanceof ProblemResponse && error.status === 401)) return;
    }
    throw redirect({ to: '/sign-in', search: { to: location.href } });
  },
});

const tonight = createRoute({
  getParentRoute: () => shell,
  path: '/',
  validateSearch: (search): { show?: string } => text(search, 'show'),
  component: TonightPage,
});

const fleet = createRoute({
  getParentRoute: () => shell,
  path: '/fleet',
  validateSearch: (search): { q?: string } => text(search, 'q'),
  component: FleetPage,
});

const run = createRoute({ getParentRoute: () => shell, path: '/runs/$run', component: RunPage });

export const router = createRouter({
  routeTree: root.addChildren([signIn, shell.addChildren([tonight, fleet, run])]),
  defaultPreload: false,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
