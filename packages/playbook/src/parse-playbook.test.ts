/**
 * What the shape of a playbook file may be, and that a file made to hurt is refused with a sentence instead of a stack. Each
 * of them is refused within a quarter of a second (measured on two slow cores); a test asserts no time.
 */
import { describe, expect, it } from 'vitest';
import { MINUTE_MS, SECOND_MS } from '@sitelift/domain/time/instant.ts';
import { generatePlaybookSchema } from './playbook-schema.ts';
import { MAX_PLAYBOOK_BYTES, parsePlaybook } from './parse-playbook.ts';
import { formatSourceError } from './source-error.ts';

const HEAD = 'playbook: a\ntitle: A\nsteps:\n';
const STEP = '  - { id: a, uses: app/stage }\n';

function refusals(text: string | Uint8Array): string[] {
  const result = parsePlaybook(text, 'f.yaml');
  return 'errors' in result ? result.errors.map(formatSourceError) : [];
}

function playbookOf(text: string | Uint8Array) {
  const result = parsePlaybook(text, 'f.yaml');
  if ('errors' in result) throw new Error(result.errors.map(formatSourceError).join('\n'));
  return result.playbook;
}

/** `unit` again and again until a playbook is nearly full. */
function flood(unit: (index: number) => string): string {
  const parts: string[] = [];
  let length = 0;
  for (let index = 0; length < MAX_PLAYBOOK_BYTES - 300; index += 1) {
    const part = unit(index);
    length += part.length;
    parts.push(part);
  }
  return parts.join('');
}

describe('a playbook as read', () => {
  it('is complete with its defaults', () => {
    const { steps, roles, recover } = playbookOf(`${HEAD}  - { id: put-it, uses: app/stage }\n`);
    expect([roles, recover]).toEqual([null, null]);
    expect(steps[0]).toMatchObject({
      kind: 'uses',
      id: 'put-it',
      title: 'Put it',
      owner: null,
      needs: [],
      action: 'app/stage',
      input: {},
      undo: null,
      retry: { times: 0, pauseMs: 2 * SECOND_MS },
      require: null,
      disruptive: false,
      pointOfNoReturn: false,
      timeoutMs: 60 * MINUTE_MS,
      expectMs: MINUTE_MS,
      at: { line: 4, column: 5 },
    });
  });

  it('needs the step before unless it says otherwise', () => {
    const { steps } = playbookOf(
      `${HEAD}  - { id: a, uses: app/stage }\n  - { id: b, uses: app/stage }\n  - { id: c, uses: app/stage, needs: a }\n  - { id: d, uses: app/stage, needs: [b, c] }\n`,
    );
    expect(steps.map(({ needs }) => needs)).toEqual([[], ['a'], ['a'], ['b', 'c']]);
  });

  it('has instants that exist and durations in milliseconds', () => {
    const { steps } = playbookOf(
      `${HEAD}  - { id: a, wait: { until: "2026-12-18T16:00:00+01:00" }, timeout: 14d }\n`,
    );
    expect(steps[0]).toMatchObject({
      until: { kind: 'instant', at: Date.UTC(2026, 11, 18, 15) },
      timeoutMs: 14 * 24 * 60 * MINUTE_MS,
    });
    expect(refusals(`${HEAD}  - { id: a, wait: { until: "2026-02-30T16:00:00Z" } }\n`)).toEqual([
      'f.yaml:4:29: there is no instant 2026-02-30T16:00:00Z (expected: a day that exists)',
    ]);
  });

  it('waits for signals and for other environments, with a clock by default; a window only has the one it says', () => {
    const { steps } = playbookOf(
      `${HEAD}  - { id: a, wait: { until: { signal: tested } } }\n  - { id: b, wait: { until: { upgrade: [test, uat] } }, timeout: 2d, onTimeout: abort }\n  - { id: c, wait: { until: window } }\n  - { id: d, wait: { until: window }, timeout: 2d }\n  - { id: e, uses: app/stage, timeout: 3h }\n  - { id: f, uses: app/stage, manual: true, timeout: 3h }\n`,
    );
    expect(steps.map(({ onTimeout }) => onTimeout)).toEqual(['fail', 'abort', null, 'fail', null, null]);
    expect(steps.map((step) => (step.kind === 'wait' ? step.until : null))).toEqual([
      { kind: 'signal', name: 'tested' },
      { kind: 'upgrade', roles: ['test', 'uat'] },
      { kind: 'window' },
      { kind: 'window' },
      null,
      null,
    ]);
  });

  it('may begin with a byte order mark, as text and as bytes', () => {
    const text = `\uFEFF${HEAD}${STEP}`;
    expect(playbookOf(text).name).toBe('a');
    expect(playbookOf(new TextEncoder().encode(text)).at).toEqual({ line: 1, column: 11 });
  });

  it('keeps `yes` a word, whatever version of YAML the file claims', () => {
    expect(playbookOf(`%YAML 1.1\n---\nplaybook: a\ntitle: yes\nsteps:\n${STEP}`).title).toBe('yes');
  });
});

