/**
 * Redaction of output as it comes: a secret may be cut anywhere between two chunks or two lines, so the end of what came is
 * held back until it is certain that no secret begins in it.
 */
import type { Span } from './format-rules.ts';
import { maskSpans, MASK, type Redactor } from './redactor.ts';

/** A private key or a header that never ends would be held for ever: of a longer one only its beginning and its end are. */
const MAX_HELD_CHARS = 64 * 1024;
const KEPT_OF_BEGINNING = 256;

export interface StreamRedactor {
  /** Takes a chunk and gives what may be shown by now; often nothing. */
  readonly push: (chunk: string) => string;
  /** Gives the rest. */
  readonly end: () => string;
}

/** The last place up to `limit` at which nothing that was recognised is cut in two. */
function cutBefore(spans: readonly Span[], limit: number): number {
  const across = spans.filter((span) => span.from < limit && span.end > limit);
  return across.length === 0 ? limit : cutBefore(spans, Math.min(...across.map((span) => span.from)));
}

export function createStreamRedactor(redactor: Redactor): StreamRedactor {
  let held = '';
  return {
    push: (chunk) => {
      held += chunk;
      const reach = redactor.reach();
      // Twice what must be held, so that small chunks do not make us look at the same text again and again.
      if (held.length < 2 * reach) return '';
      const spans = redactor.spans(held);
      const cut = cutBefore(spans, held.length - reach);
      const shown = maskSpans(
        held.slice(0, cut),
        spans.filter((span) => span.end <= cut),
      );
      held = held.slice(cut);
      if (held.length > MAX_HELD_CHARS && spans.some((span) => span.from === cut && span.open))
        held = held.slice(0, KEPT_OF_BEGINNING) + held.slice(-reach);
      return shown;
    },
    end: () => {
      const shown = redactor.redact(held);
      held = '';
      return shown;
    },
  };
}

const KEY_BEGINS = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;
const KEY_ENDS = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;
/** Longer than any key; then somebody has only written the words. */
const MAX_KEY_LINES = 400;

/**
 * Redaction line by line, for a log that shows each line at once: what lies between the first and last line of a private key
 * is hidden although no single line of it says what it is.
 */
export function createLineRedactor(redactor: Redactor): (line: string) => string {
  let left = 0;
  return (line) => {
    if (left > 0) {
      left = KEY_ENDS.test(line) ? 0 : left - 1;
      if (left === 0) return redactor.redact(line);
      return line.trim() === '' ? line : MASK;
    }
    if (KEY_BEGINS.test(line) && !KEY_ENDS.test(line)) left = MAX_KEY_LINES;
    return redactor.redact(line);
  };
}
