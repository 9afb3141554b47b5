import { describe, expect, it } from 'vitest';
import { decideMigrationState } from '../../demo/app/migrations.ts';

const OLD = ['/1', '/2'];
const NEW = ['/1', '/2', '/3', '/4'];

describe('what the migrations table says', () => {
  it.each([
    ['an empty database', [], OLD, NEW, 'not-applied'],
    ['the old version', ['/1', '/2'], OLD, NEW, 'not-applied'],
    ['the new version', NEW, OLD, NEW, 'applied'],
    ['more than the new version', [...NEW, '/5'], OLD, NEW, 'applied'],
    ['one of two new ones', ['/1', '/2', '/3'], OLD, NEW, 'in-between'],
    ['the same version twice', NEW, NEW, NEW, 'applied'],
  ] as const)('%s', (_, ran, from, to, state) => {
    expect(decideMigrationState(ran, from, to).state).toBe(state);
  });
});
