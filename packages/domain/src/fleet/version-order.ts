/**
 * The order of version numbers (C3): 2.9 < 2.15 < 2.15.1 < 2.16 < 3.2 < 4.0. Numbers compare as numbers at any length, a
 * missing number counts as 0 (4.0 and 4.0.0 are one version), a prerelease comes before its release (4.0-rc.1 < 4.0) by
 * the rules of SemVer 2.0.0 §11, build metadata (`+…`) does not count. It orders numbers, not dates: 2.15.2 may have been
 * built after 2.16 (E21). Whoever decides by it must not read a lower number as "an older fix".
 */

/** Longer than this is no version number that a person gave; it also bounds the work on text that a host answered with. */
export const MAX_VERSION_LENGTH = 100;

const VERSION = /^\d+(?:\.\d+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?$/;
const DIGITS = /^\d+$/;

/** True for `2.15`, `2.15.1`, `5.12.8-beta.2`, `6.0.0+build.7`; false for `v2.15`, `latest`, `2.15 ` and the empty text. */
export function isVersion(text: string): boolean {
  return text.length <= MAX_VERSION_LENGTH && VERSION.test(text);
}

/** As numbers of any length: without leading zeros the longer is the greater, and equal lengths compare as text. */
function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+(?=\d)/, '');
  const right = b.replace(/^0+(?=\d)/, '');
  if (left.length !== right.length) return left.length - right.length;
  return compareText(left, right);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function comparePrerelease(a: string, b: string): number {
  if (a === '' || b === '') return Number(a === '') - Number(b === '');
  const left = a.split('.');
  const right = b.split('.');
  for (const [index, one] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const [isNumber, otherIsNumber] = [DIGITS.test(one), DIGITS.test(other)];
    if (isNumber !== otherIsNumber) return isNumber ? -1 : 1;
    const order = isNumber ? compareNumbers(one, other) : compareText(one, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function parts(version: string): readonly [numbers: readonly string[], prerelease: string] {
  const plus = version.indexOf('+');
  const bare = plus < 0 ? version : version.slice(0, plus);
  const dash = bare.indexOf('-');
  if (dash < 0) return [bare.split('.'), ''];
  return [bare.slice(0, dash).split('.'), bare.slice(dash + 1)];
}

/**
 * Negative when `a` comes before `b`, 0 when they are the same version, positive when after. A total order over whatever
 * `isVersion` accepts; a text that is no version comes before every version, so that sorting never throws.
 */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [good, otherGood] = [isVersion(a), isVersion(b)];
  if (!good || !otherGood) return good === otherGood ? compareText(a, b) : Number(good) - Number(otherGood);
  const [left, leftPrerelease] = parts(a);
  const [right, rightPrerelease] = parts(b);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const order = compareNumbers(left[index] ?? '0', right[index] ?? '0');
    if (order !== 0) return order;
  }
  return comparePrerelease(leftPrerelease, rightPrerelease);
}
