/**
 * What zod found, as a person would say it, with its place in the file. Schemas give their `error` text as the phrase
 * after "expected: ", so that one wording serves both.
 */
import { z } from 'zod';
import { nearestWord } from './nearest-word.ts';
import type { YamlPath, YamlSource } from './read-yaml.ts';
import type { SourceError } from './source-error.ts';

const KEYS_PREFIX = 'one of the keys ';

/** An object that knows all its keys and refuses any other one by naming them. */
export function closed<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `${KEYS_PREFIX}${keys}` : `a mapping with the keys ${keys}`,
  });
}

export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  source: YamlSource,
  base: YamlPath,
): SourceError[] {
  return issues.flatMap((issue) => explainIssue(issue, source, base));
}

function explainIssue(issue: z.core.$ZodIssue, source: YamlSource, base: YamlPath): SourceError[] {
  const at = [...base, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  const { path } = source;
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.startsWith(KEYS_PREFIX)
      ? issue.message.slice(KEYS_PREFIX.length).split(', ')
      : [];
    return issue.keys.map((key) => {
      const near = nearestWord(key, known);
      const message = `unknown key \`${key}\`${near === null ? '' : `; did you mean \`${near}\`?`}`;
      return { path, ...source.keyPositionOf([...at, key]), message, expected: issue.message };
    });
  }
  const name = nameOf(at);
  const found = valueAt(source.value, at);
  const expected = expectationOf(issue);
  if (found === undefined)
    return [{ path, ...source.positionOf(at), message: `${name} is missing`, expected }];
  if (issue.code === 'invalid_value' && typeof found === 'string') {
    const near = nearestWord(found, issue.values.map(String));
    const message = `${name} is \`${found}\`${near === null ? '' : `; did you mean \`${near}\`?`}`;
    return [{ path, ...source.positionOf(at), message, expected }];
  }
  return [{ path, ...source.positionOf(at), message: `${name} is ${describeValue(found)}`, expected }];
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

function describeValue(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string')
    return value.length > SHOWN_LENGTH ? `"${value.slice(0, SHOWN_LENGTH)}…"` : `"${value}"`;
  return `the ${typeof value === 'boolean' ? 'truth value' : 'number'} ${String(value)}`;
}
