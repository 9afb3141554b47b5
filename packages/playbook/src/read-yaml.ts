/**
 * From bytes that somebody else wrote to a plain value that remembers where each part stood. Refuses early and cheaply:
 * size first, then encoding, then nesting, and only then is the text parsed. What a YAML library would do by itself is
 * taken away: no tags (they choose types, or code), no merge keys, no `__proto__`, no key twice, few aliases.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Alias,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import { findBadCharacter, findTooDeep, isForbiddenText, MAX_DEPTH, TOO_DEEP } from './scan-text.ts';
import {
  MAX_ERRORS_PER_FILE,
  sortSourceErrors,
  START_OF_FILE,
  type Position,
  type SourceError,
} from './source-error.ts';

/** A value that aliases blow up to more nodes than this is a bomb: a full 1 MiB file has about 200,000. */
const MAX_NODES = 300_000;
const MAX_ALIASES = 1_000;

export type YamlPath = readonly (string | number)[];

export interface YamlSource {
  readonly path: string;
  readonly value: unknown;
  /** Where the value at `at` begins; where its nearest existing parent does when it is missing. */
  positionOf(at: YamlPath): Position;
  /** Where the key that ends `at` stands. */
  keyPositionOf(at: YamlPath): Position;
}

export type ReadYaml =
  { readonly source: YamlSource } | { readonly errors: readonly [SourceError, ...SourceError[]] };

function wholeFile(path: string, message: string, expected: string | null): ReadYaml {
  return { errors: [{ path, ...START_OF_FILE, message, expected }] };
}

/** `maxBytes` is checked before anything looks at the text. */
export function readYaml(input: string | Uint8Array, path: string, maxBytes: number): ReadYaml {
  // A character is at least one byte, so a long string is refused without being encoded.
  const tooLong =
    input.length > maxBytes || (typeof input === 'string' && Buffer.byteLength(input) > maxBytes);
  if (tooLong) return wholeFile(path, 'the file is too large', `at most ${Math.floor(maxBytes / 1024)} KiB`);
  let text: string;
  try {
    text = typeof input === 'string' ? input : new TextDecoder('utf-8', { fatal: true }).decode(input);
  } catch {
    return wholeFile(path, 'the file is not UTF-8', 'UTF-8 text');
  }
  // A string may still carry the mark that a decoder of bytes takes off.
  if (text.startsWith('\uFEFF')) text = text.slice(1);
  const refused = findBadCharacter(text) ?? findTooDeep(text);
  return refused === null ? compose(text, path) : { errors: [{ path, ...refused }] };
}

/**
 * The library makes an error object per fault, 65,000 for a file of brackets; without their stack traces that takes a
 * quarter of the time. Nothing else runs meanwhile.
 */
