/**
 * What zod found, as a person would say it, with its place in the file. Schemas give their `error` text as the phrase
 * after "expected: ", so that one wording serves both.
 */
import { z } from 'zod';
import { didYouMean } from './nearest-word.ts';
import type { YamlPath, YamlSource } from './read-yaml.ts';
import { MAX_ERRORS_PER_FILE, type SourceError } from './source-error.ts';

const KEYS_PREFIX = 'one of the keys ';

/** An object that knows all its keys and refuses any other one by naming them. */
export function closed<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `${KEYS_PREFIX}${keys}` : `a mapping with the keys ${keys}`,
  });
}

/** `base` is where the value stands that the schema was given. */
export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  source: YamlSource,
  base: YamlPath,
): SourceError[] {
  const found: SourceError[] = [];
  for (const issue of issues) explainIssue(issue, source, base, found);
  return found;
}

function explainIssue(
  issue: z.core.$ZodIssue,
  source: YamlSource,
  base: YamlPath,
  found: SourceError[],
): void {
  const at = [...base, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  const { path } = source;
  const value = valueAt(source.value, at);
  // More hints than are ever shown would compare every wrong word with every right one for nothing.
  const hint = (word: string, known: readonly string[]) =>
    found.length < MAX_ERRORS_PER_FILE ? didYouMean(word, known) : '';
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.startsWith(KEYS_PREFIX)
      ? issue.message.slice(KEYS_PREFIX.length).split(', ')
      : [];
    for (const key of issue.keys) {
      const message = `unknown key \`${key}\`${hint(key, known)}`;
      found.push({ path, ...source.keyPositionOf([...at, key]), message, expected: issue.message });
    }
    return;
  }
  const branch = issue.code === 'invalid_union' ? meantBranch(issue.errors, value) : null;
  if (branch !== null) {
    for (const inner of branch) explainIssue(inner, source, at, found);
    return;
  }
  const name = nameOf(at);
  const expected = expectationOf(issue);
  const message =
    value === undefined
      ? `${name} is missing`
      : issue.code === 'invalid_value' && typeof value === 'string'
        ? `${name} is \`${shortened(value)}\`${hint(value, issue.values.map(String))}`
        : `${name} is ${describeValue(value)}${typeof value === 'string' ? hint(value, wordsOf(issue)) : ''}`;
  found.push({ path, ...source.positionOf(at), message, expected });
}

/** The words that a union would have taken, alone or in a list. */
function wordsOf(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  return issue.code === 'invalid_union' ? issue.errors.flatMap((branch) => branch.flatMap(wordsOf)) : [];
}

/**
 * Of the shapes that a mapping or list could have had, the one that fits best: fewest faults, and faults inside rather than
 * of the kind of value. Null when that says nothing, and then the union's own wording does.
 */
function meantBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
  value: unknown,
): readonly z.core.$ZodIssue[] | null {
  if (typeof value !== 'object' || value === null) return null;
  const faults = (issues: readonly z.core.$ZodIssue[]) =>
    issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
  const possible = branches
    .filter(
      (issues) => !issues.some((issue) => issue.path.length === 0 && issue.code !== 'unrecognized_keys'),
    )
    .sort((a, b) => faults(a) - faults(b));
  const [best, next] = possible;
  if (best === undefined || (next !== undefined && faults(next) === faults(best))) return null;
  return best;
}

/** Zod's own sentences all begin like this; any other text is the phrase that the schema gave. */
const ZODS_OWN = /^(Invalid|Too (small|big)|Unrecognized)/;

function expectationOf(issue: z.core.$ZodIssue): string {
  if (!ZODS_OWN.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? issue.expected;
    case 'too_small':
      return `at least ${issue.minimum}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
};

function nameOf(at: YamlPath): string {
  const last = at.at(-1);
  if (last === undefined) return 'the file';
  return typeof last === 'number'
    ? `item ${last + 1} of \`${String(at.at(-2) ?? 'the list')}\``
    : `\`${last}\``;
}

export function valueAt(value: unknown, at: YamlPath): unknown {
  let found = value;
  for (const key of at) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string | number, unknown>)[key]; // an own property of an object, shown just above
  }
  return found;
}

/** Text longer than this is shown by its beginning. */
const SHOWN_LENGTH = 60;

function shortened(text: string): string {
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

function describeValue(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return JSON.stringify(shortened(value));
  return typeof value === 'boolean' ? `the truth value ${value}` : `the number ${Number(value)}`;
}
