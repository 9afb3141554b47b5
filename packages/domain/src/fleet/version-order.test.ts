import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, isVersion } from './version-order.ts';

const part = fc.oneof(
  fc.nat(30).map(String),
  fc.constantFrom('00', '007', '20261124', '99999999999999999999'),
);
const tag = fc.constantFrom('', '-rc.1', '-rc.2', '-rc.10', '-beta', '-beta.1', '-1', '-alpha-x', '-rc.1.1');
const version = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 4 }), tag, fc.constantFrom('', '+build.7'))
  .map(([numbers, prerelease, build]) => `${numbers.join('.')}${prerelease}${build}`);

describe('the order of versions', () => {
  it('sorts hotfixes and whole-number jumps as numbers (C3)', () => {
    const sorted = ['2.15', '2.15.1', '2.16', '3.2', '4.0', '2.9'].sort(compareVersions);
    expect(sorted).toEqual(['2.9', '2.15', '2.15.1', '2.16', '3.2', '4.0']);
  });

  it.each([
    ['4.0-rc.1', '<', '4.0'],
    ['4.0-beta', '<', '4.0-rc.1'],
    ['4.0-rc.2', '<', '4.0-rc.10'],
    ['4.0-1', '<', '4.0-alpha'],
    ['4.0-rc', '<', '4.0-rc.1'],
    ['3.9.9', '<', '4.0-alpha'],
    ['4.0', '=', '4.0.0'],
    ['4.0.0+a', '=', '4.0+b'],
    ['2.015', '=', '2.15'],
    ['1.9007199254740993', '>', '1.9007199254740992'],
    ['latest', '<', '0.0.1'],
  ])('%s %s %s', (a, sign, b) => {
    const order = Math.sign(compareVersions(a, b));
    expect([order, Math.sign(compareVersions(b, a)) + 0]).toEqual(
      { '<': [-1, 1], '=': [0, 0], '>': [1, -1] }[sign],
    );
  });

  it('is a total order: antisymmetric, transitive, and equal versions are equal to everything alike', () => {
    const any = fc.oneof({ weight: 9, arbitrary: version }, { weight: 1, arbitrary: fc.string() });
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        expect(compareVersions(a, a)).toBe(0);
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        const [low, middle, high] = [a, b, c].sort(compareVersions) as [string, string, string]; // three in, three out
        expect(compareVersions(low, high)).toBeLessThanOrEqual(0);
        if (compareVersions(low, middle) === 0) {
          expect(Math.sign(compareVersions(low, high))).toBe(Math.sign(compareVersions(middle, high)));
        }
      }),
      { numRuns: 3000, seed: 3 },
    );
  });

  it.each(['2.15', '2.15.1', '5.12.8-beta.2', '6.0.0+build.7', '20261124'])('%s is a version', (text) => {
    expect(isVersion(text)).toBe(true);
  });

  it.each([
    'v2.15',
    'latest',
    '',
    '2.',
    '.1',
    '2..1',
    '2.15 ',
    '2.15\n',
    '1-',
    `1.${'0'.repeat(200)}`,
    '1.x',
  ])('%j is not a version', (text) => {
    expect(isVersion(text)).toBe(false);
  });
});
