import { describe, expect, it } from 'vitest';
import { decidingEntry, effectivePolicy, type PolicySubject } from './effective-policy.ts';
import type { PolicyEntry, PolicySet } from './policy.ts';

const LIVE_MAJOR: PolicySubject = { customerId: 'cust_1', instanceId: 'inst_1', role: 'live', kind: 'major' };

/** `value@role/kind!`: `a`, `b@live`, `c@/major`, `d@live/major`, `e!` (final). The key is always P3. */
function entries(text: string): readonly PolicyEntry[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [value = '', scope = ''] = word.replace('!', '').split('@');
      const [role = '', kind = ''] = scope.split('/');
      return {
        key: 'P3',
        role: role === '' ? null : (role as PolicySubject['role']), // written by hand in the tables below
        kind: kind === '' ? null : (kind as PolicySubject['kind']), // likewise
        value,
        final: word.includes('!'),
      };
    });
}

function set(vendor: string, customer: string, instance: string): PolicySet {
  return {
    vendor: entries(vendor),
    customers: new Map([['cust_1', entries(customer)]]),
    instances: new Map([['inst_1', entries(instance)]]),
  };
}

describe('which policy counts (semantics 2)', () => {
  it.each([
    ['nobody says anything', '', '', '', undefined],
    ['the vendor speaks', 'v', '', '', 'v'],
    ['role beats plain', 'v vr@live', '', '', 'vr'],
    ['role beats plain in any order', 'vr@live v', '', '', 'vr'],
    ['kind beats role', 'vk@/major vr@live', '', '', 'vk'],
    ['role and kind beat kind', 'vrk@live/major vk@/major', '', '', 'vrk'],
    ['another role does not speak', 'v vr@uat', '', '', 'v'],
    ['another kind does not speak', 'v vk@/hotfix vrk@live/hotfix', '', '', 'v'],
    ['of two alike the later counts', 'a b', '', '', 'b'],
    ['a customer beats the vendor', 'v', 'c', '', 'c'],
    ["a customer's plain entry beats the vendor's most exact", 'vrk@live/major', 'c', '', 'c'],
    ['an instance beats its customer', 'v', 'crk@live/major', 'i', 'i'],
    ['an entry of a customer for another role leaves the vendor', 'v', 'c@uat', '', 'v'],
    ['final keeps customers out', 'v!', 'crk@live/major', '', 'v'],
    ['final keeps instances out', 'v!', '', 'i', 'v'],
    ['final for another role does not', 'v@uat!', 'c', '', 'c'],
    ['the vendor may say more exactly what final says', 'v! vr@live', 'c', 'i', 'vr'],
    ['final at a customer means nothing', 'v', 'c!', 'i', 'i'],
  ])('%s', (_name, vendor, customer, instance, expected) => {
    expect(effectivePolicy(set(vendor, customer, instance), LIVE_MAJOR, 'P3')).toBe(expected);
  });

  it('another customer, another instance and another key are not heard', () => {
    const other: PolicySubject = { ...LIVE_MAJOR, customerId: 'cust_2', instanceId: 'inst_2' };
    expect(effectivePolicy(set('v', 'c', 'i'), other, 'P3')).toBe('v');
    expect(effectivePolicy(set('v', 'c', 'i'), LIVE_MAJOR, 'P4')).toBeUndefined();
  });

  it('without a kind of change no entry for a kind counts', () => {
    expect(effectivePolicy(set('v vk@/major', '', ''), { ...LIVE_MAJOR, kind: null }, 'P3')).toBe('v');
  });

  it('says at which level it was decided', () => {
    expect(decidingEntry(set('v', 'c', ''), LIVE_MAJOR, 'P3')).toMatchObject({
      level: 'customer',
      entry: { value: 'c' },
    });
  });
});
