/** Pieces that every page needs: its header, and what stands there while there is nothing to show yet. */
import { ProblemResponse } from '@sitelift/contract/client.ts';
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';

export function PageHeader({
  title,
  aside,
  children,
}: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children?: ReactNode;
}) {
  return (
    <header className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-1 border-b border-line px-4 py-2">
      <h1 className="text-lg font-semibold">{title}</h1>
      {aside}
      <div className="ml-auto flex items-center gap-3">{children}</div>
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
    <div role="alert" className="m-4 rounded-lg border border-line bg-raised p-4">
      <p className="font-medium text-fail">{problem?.title ?? 'This page cannot be loaded'}</p>
      <p className="mt-1 text-fg2">{problem?.detail ?? error.message}</p>
      {problem?.instance !== undefined && <p className="mono mt-1 text-fg3">Request {problem.instance}</p>}
      <Button onPress={retry} className="mt-3 h-8 rounded-md border border-line2 px-3 text-sm hover:bg-hover">
        Try again
      </Button>
    </div>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="m-auto max-w-lg px-4 py-16 text-center">
      <p className="text-lg font-medium">{title}</p>
      <div className="mt-1 text-fg2">{children}</div>
    </div>
  );
}
