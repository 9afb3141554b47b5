/**
 * Hides secrets in text before it is stored or sent. One pass looks up three characters at every place in a table of what any
 * known shape begins with, and compares only where it says so; a second applies the rules of format. One pass per secret
 * would grow with the number of secrets, and one big alternation of a regular expression is slower still.
 */
import { formatSpans, RULE_REACH, RULE_SIGNS, type Span } from './format-rules.ts';
import { secretForms } from './secret-forms.ts';

export const MASK = '[redacted]';
/** A shorter one is refused where secrets are set; if it comes from elsewhere, hiding it would hide half of every log. */
const MIN_CHARS = 4;
/** Seven bits of each of three characters: no two of ASCII share a place. */
const TABLE_SIZE = 1 << 21;
/** In the table: a shape of a secret begins so. The other bits belong to the rules of format. */
const SECRET_BIT = 1;

export interface Redactor {
  readonly redact: (text: string) => string;
  /** Hides this one too from now on. */
  readonly add: (secret: string) => void;
  /** What `redact` would hide, in order; overlapping ones joined. */
  readonly spans: (text: string) => readonly Span[];
  /** So much of the text behind a place must be known to say whether a secret begins there. */
  readonly reach: () => number;
}

function slot(a: number, b: number, c: number): number {
  return ((a << 14) ^ (b << 7) ^ c) & (TABLE_SIZE - 1);
}

/** Joins those that overlap; touching ones stay apart, so that the result does not depend on where a stream was cut. */
function joined(spans: Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = result.at(-1);
    if (last === undefined || span.start >= last.end) {
      result.push(span);
      continue;
    }
    const further = span.end > last.end ? span : last;
    result[result.length - 1] = {
      from: Math.min(last.from, span.from),
      start: last.start,
      end: further.end,
      open: last.open || span.open,
    };
  }
  return result;
}

export function maskSpans(text: string, spans: readonly Span[]): string {
  if (spans.length === 0) return text;
  let result = '';
  let at = 0;
  for (const { start, end } of spans) {
    result += text.slice(at, start) + MASK;
    at = end;
  }
  return result + text.slice(at);
}

export function createRedactor(secrets: Iterable<string> = []): Redactor {
  const table = new Uint8Array(TABLE_SIZE);
  const bySlot = new Map<number, string[]>();
  const known = new Set<string>();
  let longest = 0;

  const mark = (begin: string, bit: number): number => {
    const key = slot(begin.charCodeAt(0), begin.charCodeAt(1), begin.charCodeAt(2));
    table[key] = (table[key] ?? 0) | bit;
    return key;
  };

  const add = (secret: string): void => {
    for (const form of secretForms(secret)) {
      if (form.length < MIN_CHARS || known.has(form)) continue;
      known.add(form);
      longest = Math.max(longest, form.length);
      const key = mark(form, SECRET_BIT);
      // The longest first: it is the one that hides everything.
      bySlot.set(
        key,
        [...(bySlot.get(key) ?? []), form].sort((a, b) => b.length - a.length),
      );
    }
  };

  const longestAt = (text: string, index: number, key: number): number => {
    for (const form of bySlot.get(key) ?? []) if (text.startsWith(form, index)) return form.length;
    return 0;
  };

  const spans = (text: string): readonly Span[] => {
    const found: Span[] = [];
    let bits = 0;
    let a = text.charCodeAt(0);
    let b = text.charCodeAt(1);
    // Every place is looked at, also within what is hidden already: another secret may begin there and end later.
    for (let index = 0; index + 2 < text.length; index += 1) {
      const c = text.charCodeAt(index + 2);
      const key = slot(a, b, c);
      const entry = table[key] ?? 0;
      a = b;
      b = c;
      if (entry === 0) continue;
      bits |= entry;
      if ((entry & SECRET_BIT) === 0) continue;
      const length = longestAt(text, index, key);
      if (length > 0) found.push({ from: index, start: index, end: index + length, open: false });
    }
    return joined([...found, ...formatSpans(text, bits)]);
  };

  for (const [sign, bit] of RULE_SIGNS) mark(sign, bit);
  for (const secret of secrets) add(secret);
  return {
    redact: (text) => maskSpans(text, spans(text)),
    add,
    spans,
    reach: () => Math.max(longest, RULE_REACH),
  };
}
