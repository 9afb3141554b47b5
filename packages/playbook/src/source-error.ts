/**
 * One thing wrong with a file that a person wrote: where, what, and what was expected instead. Lines and columns count
 * from 1; a fault of the whole file stands at 1:1.
 */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface SourceError extends Position {
  readonly path: string;
  readonly message: string;
  /** What should have stood there; null when the message says it all. */
  readonly expected: string | null;
}

export const START_OF_FILE: Position = { line: 1, column: 1 };

/** More than this many faults of one file help nobody; the rest is counted in one last line. */
export const MAX_ERRORS_PER_FILE = 100;

/** `file:line:column: message (expected: ...)`, which editors and terminals turn into a link. */
export function formatSourceError(error: SourceError): string {
  const expected = error.expected === null ? '' : ` (expected: ${error.expected})`;
  return `${error.path}:${error.line}:${error.column}: ${error.message}${expected}`;
}

/** In reading order, bounded per file, each fault once. */
export function sortSourceErrors(errors: readonly SourceError[]): SourceError[] {
  const byPath = new Map<string, Map<string, SourceError>>();
  for (const error of errors) {
    const known = byPath.get(error.path) ?? new Map<string, SourceError>();
    const fault = `${error.line}:${error.column}:${error.message}`;
    // Of two expectations of one value the first is the plainer one.
    if (!known.has(fault)) known.set(fault, error);
    byPath.set(error.path, known);
  }
  return [...byPath].flatMap(([path, known]) => {
    const sorted = [...known.values()].sort((a, b) => a.line - b.line || a.column - b.column);
    const rest = sorted.length - MAX_ERRORS_PER_FILE;
    if (rest <= 0) return sorted;
    const last: SourceError = {
      path,
      line: sorted.at(-1)?.line ?? 1,
      column: 1,
      message: `and ${rest} more`,
      expected: null,
    };
    return [...sorted.slice(0, MAX_ERRORS_PER_FILE), last];
  });
}
