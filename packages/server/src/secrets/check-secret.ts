/**
 * What may be kept as a secret. A value that cannot be found again in a log cannot be hidden there: too short, too plain, or
 * a whole document of which a program will print one leaf. Such values are refused at entry, with what to do instead.
 */
import { parse } from 'yaml';

export const MIN_SECRET_CHARS = 8;
/** GCM could seal more; a redactor carries this much from chunk to chunk. */
export const MAX_SECRET_CHARS = 16_384;
/** Fewer and a line of dashes or zeros in any log would be hidden too. */
const MIN_DIFFERENT_CHARS = 4;
export const SECRET_NAME = /^[a-z][a-z0-9-]{0,62}$/;

export type SecretVerdict =
  { readonly ok: true } | { readonly ok: false; readonly reasons: readonly string[] };

/** True for a JSON or YAML document with parts: an object, a list, keys with values. A PEM key is none. */
function isDocument(value: string): boolean {
  const text = value.trim();
  // Its headers look like keys with values.
  if (text.startsWith('-----BEGIN ')) return false;
  if (/^[[{]/.test(text)) {
    try {
      JSON.parse(text);
      return true;
    } catch {
      // A passphrase may well begin with a bracket.
    }
  }
  if (!/^\s*(- |[\w."'-]+\s*:(\s|$))/m.test(text)) return false;
  try {
    const parsed: unknown = parse(text, { logLevel: 'silent' });
    return typeof parsed === 'object' && parsed !== null;
  } catch {
    return false;
  }
}

export function checkSecretValue(value: string): SecretVerdict {
  const reasons: string[] = [];
  if (value.trim().length < MIN_SECRET_CHARS)
    reasons.push(`it has fewer than ${MIN_SECRET_CHARS} characters: it could not be hidden in a log`);
  else if (new Set(value).size < MIN_DIFFERENT_CHARS)
    reasons.push(
      `it has fewer than ${MIN_DIFFERENT_CHARS} different characters: it could not be hidden in a log`,
    );
  if (value.includes('\0')) reasons.push('it has a NUL character, which no environment can carry');
  if (value.length > MAX_SECRET_CHARS) reasons.push(`it has more than ${MAX_SECRET_CHARS} characters`);
  else if (isDocument(value))
    reasons.push('it is a whole JSON or YAML document: set each secret in it under a name of its own');
  return reasons.length === 0 ? { ok: true } : { ok: false, reasons };
}

export function checkSecretName(name: string): SecretVerdict {
  if (SECRET_NAME.test(name)) return { ok: true };
  return {
    ok: false,
    reasons: [
      'a name is in kebab-case: at most 63 small letters, digits and dashes, beginning with a letter',
    ],
  };
}
