/** The API of the page's own origin, behind the typed client; who is signed in; and live updates by server-sent events. */
import { createClient, ProblemResponse, urlOf } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import type { LogLineView, RunSummary, RunView } from '@sitelift/contract/views.ts';
import { QueryCache, QueryClient, queryOptions, useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';

export const client = createClient({ baseUrl: '' });

function isRefusal(error: unknown): boolean {
  return error instanceof ProblemResponse && error.status < 500;
}

/** Called when the server no longer knows who asks: the session has ended somewhere else, or by time. */
let onSignedOut = (): void => {};
export function whenSignedOut(listen: () => void): void {
  onSignedOut = listen;
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      if (error instanceof ProblemResponse && error.status === 401) onSignedOut();
    },
  }),
  defaultOptions: {
    queries: { retry: (count, error) => !isRefusal(error) && count < 3, refetchOnWindowFocus: true },
  },
});

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: () => client.call(routes.me),
  staleTime: 60_000,
});
/** Decisions depend on the clock, so they grow stale by themselves. */
export const planQuery = queryOptions({
  queryKey: ['plan'],
  queryFn: () => client.call(routes.plan),
  refetchInterval: 5_000,
});
export const fleetQuery = queryOptions({
  queryKey: ['instances'],
  queryFn: () => client.call(routes.listInstances),
  refetchInterval: 10_000,
});
export const runsQuery = queryOptions({
  queryKey: ['runs'],
  queryFn: () => client.call(routes.listRuns, { query: { limit: 200 } }),
});
export const runQuery = (run: string) =>
  queryOptions({ queryKey: ['run', run], queryFn: () => client.call(routes.getRun, { params: { run } }) });

export type Liveness = 'connecting' | 'live' | 'reconnecting';

/** A browser resumes a stream that broke by itself, but gives up on one that was refused (a restart behind a proxy). */
const REOPEN_MS = 3_000;

/** One stream for as long as the component lives; the browser resumes it by the last event's id. */
function useStream(url: string, on: Readonly<Record<string, (data: string) => void>>): Liveness {
  const [liveness, setLiveness] = useState<Liveness>('connecting');
  const listeners = useEffectEvent((type: string, data: string) => on[type]?.(data));
  const types = Object.keys(on).join(' ');
  useEffect(() => {
    let source: EventSource;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = (): void => {
      source = new EventSource(url);
      source.addEventListener('open', () => setLiveness('live'));
      source.addEventListener('error', () => {
        setLiveness('reconnecting');
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, REOPEN_MS);
      });
      for (const type of types.split(' '))
        source.addEventListener(type, (event: MessageEvent<string>) => listeners(type, event.data));
    };
    open();
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [url, types]);
  return liveness;
}

/** Keeps the list of runs current; a run that ended makes plan and fleet look again. */
export function useFleetStream(): Liveness {
  const cache = useQueryClient();
  return useStream(urlOf(routes.stream, {}), {
    runs: (data) => {
      const changed = JSON.parse(data) as RunSummary[]; // as: the route's own schema, sent by our server
      cache.setQueryData(runsQuery.queryKey, (before) => {
        const byId = new Map((before?.runs ?? []).map((run) => [run.id, run]));
        for (const run of changed) byId.set(run.id, run);
        return { runs: [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1)) };
      });
      void cache.invalidateQueries({ queryKey: planQuery.queryKey });
      if (changed.some((run) => run.endedAt !== null))
        void cache.invalidateQueries({ queryKey: fleetQuery.queryKey });
    },
  });
}

/** The browser keeps this many lines; older ones are in the API. */
const MAX_LINES = 5_000;

export function useRunStream(run: string): {
  readonly liveness: Liveness;
  readonly lines: readonly LogLineView[];
} {
  const cache = useQueryClient();
  const [lines, setLines] = useState<readonly LogLineView[]>([]);
  useEffect(() => setLines([]), [run]);
  const liveness = useStream(urlOf(routes.streamRun, { params: { run } }), {
    run: (data) => cache.setQueryData(runQuery(run).queryKey, JSON.parse(data) as RunView), // as: see above
    log: (data) => {
      const more = JSON.parse(data) as LogLineView[]; // as: see above
      setLines((before) => {
        const last = before.at(-1)?.id ?? 0;
        return [...before, ...more.filter((line) => line.id > last)].slice(-MAX_LINES);
      });
    },
  });
  return { liveness, lines };
}