describe('a playbook of the wrong shape', () => {
  // prettier-ignore
  it.each<[string, string, string[]]>([
    ['an unknown key at the top', `titel: b\n${HEAD}${STEP}`, ['f.yaml:1:1: unknown key `titel`; did you mean `title`? (expected: one of the keys playbook, title, for, steps, checklists, recover)']],
    ['an unknown key of a step', `${HEAD}  - { id: a, uses: app/stage, timout: 3m }\n`, ['f.yaml:4:31: unknown key `timout`; did you mean `timeout`? (expected: one of the keys id, title, owner, needs, timeout, expect, onTimeout, uses, with, undo, retry, require, disruptive, pointOfNoReturn, manual)']],
    ['an unknown key of an undo', `${HEAD}  - { id: a, uses: app/stage, undo: { use: app/unstage } }\n`, ['f.yaml:4:37: `uses` is missing (expected: an action, family/verb)', 'f.yaml:4:39: unknown key `use`; did you mean `uses`? (expected: one of the keys uses, with)']],
    ['nothing to do', `${HEAD}  - { id: a }\n`, ['f.yaml:4:5: the step says nothing to do (expected: one of `uses`, `wait`, `gate`, `notify`)']],
    ['two things to do', `${HEAD}  - { id: a, uses: app/stage, wait: { until: window } }\n`, ['f.yaml:4:5: the step is both `uses` and `wait` (expected: one of `uses`, `wait`, `gate`, `notify`)']],
    ['no steps', 'playbook: a\ntitle: A\nsteps: []\n', ['f.yaml:3:8: `steps` is an empty list (expected: at least one step)']],
    ['a step that is a word', `${HEAD}  - stage\n`, ['f.yaml:4:5: item 1 of `steps` is "stage" (expected: a step: a mapping with an `id`)']],
    ['a name that is not kebab-case', `playbook: A b\ntitle: A\nsteps:\n${STEP}`, ['f.yaml:1:11: `playbook` is "A b" (expected: a name in kebab-case, such as `overnight-channel`)']],
    ['an action without a verb', `${HEAD}  - { id: a, uses: stage }\n`, ['f.yaml:4:20: `uses` is "stage" (expected: an action, family/verb, such as `database/backup`)']],
    ['too many retries', `${HEAD}  - { id: a, uses: app/stage, retry: { times: 11 } }\n`, ['f.yaml:4:47: `times` is the number 11 (expected: at most 10)']],
    ['a role that is none', `for: { role: lvie }\n${HEAD}${STEP}`, ['f.yaml:1:14: `role` is "lvie"; did you mean `live`? (expected: a role (live, uat, test, validation, staging, sandbox) or a list of roles)']],
    ['a kind of step of a later version', `${HEAD}  - { id: a, run: { playbook: b } }\n`, ['f.yaml:4:14: `run` steps are not supported by this version']],
    ['a key of a gate of a later version', `${HEAD}  - { id: a, gate: { kind: sign-off, remind: 3d } }\n`, ['f.yaml:4:38: `remind` is not supported by this version']],
    ['a kind of gate that is none', `${HEAD}  - { id: a, gate: { kind: sign-of } }\n`, ['f.yaml:4:28: `kind` is `sign-of`; did you mean `sign-off`? (expected: one of sign-off, approval, certification, permission, confirmation, follow-ups)']],
    ['a key of a later version', `inputs: {}\n${HEAD}  - { id: a, uses: app/stage, if: "true" }\n`, ['f.yaml:1:1: `inputs` is not supported by this version', 'f.yaml:5:31: `if` is not supported by this version']],
    ['a wait of a later version', `${HEAD}  - { id: a, wait: { until: booking } }\n`, ['f.yaml:4:29: `wait: booking` is not supported by this version (expected: `window`, `{ signal: <name> }`, `{ upgrade: <role> }`, or an instant with its offset, such as 2026-12-18T16:00:00Z)']],
    ['an expression', `${HEAD}  - { id: a, uses: app/stage, with: { v: "\${{ to }}" } }\n`, ['f.yaml:4:42: `${{ }}` expressions are not supported by this version (expected: a plain value)']],
  ])('%s is refused at its place', (_name, text, expected) => {
    expect(refusals(text)).toEqual(expected);
  });

  it('a hundred faults are enough; the rest is counted', () => {
    const found = refusals(flood((index) => `k${index}: 1\n`));
    expect(found.length).toBe(101);
    expect(found.at(-1)).toMatch(/: and \d{4,5} more$/);
  });
});

