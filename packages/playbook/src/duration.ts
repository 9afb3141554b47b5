/** Durations as people write them in YAML: `90s`, `15m`, `3h`, `14d`; a day is 24 h exactly. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@sitelift/domain/time/instant.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };
export const DURATION_PATTERN = /^(0|[1-9]\d{0,5})([smhd])$/;

/** Milliseconds, or null when `text` is no duration. */
export function parseDuration(text: string): number | null {
  const match = DURATION_PATTERN.exec(text);
  const unitMs = UNIT_MS[match?.[2] ?? ''];
  return match === null || unitMs === undefined ? null : Number(match[1]) * unitMs;
}

/** The shortest exact spelling: `90s`, `2h`. Fractions of a second are rounded up. */
export function formatDuration(ms: number): string {
  for (const [unit, unitMs] of [
    ['d', DAY_MS],
    ['h', HOUR_MS],
    ['m', MINUTE_MS],
  ] as const) {
    if (ms > 0 && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return `${Math.ceil(ms / SECOND_MS)}s`;
}
