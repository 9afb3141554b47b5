import { expect, it } from 'vitest';
import type { EnvironmentRole } from './fleet.ts';
import { customerFlags, missingOfTwo } from './minimum-of-two.ts';

it.each<[readonly EnvironmentRole[], string | null]>([
  [[], 'no instance'],
  [['live'], 'only a live instance'],
  [['live', 'live'], 'only a live instance'],
  [['uat'], 'no live instance'],
  [['test', 'validation'], 'no live instance'],
  [['live', 'uat'], null],
  [['sandbox', 'live'], null],
  [['live', 'test', 'validation', 'live'], null],
])('a customer with %j lacks %s', (roles, missing) => {
  expect(missingOfTwo(roles)).toBe(missing);
  expect(customerFlags(roles)).toEqual(missing === null ? [] : ['below-minimum-of-two']);
});
