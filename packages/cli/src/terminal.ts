/**
 * What the CLI prints: tables for people, one JSON document for scripts (`--json`), problems on stderr. Times are in the
 * site's zone with the zone printed, or in UTC where no site is meant. Colour only where a terminal is looking.
 */
import { createInterface } from 'node:readline/promises';
import { stripVTControlCharacters, styleText } from 'node:util';
import Table from 'cli-table3';

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly isTty: boolean;
  readonly columns: number;
  /** Asks and gives what was typed; absent where nobody is there to answer. */
  readonly ask?: (question: string, signal: AbortSignal) => Promise<string>;
}

/** On standard error: standard output may be going elsewhere. An input that ends (Ctrl-D) has said nothing. */
async function askOnTerminal(question: string, signal: AbortSignal): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise<string>((resolve, reject) => {
      reader.once('close', () => resolve(''));
      reader.question(question, { signal }).then(resolve, reject);
    });
  } finally {
    reader.close();
  }
}

export function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    isTty: process.stdout.isTTY,
    columns: process.stdout.columns ?? 120,
    ...(process.stdin.isTTY ? { ask: askOnTerminal } : {}),
  };
}

type Tone = 'ok' | 'run' | 'wait' | 'fail' | 'back' | 'idle' | 'bold';
const TONES: Readonly<Record<Tone, Parameters<typeof styleText>[0]>> = {
  ok: 'green',
  run: 'cyan',
  wait: 'yellow',
  fail: 'red',
  back: 'magenta',
  idle: 'gray',
  bold: 'bold',
};

/** `styleText` itself leaves colour out for NO_COLOR and where no terminal is looking. */
export function tone(name: Tone, text: string): string {
  return styleText(TONES[name], text);
}

/** State words with their glyph: never by colour alone. */
const STATE_TONES: Readonly<Record<string, readonly [Tone, string]>> = {
  'up-to-date': ['ok', '✓'],
  start: ['run', '▶'],
  wait: ['idle', '◷'],
  // Not every font has a padlock or a key.
  hold: ['wait', '‖'],
  refuse: ['fail', '✗'],
  planned: ['idle', '○'],
  running: ['run', '◉'],
  waiting: ['wait', '◆'],
  paused: ['wait', '‖'],
  suspended: ['wait', '‖'],
  undoing: ['back', '↩'],
  recovering: ['back', '↩'],
  'needs-a-person': ['wait', '◆'],
  succeeded: ['ok', '✓'],
  'rolled-back': ['back', '↩'],
  recovered: ['back', '↩'],
  aborted: ['fail', '■'],
  cancelled: ['idle', '⊘'],
  failed: ['fail', '✗'],
  pending: ['idle', '○'],
  unknown: ['wait', '?'],
  retrying: ['wait', '↻'],
  skipped: ['idle', '⊘'],
  'done-by-hand': ['ok', '✓'],
  undone: ['back', '↩'],
};

export function state(word: string): string {
  const [name, glyph] = STATE_TONES[word] ?? (['idle', '·'] as const);
  return tone(name, `${glyph} ${word}`);
}

const BORDERLESS = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '',
  'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ',
}; // prettier-ignore

/** A table without rules; rows of text. Control characters of values are taken out: they may come from anywhere. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const grid = new Table({
    head: head.map((text) => tone('idle', text)),
    chars: BORDERLESS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  grid.push(...rows.map((row) => [...row]));
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Text that came from elsewhere, on one line and without anything that a terminal would act on. */
export function plain(text: string | null | undefined): string {
  // eslint-disable-next-line no-control-regex
  return stripVTControlCharacters(text ?? '').replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

/** An instant in a zone, `26 Nov 02:00 Europe/Amsterdam`; UTC without a zone. */
export function time(iso: string | null, zone = 'UTC'): string {
  if (iso === null) return '–';
  const text = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    day: '2-digit',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(new Date(iso));
  return `${text.replace(',', '')} ${zone}`;
}

/** A day in UTC that may be years away, `26 Nov 2027`. */
export function day(iso: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: 'UTC',
    day: '2-digit',
    month: 'short',
    year: 'numeric',
  }).format(new Date(iso));
}

/** On one line of this width; whole where no terminal is looking. Colours are no characters. */
export function fit(line: string, columns: number | null): string {
  if (columns === null || stripVTControlCharacters(line).length <= columns) return line;
  let seen = 0;
  let kept = '';
  // eslint-disable-next-line no-control-regex
  for (const [part] of line.matchAll(/\u001b\[[0-9;]*m|[\s\S]/gu)) {
    if (part.startsWith('\u001b')) kept += part;
    else if (seen < columns - 1) {
      kept += part;
      seen += 1;
    }
  }
  return `${kept}…`;
}

/** `4 s`, `2 min 05 s`, `1 h 10 min`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
