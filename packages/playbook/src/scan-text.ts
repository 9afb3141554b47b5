/**
 * What can be refused of a text before a parser sees it, in one cheap pass each: characters that are damage or disguise, and
 * nesting that would eat the parser's stack.
 */
import type { Position } from './source-error.ts';

/** Twenty levels are more than any of our files needs; the parser takes its own stack per level. */
export const MAX_DEPTH = 64;

interface Finding extends Position {
  readonly message: string;
  readonly expected: string | null;
}

/**
 * Control characters move a terminal's cursor, PostgreSQL stores no NUL, and the bidirectional overrides make a line read
 * otherwise than it runs. Tab, line feed and carriage return are text.
 */
// oxlint-disable-next-line no-control-regex -- these characters are the point
const FORBIDDEN = /[\0-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\u202A-\u202E\u2066-\u2069]/;

/** True for text that no file of ours may contain, be it raw or spelled as an escape. */
export function isForbiddenText(text: string): boolean {
  return FORBIDDEN.test(text) || !text.isWellFormed();
}

/** The first character that is damage or disguise. */
export function findBadCharacter(text: string): Finding | null {
  // A replacement character or half a surrogate pair is text that was already damaged by a wrong decoder.
  const replaced = text.indexOf('\uFFFD');
  const damaged = replaced >= 0 ? replaced : text.isWellFormed() ? -1 : text.search(/\p{Surrogate}/u);
  if (damaged >= 0)
    return { ...positionAt(text, damaged), message: 'the file is not UTF-8', expected: 'UTF-8 text' };
  const control = text.search(FORBIDDEN);
  if (control < 0) return null;
  const code = text.charCodeAt(control).toString(16).toUpperCase().padStart(4, '0');
  return {
    ...positionAt(text, control),
    message: `the character U+${code} is not allowed`,
    expected: 'plain text',
  };
}

/** Cheap and a little too strict on purpose: brackets inside quotes count as well. */
export function findTooDeep(text: string): Finding | null {
  let depth = 0;
  let dashes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === '[' || char === '{') depth += 1;
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
    else if (char === '-' || char === '?' || char === ':') dashes += text[index + 1] === ' ' ? 1 : 0;
    else if (char === '\n') dashes = 0;
    else if (char !== ' ') dashes = 0;
    if (depth > MAX_DEPTH || dashes > MAX_DEPTH)
      return { ...positionAt(text, index), message: TOO_DEEP, expected: null };
  }
  return null;
}

export const TOO_DEEP = `nested more than ${MAX_DEPTH} levels deep`;

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}
