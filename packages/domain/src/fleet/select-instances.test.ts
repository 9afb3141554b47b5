import { describe, expect, it } from 'vitest';
import { sampleFleet, sampleInstance } from '../planning/sample-fleet.ts';
import { selectInstances, type InstanceSelection } from './select-instances.ts';

const FLEET = sampleFleet([
  sampleInstance('north-live', '5.0', { labels: ['eu', 'big'] }),
  sampleInstance('north-uat', '5.0', { labels: ['eu'] }),
  sampleInstance('south-live', '5.0', { labels: ['us', 'big'] }),
  sampleInstance('south-test', '5.0'),
]);

function selected(selection: InstanceSelection): string {
  return selectInstances(FLEET, selection)
    .instances.map(({ slug }) => slug)
    .join(' ');
}

describe('which instances a person means (C13)', () => {
  it.each<[string, InstanceSelection, string]>([
    ['one', { instances: ['north-uat'] }, 'north-uat'],
    ['one by its id', { instances: ['inst_north-uat'] }, 'north-uat'],
    ['all live', { roles: ['live'] }, 'north-live south-live'],
    ['all that is not live', { roles: ['uat', 'test'] }, 'north-uat south-test'],
    ['all', { all: true }, 'north-live north-uat south-live south-test'],
    ['all, and a customer: the narrower word counts', { all: true, customers: ['north'] }, 'north-live north-uat'],
    ['one label of two', { labels: ['eu', 'us'] }, 'north-live north-uat south-live'],
    ['every kind must fit', { labels: ['big'], customers: ['north'] }, 'north-live'],
    ['kinds that exclude each other', { roles: ['test'], customers: ['north'] }, ''],
    ['a product', { products: ['app'], roles: ['test'] }, 'south-test'],
    ['nothing asked for is nothing meant', {}, ''],
    ['an empty kind fits nothing', { labels: [] }, ''],
  ])('%s', (_, selection, expected) => {
    expect(selected(selection)).toBe(expected);
  }); // prettier-ignore

  it('a word that fits nothing in the fleet is told with its place, beside words that do; a role is no slip', () => {
    const selection = { customers: ['north', 'nroth'], labels: ['ue'], roles: ['sandbox'] } as const;
    expect(selectInstances(FLEET, selection).unknown).toEqual([
      { kind: 'labels', index: 0 },
      { kind: 'customers', index: 1 },
    ]);
  });
});
