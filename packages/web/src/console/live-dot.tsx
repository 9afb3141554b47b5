/** A dot with its word: is what I see what is? */
import { createContext, useContext } from 'react';
import type { Liveness } from './api.ts';

export const LivenessContext = createContext<Liveness>('connecting');

const WORDS = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting, nothing is lost' };

export function LiveDot({ liveness }: { readonly liveness?: Liveness }) {
  const shared = useContext(LivenessContext);
  const now = liveness ?? shared;
  return (
    <span
      role="status"
      className="inline-flex items-center gap-1.5 text-xs font-normal whitespace-nowrap text-fg2"
    >
      <span
        aria-hidden="true"
        className={`size-1.5 rounded-full ${now === 'live' ? 'bg-ok' : 'bg-wait pulse2'}`}
      />
      {WORDS[now]}
    </span>
  );
}
