/** What the documentation shows is what the reader accepts: a wrong example is copied by everybody. */
import { readdirSync, readFileSync } from 'node:fs';
import { CHANNEL_NAMES, CONTACT_ROLES } from './fleet-file.ts';
import { NOTICE_TEMPLATES } from '@sitelift/domain/run/notice-texts.ts';
import { describe, expect, it } from 'vitest';
import { ACTION_CATALOGUE } from './action-catalogue.ts';
import { checkPlaybook } from './check-playbook.ts';
import { parseFleet } from './parse-fleet.ts';
import { parsePlaybook } from './parse-playbook.ts';
import type { Playbook } from './playbook.ts';
import { LATER_KEYS, PlaybookFileSchema, StepSchemas } from './playbook-schema.ts';
import { formatSourceError } from './source-error.ts';

const ROOT = new URL('../../../', import.meta.url);
const doc = (name: string) => readFileSync(new URL(`docs/${name}`, ROOT), 'utf8');
const yamlOf = (text: string) =>
  [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');

const SHIPPED: readonly Playbook[] = readdirSync(new URL('playbooks/', ROOT)).map((name) => {
  const parsed = parsePlaybook(readFileSync(new URL(`playbooks/${name}`, ROOT)), name);
  if ('errors' in parsed) throw new Error(name);
  return parsed.playbook;
});

describe('docs/playbooks.md', () => {
  const text = doc('playbooks.md');

  it('shows a playbook that passes the check', () => {
    const others = new Map(SHIPPED.map((each) => [each.name, each]));
    const examples = yamlOf(text).filter((block) => block.startsWith('playbook:'));
    expect(examples).toHaveLength(1);
    for (const example of examples) {
      const parsed = parsePlaybook(example, 'example');
      const errors =
        'errors' in parsed ? parsed.errors : checkPlaybook(parsed.playbook, ACTION_CATALOGUE, { others });
      expect(errors.map(formatSourceError)).toEqual([]);
    }
  });

  it('shows a checklist that is read, and nothing else', () => {
    const [example = '', ...more] = yamlOf(text).filter((block) => !block.startsWith('playbook:'));
    expect(more).toEqual([]);
    const parsed = parseFleet([{ path: 'checklists/go-live.yaml', text: example }]);
    expect('errors' in parsed ? parsed.errors.map(formatSourceError) : parsed.fleet.checklists?.length).toBe(
      1,
    );
  });

  it('names every key, action, template, role and later key', () => {
    const words = [
      ...Object.keys(PlaybookFileSchema.shape),
      ...Object.values(StepSchemas).flatMap(({ shape }) => Object.keys(shape)),
      ...ACTION_CATALOGUE.keys(),
      ...NOTICE_TEMPLATES,
      ...CONTACT_ROLES,
      ...LATER_KEYS.top,
      ...LATER_KEYS.step,
      ...LATER_KEYS.kind,
    ];
    expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(text))).toEqual([]);
  });
});

describe('docs/fleet-files.md', () => {
  const text = doc('fleet-files.md');

  it('shows a fleet that is read without an error or a warning', () => {
    const files = yamlOf(text).map((block) => ({ path: /^# (\S+)/.exec(block)?.[1] ?? '', text: block }));
    expect(files.map(({ path }) => path)).toEqual([
      'fleet/products.yaml',
      'fleet/releases.yaml',
      'fleet/customers/north.yaml',
      'fleet/rules.yaml',
      'fleet/policy.yaml',
    ]);
    const parsed = parseFleet(files, { shipped: SHIPPED });
    expect('errors' in parsed ? parsed.errors.map(formatSourceError) : parsed.fleet.warnings).toEqual([]);
  });

  it('names every key of the schema and every channel', () => {
    const schema = JSON.stringify(
      JSON.parse(readFileSync(new URL('schemas/fleet.schema.json', ROOT), 'utf8')),
    );
    const keys = [...schema.matchAll(/"required":\[([^\]]*)\]/g)].flatMap(
      ([, list]) => JSON.parse(`[${list}]`) as string[],
    ); // a list of names in our own schema
    const optional = ['pin', 'until', 'untilChannel', 'settings', 'bindings', 'policy', 'labels', 'host', 'cutOff', 'notes', 'needsDowntime', 'risky', 'smokeTest', 'integrity', 'location']; // prettier-ignore
    const words = [...new Set([...keys, ...optional, ...CHANNEL_NAMES.slice(1)])];
    expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(text))).toEqual([]);
  });
});
