/** The figures of a full run, as they stand in `docs/kill-matrix.md`. */
import type { Played } from './beds.ts';
import { KINDS, VICTIMS } from './kill-cases.ts';
import type { TwoWorkersResult } from './two-workers.ts';
import { BOUNDARIES } from '@sitelift/server/failpoints/parse-failpoints.ts';

interface Figures {
  readonly median: number;
  readonly most: number;
}

function figuresOf(values: readonly (number | null)[]): Figures | null {
  const sorted = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  const [median, most] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return median === undefined || most === undefined ? null : { median, most };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

function row(what: string, figures: Figures | null): string {
  return figures === null ? '' : `| ${what} | ${seconds(figures.median)} | ${seconds(figures.most)} |\n`;
}

function cell(played: readonly Played[]): string {
  const held = played.filter(({ result }) => result.breaches.length === 0).length;
  return played.length === 0 ? '' : `${held} of ${played.length}`;
}

export function describeMatrix(played: readonly Played[], two: TwoWorkersResult): string {
  const states = Map.groupBy(played, ({ result }) => result.state);
  const ends = [...states].map(([state, of]) => `${of.length} ${state}`).join(', ');
  const matrix = Object.keys(BOUNDARIES).map((boundary) => {
    const cells = VICTIMS.map((victim) =>
      cell(played.filter(({ each }) => each.boundary === boundary && each.victim === victim)),
    );
    return `| ${boundary} | ${cells.join(' | ')} |`;
  });
  const kinds = KINDS.map((kind) => `${kind} ${cell(played.filter(({ each }) => each.kind === kind))}`);
  return [
    `${cell(played)} cases held; runs: ${ends}. By kind: ${kinds.join('; ')}.`,
    '',
    `| held at | ${VICTIMS.join(' | ')} |`,
    `| --- | ${VICTIMS.map(() => '---').join(' | ')} |`,
    ...matrix,
    '',
    '| seconds | median | most |',
    '| --- | --- | --- |',
    [
      row('a killed worker to the next holder', figuresOf(played.map(({ result }) => result.takenOverMs))),
      row('a killed PostgreSQL to its answer', figuresOf(played.map(({ result }) => result.databaseBackMs))),
      row('a whole case', figuresOf(played.map(({ result }) => result.wholeMs))),
    ].join(''),
    `Two workers, one killed and one frozen: ${two.runs} runs in ${seconds(two.wholeMs)} s, ${two.effects} effects that may not be`,
    `repeated, each once; the frozen worker held ${two.heldByFrozen} runs, ${two.takenOver} runs changed hands; breaches: ${two.breaches.length}.`,
    '',
  ].join('\n');
}
