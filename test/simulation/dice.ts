/** Seeded dice. A stream of its own for every purpose (`fork`), so that dropping one fault does not shift all the others. */
export interface Dice {
  /** In [0, 1). */
  next(): number;
  /** A whole number from `low` up to and including `high`. */
  whole(low: number, high: number): number;
  chance(share: number): boolean;
  pick<T>(from: readonly [T, ...T[]]): T;
  fork(label: string): Dice;
}

/** FNV-1a, so that a label and a seed give another seed. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

/** Mulberry32: small, quick, and good enough to order events. */
export function createDice(seed: number, label = ''): Dice {
  let state = (seed ^ hash(label)) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
  for (let warm = 0; warm < 3; warm += 1) next();
  return {
    next,
    whole: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (share) => next() < share,
    pick: (from) => from[Math.floor(next() * from.length)] ?? from[0],
    fork: (other) => createDice(seed, `${label}/${other}`),
  };
}
