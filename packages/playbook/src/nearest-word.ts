/** The known word that somebody most likely meant, for "did you mean". Null when nothing is near. */

/** A third of the word may be wrong; beyond that a suggestion is noise. */
const TOLERANCE = 3;

/** Words longer than this are not compared: nobody mistypes them by a letter, and the cost is the product of lengths. */
const MAX_LENGTH = 64;

export function nearestWord(word: string, known: readonly string[]): string | null {
  if (word.length > MAX_LENGTH) return null;
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of known) {
    // The difference in length is a lower bound of the distance, and free.
    if (Math.abs(word.length - candidate.length) > allowed(candidate)) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best !== null && bestDistance <= allowed(best) ? best : null;
}

function allowed(candidate: string): number {
  return Math.max(1, Math.floor(candidate.length / TOLERANCE));
}

/** `; did you mean \`x\`?`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  return near === null ? '' : `; did you mean \`${near}\`?`;
}

/** Edits from one word to the other, a swap of neighbours (`titel`) counting as one. Three rows at a time. */
function editDistance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? (before[j - 2] ?? 0) + 1
          : Infinity;
      next.push(Math.min(substituted, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
