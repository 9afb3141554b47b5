/** Pieces that every page needs: its header, and what stands there while there is nothing to show yet. */
import { ProblemResponse } from '@sitelift/contract/client.ts';
import { useEffect, useRef, type ReactNode } from 'react';
import { ActionButton } from '../ui/action-button.tsx';

/** The tab's name; and whoever came here by a key starts at the heading, not at the top of the window. */
export function usePageTitle(title: string): React.RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Sitelift`;
  }, [title]);
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, []);
  return heading;
}

export function PageHeader({
  title,
  aside,
  children,
}: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children?: ReactNode;
}) {
  const heading = usePageTitle(title);
  return (
    <header className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-2 border-b border-line px-4 py-2">
      <h1 ref={heading} tabIndex={-1} className="text-lg font-semibold">
        {title}
      </h1>
      {aside}
      <div className="ml-auto flex flex-wrap items-center gap-x-4 gap-y-2">{children}</div>
    </header>
  );
}

/** Real geometry while loading, so that nothing jumps. */
export function Loading({ rows = 8 }: { readonly rows?: number }) {
  return (
    <div aria-busy="true" aria-label="Loading" role="status" className="p-4">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="mb-2 h-6 rounded bg-raised pulse2" />
      ))}
    </div>
  );
}

export function Failed({ error, retry }: { readonly error: Error; readonly retry: () => void }) {
  const problem = error instanceof ProblemResponse ? error.problem : null;
  return (
    <div role="alert" className="m-4 max-w-xl rounded-lg border border-line bg-raised p-4">
      <h2 className="font-medium text-fail">{problem?.title ?? 'This cannot be shown'}</h2>
      <p className="mt-1 text-fg2">
        {problem === null ? 'The server does not answer. What runs goes on by itself.' : problem.detail}
      </p>
      {problem?.instance !== undefined && <p className="mono mt-1 text-fg3">{problem.instance}</p>}
      <ActionButton onPress={retry} className="mt-3">
        Try again
      </ActionButton>
    </div>
  );
}

/** What is shown stays, and says that it is old. */
export function Stale({ error }: { readonly error: Error | null }) {
  if (error === null) return null;
  return (
    <p role="status" className="border-b border-line bg-wait-bg px-4 py-2 text-wait">
      This is what was known a moment ago: the server does not answer. What runs goes on by itself.
    </p>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="mx-auto max-w-lg px-4 py-16 text-center">
      <h2 className="text-lg font-medium">{title}</h2>
      <div className="mt-1 text-fg2">{children}</div>
    </div>
  );
}
