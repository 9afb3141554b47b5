/**
 * Reads a JSON body strictly: UTF-8 without a byte order mark, no key twice, no `__proto__`, bounded depth. `JSON.parse` keeps
 * the last of two equal keys in silence, so a proxy that looked at the first one would have let something else through.
 */
import { Problem } from '@sitelift/contract/problems.ts';

/** Deeper than anything that the contract describes. */
export const MAX_DEPTH = 100;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function malformed(detail: string, cause?: unknown): Problem {
  return new Problem('malformed-body', { detail }, cause === undefined ? undefined : { cause });
}

/** End (exclusive) of the string literal that begins at `start`. The text has been parsed already: it is well-formed. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** Throws for what `JSON.parse` lets through. `text` must be well-formed JSON. */
function refuseDoubts(text: string): void {
  // One entry per open bracket: the keys seen in an object, null in an array.
  const open: (Set<string> | null)[] = [];
  let expectsKey = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '{':
        open.push(new Set());
        expectsKey = true;
        break;
      case '[':
        open.push(null);
        expectsKey = false;
        break;
      case '}':
      case ']':
        open.pop();
        expectsKey = false;
        break;
      case ',':
        expectsKey = open.at(-1) !== null;
        break;
      case '"': {
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (expectsKey && keys !== null && keys !== undefined) {
          const key: unknown = JSON.parse(text.slice(at, end));
          if (keys.has(String(key))) throw malformed('a key stands twice in the same object');
          if (key === '__proto__') throw malformed('the key __proto__ is not accepted');
          keys.add(String(key));
          expectsKey = false;
        }
        at = end - 1;
        break;
      }
      default:
    }
    if (open.length > MAX_DEPTH) throw malformed(`more than ${MAX_DEPTH} levels deep`);
  }
}

export function parseJson(body: Uint8Array): unknown {
  let text: string;
  try {
    text = decoder.decode(body);
  } catch (cause) {
    throw malformed('the body is not UTF-8', cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // V8's message quotes the text around the mistake: it goes to nobody.
    throw malformed('the body is not JSON', cause);
  }
  refuseDoubts(text);
  return value;
}
