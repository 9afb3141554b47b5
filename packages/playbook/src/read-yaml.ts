/**
 * From bytes that somebody else wrote to a plain value that remembers where each part stood. Refuses early and cheaply:
 * size first, then encoding, then nesting, and only then is the text parsed. What a YAML library would do by itself is
 * taken away: no tags (they choose types, or code), no merge keys, no `__proto__`, no key twice, few aliases.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import { START_OF_FILE, type Position, type SourceError } from './source-error.ts';

/** The parser takes about 2 us a byte and its own stack per level; twenty levels are more than any of our files needs. */
const MAX_DEPTH = 64;
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
  const broken = brokenCharacter(text);
  if (broken !== null) return { errors: [{ path, ...broken }] };
  const tooDeep = firstTooDeep(text);
  if (tooDeep !== null) {
    const message = `nested more than ${MAX_DEPTH} levels deep`;
    return { errors: [{ path, ...positionAt(text, tooDeep), message, expected: null }] };
  }
  return compose(text, path);
}

function compose(text: string, path: string): ReadYaml {
  const lines = new LineCounter();
  let document: Document;
  try {
    // Keys that stand twice are found below: the library compares every key with every other one.
    document = parseDocument(text, {
      schema: 'core',
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter: lines,
      logLevel: 'silent',
    });
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
  const errors: SourceError[] = document.errors.map((error) => ({
    path,
    ...at(error.pos[0]),
    message: `not YAML: ${error.message.split('\n')[0] ?? ''}`,
    expected: null,
  }));
  const value = errors.length > 0 ? null : convertDocument(document, path, at, errors);
  const [first, ...rest] = errors;
  if (first !== undefined) return { errors: [first, ...rest] };
  return {
    source: {
      path,
      value,
      positionOf: (keys) => at(find(document, keys).value),
      keyPositionOf: (keys) => at(find(document, keys).key),
    },
  };
}

class TooManyNodes extends Error {}

function convertDocument(
  document: Document,
  path: string,
  at: (offset: number | undefined) => Position,
  errors: SourceError[],
): unknown {
  let nodes = 0;
  let aliases = 0;
  const refuse = (offset: number | undefined, message: string, expected: string | null) =>
    errors.push({ path, ...at(offset), message, expected });

  const convert = (node: unknown, depth: number): unknown => {
    nodes += 1;
    if (nodes > MAX_NODES || aliases > MAX_ALIASES || depth > MAX_DEPTH) throw new TooManyNodes();
    if (isAlias(node)) {
      aliases += 1;
      const target = node.resolve(document);
      if (target === undefined)
        refuse(node.range?.[0], `*${node.source} stands for nothing`, 'an anchor before it');
      return convert(target, depth + 1);
    }
    if (isMap(node) || isSeq(node) || isScalar(node)) {
      if (node.tag !== undefined && node.tag !== '')
        refuse(node.range?.[0], `tags such as ${node.tag} are not allowed`, 'a plain value');
    }
    if (isScalar(node)) {
      if (typeof node.value === 'bigint') return Number(node.value);
      return node.value ?? null;
    }
    if (isSeq(node)) return node.items.map((item) => convert(item, depth + 1));
    if (!isMap(node)) return null;
    const record: Record<string, unknown> = {};
    for (const { key, value } of node.items) {
      const offset = isScalar(key) ? key.range?.[0] : node.range?.[0];
      const name = isScalar(key) && key.value !== null ? String(key.value) : null;
      if (name === null) refuse(offset, 'a key must be plain text', 'a word before the colon');
      else if (name === '__proto__' || name === '<<') refuse(offset, `\`${name}\` is not a key here`, null);
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

function find(
  document: Document,
  keys: YamlPath,
): { readonly key: number | undefined; readonly value: number | undefined } {
  let node: unknown = document.contents;
  let found = { key: rangeOf(node), value: rangeOf(node) };
  for (const key of keys) {
    while (isAlias(node)) node = node.resolve(document);
    if (isSeq(node)) {
      const item = node.items[Number(key)];
      if (item === undefined) return found;
      node = item;
      found = { key: rangeOf(item), value: rangeOf(item) };
      continue;
    }
    const pair = isMap(node)
      ? node.items.find(({ key: own }) => isScalar(own) && String(own.value) === String(key))
      : undefined;
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

/** A replacement character or half a surrogate pair is text that was already damaged by a wrong decoder. */
function brokenCharacter(text: string): Omit<SourceError, 'path'> | null {
  const replaced = text.indexOf('\uFFFD');
  const offset = replaced >= 0 ? replaced : text.isWellFormed() ? -1 : text.search(/\p{Surrogate}/u);
  if (offset < 0) return null;
  return { ...positionAt(text, offset), message: 'the file is not UTF-8', expected: 'UTF-8 text' };
}

/** Cheap and a little too strict on purpose: brackets inside quotes count as well. */
function firstTooDeep(text: string): number | null {
  let depth = 0;
  let dashes = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === '[' || char === '{') depth += 1;
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
    else if (char === '-' || char === '?' || char === ':') dashes += text[index + 1] === ' ' ? 1 : 0;
    else if (char === '\n') dashes = 0;
    else if (char !== ' ') dashes = 0;
    if (depth > MAX_DEPTH || dashes > MAX_DEPTH) return index;
  }
  return null;
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}
