/** What surrounds every page: where one can go, whether what is shown is live, who is signed in. */
import { routes } from '@sitelift/contract/routes.ts';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { LogOut, MoonStar, Rows3, SunMoon } from 'lucide-react';
import { Button } from 'react-aria-components';
import { client, meQuery, queryClient, runsQuery, useFleetStream } from './api.ts';
import { LivenessContext } from './live-dot.tsx';
import { needsAPerson } from './tonight-rows.ts';

function switchTheme(): void {
  const root = document.documentElement;
  const next = root.dataset['theme'] === 'light' ? 'dark' : 'light';
  root.dataset['theme'] = next;
  localStorage.setItem('sitelift.theme', next);
}

const nav =
  'flex h-8 items-center gap-2 rounded-md px-2.5 text-sm text-fg2 hover:bg-hover aria-[current=page]:bg-line aria-[current=page]:font-medium aria-[current=page]:text-fg';

export function Shell() {
  const liveness = useFleetStream();
  const me = useQuery(meQuery);
  const runs = useQuery(runsQuery);
  const navigate = useNavigate();
  // A number beside a page counts what somebody has to do there, and nothing else.
  const waiting = runs.data?.runs.filter(needsAPerson).length ?? 0;

  const signOut = async (): Promise<void> => {
    await client.call(routes.signOut).catch(() => {});
    queryClient.clear();
    await navigate({ to: '/sign-in', search: {} });
  };

  return (
    <LivenessContext value={liveness}>
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-10 focus:rounded-md focus:border focus:border-line2 focus:bg-panel focus:px-3 focus:py-2"
      >
        Skip to the content
      </a>
      <div className="flex min-h-dvh flex-col md:flex-row">
        <nav
          aria-label="Pages"
          className="flex shrink-0 items-center gap-1 border-line p-2 max-md:border-b md:w-52 md:flex-col md:items-stretch"
        >
          <div className="flex items-center gap-2 px-2.5 py-2 font-semibold">
            <img src="/icon.svg" alt="" width="22" height="22" />
            Sitelift
          </div>
          <Link to="/" className={nav} activeOptions={{ exact: true, includeSearch: false }}>
            <MoonStar size={15} aria-hidden="true" />
            Tonight
            {waiting > 0 && (
              <span className="num ml-auto text-xs font-medium text-wait">
                {waiting}
                <span className="sr-only"> need a person</span>
              </span>
            )}
          </Link>
          <Link to="/fleet" className={nav} activeOptions={{ includeSearch: false }}>
            <Rows3 size={15} aria-hidden="true" />
            Fleet
          </Link>
          <div className="ml-auto flex items-center gap-1 md:mt-auto md:ml-0 md:px-1">
            <span className="min-w-0 flex-1 truncate text-xs text-fg2 max-md:hidden" title={me.data?.role}>
              {me.data?.email}
            </span>
            <Button
              aria-label="Switch between dark and light"
              onPress={switchTheme}
              className="grid size-8 place-items-center rounded-md text-fg2 hover:bg-hover"
            >
              <SunMoon size={15} aria-hidden="true" />
            </Button>
            <Button
              aria-label="Sign out"
              onPress={() => void signOut()}
              className="grid size-8 place-items-center rounded-md text-fg2 hover:bg-hover"
            >
              <LogOut size={15} aria-hidden="true" />
            </Button>
          </div>
        </nav>
        <main
          id="main"
          tabIndex={-1}
          className="min-w-0 flex-1 bg-panel md:m-1.5 md:ml-0 md:rounded-lg md:border md:border-line"
        >
          <Outlet />
        </main>
      </div>
    </LivenessContext>
  );
}
