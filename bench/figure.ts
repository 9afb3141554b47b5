/** One measured value. Every bench answers with these; `run.ts` prints them for people and, last, one JSON line each. */
export interface Figure {
  /** `plan-10000-ms`: what was measured, how much of it, the unit. Never renamed: figures are compared over time. */
  readonly metric: string;
  readonly value: number;
  readonly unit?: string;
  /** Beside the value, for people: the spread, the circumstances. */
  readonly note?: string;
}

/** What runs one bench. `options` are the `--name=value` and `--name value` arguments. */
export type Bench = (options: ReadonlyMap<string, string>) => Promise<readonly Figure[]>;

/** A number among the options, or what is usual. Throws when it is no positive number. */
export function numberOption(options: ReadonlyMap<string, string>, name: string, usual: number): number {
  const text = options.get(name);
  if (text === undefined) return usual;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new Error(`--${name} must be a positive number, not ${text}`);
  return value;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