function withoutStackTraces<Result>(work: () => Result): Result {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function compose(text: string, path: string): ReadYaml {
  const lines = new LineCounter();
  let document: Document;
  try {
    // Keys that stand twice are found below: the library compares every key with every other one.
    // With `logLevel: silent` the library would drop every document after the first without a word.
    document = withoutStackTraces(() =>
      parseDocument(text, {
        schema: 'core',
        uniqueKeys: false,
        prettyErrors: false,
        lineCounter: lines,
        logLevel: 'error',
      }),
    );
  } catch (error) {
    return wholeFile(
      path,
      `cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`,
      null,
    );
  }
  const at = (offset: number | undefined): Position => {
    const { line, col } = lines.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  // One broken bracket makes thousands of complaints; the first ones tell where.
  const errors: SourceError[] = document.errors.slice(0, MAX_ERRORS_PER_FILE).map((error) => ({
    path,
    ...at(error.pos[0]),
    ...(error.code === 'MULTIPLE_DOCS'
      ? { message: 'a second document begins here', expected: 'one document per file, no `---`' }
      : { message: `not YAML: ${error.message.split('\n')[0] ?? ''}`, expected: null }),
  }));
  const aliases = errors.length > 0 || !text.includes('*') ? NO_ALIASES : resolveAliases(document);
  const value = errors.length > 0 ? null : convertDocument(document, aliases, path, at, errors);
  const [first, ...rest] = sortSourceErrors(errors);
  if (first !== undefined) return { errors: [first, ...rest] };
  return {
    source: {
      path,
      value,
      positionOf: (keys) => at(find(document, aliases, keys).value),
      keyPositionOf: (keys) => at(find(document, aliases, keys).key),
    },
  };
}

/** What each alias stands for: the nearest anchor of its name before it. The library would search the file for each one. */
type Aliases = ReadonlyMap<Alias, Node>;
const NO_ALIASES: Aliases = new Map();

function resolveAliases(document: Document): Aliases {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Alias: (_key, alias) => {
      const target = anchors.get(alias.source);
      if (target !== undefined) targets.set(alias, target);
    },
    Value: (_key, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

class TooManyNodes extends Error {}

function convertDocument(
  document: Document,
  aliases: Aliases,
  path: string,
  at: (offset: number | undefined) => Position,
  errors: SourceError[],
): unknown {
  let nodes = 0;
  let followed = 0;
  const refuse = (offset: number | undefined, message: string, expected: string | null) =>
    errors.push({ path, ...at(offset), message, expected });

  const convert = (node: unknown, depth: number): unknown => {
    nodes += 1;
    if (nodes > MAX_NODES || followed > MAX_ALIASES) throw new TooManyNodes();
    if (depth > MAX_DEPTH) {
      refuse(rangeOf(node), TOO_DEEP, null);
      return null;
    }
    if (isAlias(node)) {
      followed += 1;
      const target = aliases.get(node);
      if (target === undefined)
        refuse(node.range?.[0], `*${node.source} stands for nothing`, 'an anchor before it');
      return convert(target, depth + 1);
    }
    if (isMap(node) || isSeq(node) || isScalar(node)) {
      if (node.tag !== undefined && node.tag !== '')
        refuse(node.range?.[0], `the tag ${shortTag(node.tag)} is not allowed`, 'a plain value');
    }
    if (isScalar(node))
      return scalarValue(node.value, (message, expected) => refuse(node.range?.[0], message, expected));
    if (isSeq(node)) return node.items.map((item) => convert(item, depth + 1));
    if (!isMap(node)) return null;
    const record: Record<string, unknown> = {};
    for (const { key, value } of node.items) {
      const offset = isScalar(key) ? key.range?.[0] : node.range?.[0];
      const name = isScalar(key) ? keyText(key.value) : null;
      if (name === null) refuse(offset, 'a key must be plain text', 'a word before the colon');
      else if (name === '__proto__' || name === '<<' || isForbiddenText(name))
        refuse(offset, `${JSON.stringify(name)} is not a key here`, null);
      else if (Object.hasOwn(record, name)) refuse(offset, `\`${name}\` stands here twice`, 'each key once');
      else record[name] = convert(value, depth + 1);
    }
    return record;
  };

  try {
    return convert(document.contents, 0);
  } catch (error) {
    if (!(error instanceof TooManyNodes)) throw error;
    refuse(0, 'the file grows too large when its aliases are followed', 'fewer aliases');
    return null;
  }
}

/** `tag:yaml.org,2002:str` is what the library makes of `!!str`. */
function shortTag(tag: string): string {
  return tag.replace(/^tag:yaml\.org,2002:/, '!!');
}

/** A key as text; null for what is no plain word. */
function keyText(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : null;
}

function scalarValue(value: unknown, refuse: (message: string, expected: string) => void): unknown {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    refuse('the number is too large to be kept exactly', 'a smaller number, or text in quotes');
    return null;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    refuse('this is no number that can be kept', 'a number, or text in quotes');
    return null;
  }
  if (typeof value === 'string' && isForbiddenText(value))
    refuse('the text contains a character that is not allowed', 'text without control characters');
  return value ?? null;
}

/** Pairs of a mapping by name, made once per mapping: a file of ten thousand wrong keys asks ten thousand times. */
const pairsOf = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

function pairNamed(map: YAMLMap, name: string): Pair | undefined {
  const pairs =
    pairsOf.get(map) ??
    new Map(
      map.items.flatMap((pair) =>
        isScalar(pair.key) ? [[keyText(pair.key.value) ?? '', pair] as const] : [],
      ),
    );
  pairsOf.set(map, pairs);
  return pairs.get(name);
}

function find(
  document: Document,
  aliases: Aliases,
  keys: YamlPath,
): { readonly key: number | undefined; readonly value: number | undefined } {
  let node: unknown = document.contents;
  let found = { key: rangeOf(node), value: rangeOf(node) };
  for (const key of keys) {
    if (isAlias(node)) node = aliases.get(node);
    if (isSeq(node)) {
      const item = node.items[Number(key)];
      if (item === undefined) return found;
      node = item;
      found = { key: rangeOf(item), value: rangeOf(item) };
      continue;
    }
    const pair = isMap(node) ? pairNamed(node, String(key)) : undefined;
    if (pair === undefined) return found;
    node = pair.value;
    const keyAt = rangeOf(pair.key);
    found = { key: keyAt, value: rangeOf(pair.value) ?? keyAt };
  }
  return found;
}

function rangeOf(node: unknown): number | undefined {
  return isAlias(node) || isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined;
}