describe('a file that is made to hurt', () => {
  const bomb = Array.from({ length: 9 }, (_, i) =>
    i === 0 ? 'a0: &a0 [x]' : `a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`,
  );
  // prettier-ignore
  it.each<[string, string | Uint8Array, string]>([
    ['an unclosed bracket', 'playbook: [a\ntitle: b', 'f.yaml:2:1: not YAML: '],
    ['an unclosed quote', 'playbook: "a\n  title', 'f.yaml:2:8: not YAML: Missing closing "quote'],
    ['a tab as indentation', 'playbook: a\n\ttitle: b\n', 'f.yaml:2:1: not YAML: Tabs are not allowed as indentation'],
    ['nothing', '', 'f.yaml:1:1: the file is empty (expected: a mapping with the keys '],
    ['a list', '- a', 'f.yaml:1:1: the file is a list of 1 (expected: a mapping with the keys '],
    ['ten megabytes of text', 'a'.repeat(10 * 1024 * 1024), 'f.yaml:1:1: the file is too large (expected: at most 64 KiB)'],
    ['ten megabytes of bytes', new Uint8Array(10 * 1024 * 1024), 'f.yaml:1:1: the file is too large (expected: at most 64 KiB)'],
    ['few characters of many bytes', '€'.repeat(30_000), 'f.yaml:1:1: the file is too large (expected: at most 64 KiB)'],
    ['a million steps', HEAD + STEP.repeat(1_000_000), 'f.yaml:1:1: the file is too large (expected: at most 64 KiB)'],
    ['two thousand steps', HEAD + flood((i) => ` - {id: a${i}, uses: app/stage}\n`), 'f.yaml:4:2: `steps` is a list of 20'],
    ['an alias bomb', bomb.join('\n'), 'f.yaml:1:1: the file grows too large when its aliases are followed'],
    ['thousands of aliases', `x: &x 1\n${flood((i) => `k${i}: *x\n`)}`, 'f.yaml:1:1: the file grows too large when its aliases are followed'],
    ['an alias of itself', 'playbook: &a [*a]\n', 'f.yaml:1:14: nested more than 64 levels deep'],
    ['an alias of nothing', 'playbook: *b\n', 'f.yaml:1:11: *b stands for nothing (expected: an anchor before it)'],
    ['an alias before its anchor', 'playbook: *b\ntitle: &b c\n', 'f.yaml:1:11: *b stands for nothing (expected: an anchor before it)'],
    ['a tag', `${HEAD}  - { id: !!str a, uses: app/stage }\n`, 'f.yaml:4:17: the tag !!str is not allowed (expected: a plain value)'],
    ['a tag that runs code elsewhere', '!!js/function "x"', 'f.yaml:1:15: the tag !!js/function is not allowed'],
    ['a tag of its own', 'playbook: !foo bar\n', 'f.yaml:1:16: the tag !foo is not allowed'],
    ['a merge key', 'playbook: &a { b: 1 }\ntitle: { <<: *a }\n', 'f.yaml:2:10: "<<" is not a key here'],
    ['a prototype', '__proto__: { a: 1 }\n', 'f.yaml:1:1: "__proto__" is not a key here'],
    ['a key twice', 'playbook: a\nplaybook: b\n', 'f.yaml:2:1: `playbook` stands here twice (expected: each key once)'],
    ['a key that is a list', '? [a, b]\n: c\n', 'f.yaml:1:1: a key must be plain text'],
    ['a second document', 'playbook: a\n---\ntitle: b\n', 'f.yaml:2:1: a second document begins here (expected: one document per file, no `---`)'],
    ['bytes that are not UTF-8', new Uint8Array([0x70, 0xc3, 0x28]), 'f.yaml:1:1: the file is not UTF-8'],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x70, 0, 0x6c, 0]), 'f.yaml:1:1: the file is not UTF-8'],
    ['text that a wrong decoder damaged', 'playbook: a\ntitle: caf\uFFFD\n', 'f.yaml:2:11: the file is not UTF-8'],
    ['half a surrogate pair', 'playbook: a\ntitle: \uD800\n', 'f.yaml:2:8: the file is not UTF-8'],
    ['half a pair as an escape', 'playbook: a\ntitle: "\\uD800"\n', 'f.yaml:2:8: the text contains a character that is not allowed'],
    ['a NUL', 'playbook: a\ntitle: a\0b\n', 'f.yaml:2:9: the character U+0000 is not allowed'],
    ['a NUL as an escape', 'playbook: a\ntitle: "a\\0b"\n', 'f.yaml:2:8: the text contains a character that is not allowed'],
    ['an escape sequence for the terminal', 'playbook: a\ntitle: \u001B[2J\n', 'f.yaml:2:8: the character U+001B is not allowed'],
    ['text that reads backwards', 'playbook: a\ntitle: a\u202Eb\n', 'f.yaml:2:9: the character U+202E is not allowed'],
    ['a number that loses digits', `${HEAD}  - { id: a, uses: exec/run, with: { n: 12345678901234567890 } }\n`, 'f.yaml:4:41: the number is too large to be kept exactly'],
    ['a number without end', `${HEAD}  - { id: a, uses: exec/run, with: { n: .inf } }\n`, 'f.yaml:4:41: this is no number that can be kept'],
    ['brackets', HEAD + '['.repeat(60_000), 'f.yaml:4:65: nested more than 64 levels deep'],
    ['braces', `${HEAD}  - { id: a, uses: exec/run, with: ${'{a: '.repeat(10_000)}`, 'f.yaml:4:'],
    ['dashes', '- '.repeat(30_000), 'f.yaml:1:129: nested more than 64 levels deep'],
    ['steps of indentation', Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''), 'f.yaml:66:66: nested more than 64 levels deep'],
    ['closing brackets', flood(() => '{]'), 'f.yaml:1:2: not YAML: '],
    ['commas', `[${flood(() => ',')}]`, 'f.yaml:1:3: not YAML: '],
    ['anchors', flood(() => '&a '), 'f.yaml:1:4: not YAML: '],
    ['directives', flood(() => '%a\n'), 'f.yaml:21'],
    ['documents', flood(() => '---\n'), 'f.yaml:2:1: a second document begins here'],
  ])('%s', (_name, text, expected) => {
    const [first = ''] = refusals(text);
    expect(first.slice(0, expected.length)).toBe(expected);
  });

  it('never answers with control characters of the file', () => {
    const found = refusals('"a\\e[2Jb": 1\ntitle: "\\e[31m"\n').join('\n');
    expect(found).toContain('is not a key here');
    // oxlint-disable-next-line no-control-regex -- what must not reach a terminal
    expect(found).not.toMatch(/[\0-\x08\x0B-\x1F]/);
  });
});

describe('the JSON Schema for editors', () => {
  it('knows the keys of each kind of step and refuses others', () => {
    const schema = JSON.parse(generatePlaybookSchema()) as Record<string, unknown>; // our own text, parsed to be looked at
    expect(schema.title).toBe('Sitelift playbook');
    expect(JSON.stringify(schema)).toContain('pointOfNoReturn');
    expect(JSON.stringify(schema)).toContain('"additionalProperties":false');
  });
});
