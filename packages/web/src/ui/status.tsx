/**
 * One status vocabulary: word, outline shape and colour, in that order of importance; it survives greyscale. States of
 * runs, steps and decisions all map into it here and nowhere else.
 */
import type { Verdict } from '@sitelift/domain/planning/decision.ts';
import type { RunStateName, StepState } from '@sitelift/domain/run/events.ts';
import type { ReactNode } from 'react';

export type Status =
  | 'planned'
  | 'scheduled'
  | 'running'
  | 'waiting'
  | 'passed'
  | 'failed'
  | 'halted'
  | 'rolledback'
  | 'skipped'
  | 'held';

interface Look {
  readonly word: string;
  readonly tone: string;
  readonly bar: string;
  readonly shape: ReactNode;
}

const stroke = {
  fill: 'none',
  stroke: 'currentColor',
  strokeWidth: 1.6,
  strokeLinecap: 'round',
  strokeLinejoin: 'round',
} as const;

const LOOKS: Readonly<Record<Status, Look>> = {
  planned: {
    word: 'Planned',
    tone: 'text-idle',
    bar: 'bg-idle-bar',
    shape: <circle cx="8" cy="8" r="6" {...stroke} strokeDasharray="2.6 2.1" />,
  },
  scheduled: {
    word: 'Scheduled',
    tone: 'text-idle',
    bar: 'bg-idle-bar',
    shape: <path d="M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Zm0 3v3l2 1.5" {...stroke} />,
  },
  running: {
    word: 'Running',
    tone: 'text-run',
    bar: 'bg-run-bar',
    shape: (
      <g className="spin origin-center">
        <circle cx="8" cy="8" r="6" {...stroke} opacity=".3" />
        <path d="M8 2a6 6 0 0 1 6 6" {...stroke} />
        <circle cx="8" cy="8" r="2" fill="currentColor" />
      </g>
    ),
  },
  waiting: {
    word: 'Needs a person',
    tone: 'text-wait',
    bar: 'bg-wait-bar',
    shape: (
      <path
        d="M8 1 15 8 8 15 1 8ZM7.2 4.6v4h1.6v-4Zm0 5.2v1.6h1.6V9.8Z"
        fill="currentColor"
        fillRule="evenodd"
      />
    ),
  },
  passed: {
    word: 'Live',
    tone: 'text-ok',
    bar: 'bg-ok-bar',
    shape: (
      <path
        d="M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm-1 8.1L5.2 7.3 4 8.5l3 3 5.2-5.2L11 5.1Z"
        fill="currentColor"
        fillRule="evenodd"
      />
    ),
  },
  failed: {
    word: 'Failed',
    tone: 'text-fail',
    bar: 'bg-fail-bar',
    shape: (
      <path
        d="M3 1h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V3a2 2 0 0 1 2-2Zm2.6 3.6L4.5 5.7 6.9 8l-2.4 2.3 1.1 1.1L8 9.1l2.4 2.3 1.1-1.1L9.1 8l2.4-2.3-1.1-1.1L8 6.9Z"
        fill="currentColor"
        fillRule="evenodd"
      />
    ),
  },
  halted: {
    word: 'Halted',
    tone: 'text-fail',
    bar: 'bg-fail-bar',
    shape: <path d="M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5ZM6.5 5.5v5m3-5v5" {...stroke} />,
  },
  rolledback: {
    word: 'Rolled back',
    tone: 'text-back',
    bar: 'bg-back-bar',
    shape: <path d="M6 3 2.5 6.5 6 10M3 6.5h6.5a4 4 0 0 1 0 8H8" {...stroke} />,
  },
  skipped: {
    word: 'Skipped',
    tone: 'text-idle',
    bar: 'bg-idle-bar',
    shape: <path d="M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Zm-4.2 10.2 8.4-8.4" {...stroke} />,
  },
  held: {
    word: 'Held',
    tone: 'text-wait',
    bar: 'bg-wait-bar',
    shape: <path d="M4 7h8v6.5H4ZM5.5 7V5a2.5 2.5 0 0 1 5 0v2" {...stroke} />,
  },
};

export function StatusGlyph({ status }: { readonly status: Status }) {
  const { tone, shape } = LOOKS[status];
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" className={`shrink-0 ${tone}`}>
      {shape}
    </svg>
  );
}

export function StatusWord({
  status,
  word,
}: {
  readonly status: Status;
  readonly word?: string | undefined;
}) {
  const look = LOOKS[status];
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${look.tone}`}>
      <StatusGlyph status={status} />
      {word ?? look.word}
    </span>
  );
}

/** A whole sentence with its glyph: it may wrap, and only the glyph has the colour. */
export function StatusNote({ status, children }: { readonly status: Status; readonly children: string }) {
  return (
    <span className="flex items-start gap-1.5">
      <span className="pt-1">
        <StatusGlyph status={status} />
      </span>
      {children}
    </span>
  );
}

/** The colour of its piece of a bar; never alone, the word stands in the row. */
export function barOf(status: Status): string {
  return LOOKS[status].bar;
}

export function statusWord(status: Status): string {
  return LOOKS[status].word;
}

export function statusOfRun(state: RunStateName): Status {
  switch (state) {
    case 'planned':
      return 'scheduled';
    case 'running':
      return 'running';
    case 'waiting':
    case 'needs-a-person':
      return 'waiting';
    case 'paused':
    case 'suspended':
      return 'held';
    case 'undoing':
    case 'recovering':
    case 'rolled-back':
    case 'recovered':
      return 'rolledback';
    case 'succeeded':
      return 'passed';
    case 'cancelled':
      return 'skipped';
    case 'aborted':
    case 'failed':
      return 'failed';
    default:
      return state satisfies never;
  }
}

/** Where a run has a better word than its status; one that waits says whether for a person or for a rule. */
export function wordOfRun(state: RunStateName, waitingCode: string | null): string | undefined {
  if (state === 'succeeded') return 'Upgraded';
  if (state === 'cancelled') return 'Cancelled';
  if (state === 'paused') return 'Paused';
  if (state === 'undoing') return 'Rolling back';
  if (state === 'recovering') return 'Recovering';
  if (state === 'waiting' && waitingCode !== null && HOLD_CODES.has(waitingCode)) return 'Held';
  return undefined;
}

const HOLD_CODES: ReadonlySet<string> = new Set([
  'stopped',
  'release-withdrawn',
  'frozen',
  'no-window',
  'window-shut',
  'window-too-short',
  'instance-busy',
]);

export function statusOfDecision(verdict: Verdict): Status {
  switch (verdict) {
    case 'up-to-date':
      return 'passed';
    case 'start':
    case 'wait':
      return 'scheduled';
    case 'hold':
      return 'held';
    case 'refuse':
      return 'halted';
    default:
      return verdict satisfies never;
  }
}

export function statusOfStep(state: StepState): Status {
  switch (state) {
    case 'pending':
      return 'planned';
    case 'running':
      return 'running';
    case 'waiting':
    case 'unknown':
      return 'waiting';
    case 'retrying':
      return 'scheduled';
    case 'succeeded':
    case 'done-by-hand':
      return 'passed';
    case 'failed':
      return 'failed';
    case 'undone':
      return 'rolledback';
    case 'skipped':
    case 'cancelled':
      return 'skipped';
    default:
      return state satisfies never;
  }
}
