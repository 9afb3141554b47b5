/**
 * Secrets that nobody told us of, known by their shape: private keys, authorization headers, passwords in URLs, the tokens of
 * services that mark theirs. Every pattern is anchored by a literal and bounded, so that no input makes it slow; and none is
 * tried on text in which the redactor's one pass has not met three characters that it cannot do without.
 */
export interface Span {
  /** Where what was recognised begins; from here on the text must stay together to be recognised again. */
  readonly from: number;
  /** What must not be seen: from here … */
  readonly start: number;
  /** … to before here. */
  readonly end: number;
  /** It may go on behind the end of the text. */
  readonly open: boolean;
}

interface Rule {
  /** Bit of the pass's table; rules that are seldom met share one. */
  readonly bit: number;
  /** Three characters of which every match has one set. */
  readonly signs: readonly string[];
  /** The group `secret` is what is hidden. */
  readonly pattern: RegExp;
}

/** No match is longer than this before it is recognised; what is hidden may go on. */
export const RULE_REACH = 2_048;

/** `uth` in every mixture of small letters and capitals. */
function anyCase(sign: string): readonly string[] {
  let signs = [''];
  for (const char of sign)
    signs = signs.flatMap((text) => [text + char.toLowerCase(), text + char.toUpperCase()]);
  return signs;
}

const RULES: readonly Rule[] = [
  {
    bit: 2,
    signs: ['VAT'],
    pattern:
      /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?<secret>[\s\S]*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/dg,
  },
  {
    // To the end of the line or of the quoted string: schemes have parameters with blanks and commas.
    bit: 4,
    signs: anyCase('uth'),
    pattern:
      /(?:proxy-)?authorization\\?["']?[ \t]{0,8}[:=][ \t]{0,8}\\?["']?(?:(?:basic|bearer|digest|negotiate|token|apikey|aws4-hmac-sha256)[ \t]{1,8})?(?<secret>[^\s"'\\][^\r\n"'\\]*)/dgi,
  },
  { bit: 8, signs: anyCase('rer'), pattern: /\bbearer[ \t]{1,8}(?<secret>[A-Za-z0-9._~+/=-]{16,})/dgi },
  // Greedy up to the last @: passwords with an @ in them are put into URLs by hand.
  { bit: 16, signs: ['://'], pattern: /:\/\/[^\s:@/]{0,256}:(?<secret>[^\s/"'<>]{1,1024})@/dg },
  {
    bit: 32,
    signs: ['ghp', 'gho', 'ghu', 'ghs', 'ghr', 'hub'],
    pattern: /(?<![A-Za-z0-9_])(?<secret>gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})/dg,
  },
  {
    bit: 64,
    signs: ['AKI', 'ASI'],
    pattern: /(?<![A-Za-z0-9])(?<secret>A[KS]IA[A-Z2-7]{16})(?![A-Za-z0-9])/dg,
  },
  {
    bit: 64,
    signs: anyCase('ssk').concat('ss_', 'SS_'),
    pattern:
      /(?:aws_?secret_?access_?key|secretaccesskey)\\?["']?[ \t]{0,8}[:=][ \t]{0,8}\\?["']?(?<secret>[A-Za-z0-9/+]{40})/dgi,
  },
  {
    bit: 128,
    signs: ['eyJ'],
    pattern:
      /(?<![A-Za-z0-9_-])(?<secret>eyJ[A-Za-z0-9_-]{8,1500}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?)/dg,
  },
];

/** What the pass looks out for: three characters, and the bit that says so. */
export const RULE_SIGNS: readonly (readonly [sign: string, bit: number])[] = RULES.flatMap(({ bit, signs }) =>
  signs.map((sign) => [sign, bit] as const),
);

/** Spans of everything in `text` that has the shape of a secret, in no order. `bits`: the signs that were met. */
export function formatSpans(text: string, bits: number): Span[] {
  const spans: Span[] = [];
  for (const { bit, pattern } of RULES) {
    if ((bits & bit) === 0) continue;
    for (const match of text.matchAll(pattern)) {
      const [start, end] = match.indices?.groups?.['secret'] ?? [match.index, match.index + match[0].length];
      spans.push({ from: match.index, start, end, open: end === text.length });
    }
  }
  return spans;
}
