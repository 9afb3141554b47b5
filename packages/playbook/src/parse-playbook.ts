/**
 * Text to playbook: shape, keys and defaults. What the steps mean together is judged by `checkPlaybook`. Every fault is
 * reported, each at its line; a playbook comes back only when there is none.
 */
import type { EnvironmentRole } from '@sitelift/domain/fleet/fleet.ts';
import type { JsonObject } from '@sitelift/domain/run/plan.ts';
import type { z } from 'zod';
import { parseDuration } from './duration.ts';
import { explainIssues } from './explain-issue.ts';
import {
  DEFAULT_EXPECT_MS,
  DEFAULT_IDLE_EXPECT_MS,
  DEFAULT_RETRY_PAUSE_MS,
  DEFAULT_TIMEOUT_MS,
  DEFAULT_WAIT_TIMEOUT_MS,
  type ActionCall,
  type Playbook,
  type PlaybookError,
  type PlaybookStep,
} from './playbook.ts';
import {
  LATER_KEYS,
  MAX_STEPS,
  PlaybookFileSchema,
  STEP_KINDS,
  StepSchemas,
  UNTIL_EXPECTED,
  type StepKind,
} from './playbook-schema.ts';
import { readYaml, type YamlPath, type YamlSource } from './read-yaml.ts';
import { parseInstant } from './value-schemas.ts';
import { sortSourceErrors, type Position } from './source-error.ts';

/** The longest playbook we know has 6 KiB; this much is still read in a quarter of a second (F-10). */
export const MAX_PLAYBOOK_BYTES = 64 * 1024;

export type ParsedPlaybook = { readonly playbook: Playbook } | { readonly errors: readonly PlaybookError[] };

export function parsePlaybook(text: string | Uint8Array, path: string): ParsedPlaybook {
  const read = readYaml(text, path, MAX_PLAYBOOK_BYTES);
  if ('errors' in read) return read;
  const { source } = read;
  const errors: PlaybookError[] = [];
  const top = withoutLater(source.value, [], LATER_KEYS.top, '', source, errors);
  const file = PlaybookFileSchema.safeParse(top);
  if (!file.success) errors.push(...explainIssues(file.error.issues, source, []));
  const rawSteps = isRecord(source.value) && Array.isArray(source.value.steps) ? source.value.steps : [];
  refuseExpressions(source.value, [], source, errors);

  const steps: PlaybookStep[] = [];
  let before: string | null = null;
  for (const [index, raw] of rawSteps.slice(0, MAX_STEPS).entries()) {
    if (!isRecord(raw)) continue;
    const step = readStep(raw, ['steps', index], before, source, errors);
    if (step !== null) steps.push(step);
    before = typeof raw.id === 'string' ? raw.id : before;
  }
  if (errors.length > 0 || !file.success) return { errors: sortSourceErrors(errors) };
  const { data } = file;
  return {
    playbook: {
      name: data.playbook,
      title: data.title,
      roles: data.for === undefined ? null : list<EnvironmentRole>(data.for.role),
      checklists: data.checklists ?? [],
      recover: data.recover ?? null,
      steps,
      path,
      source: typeof text === 'string' ? text : new TextDecoder().decode(text),
      at: source.positionOf(['playbook']),
      recoverAt: source.positionOf(['recover']),
    },
  };
}

function readStep(
  raw: Record<string, unknown>,
  at: YamlPath,
  before: string | null,
  source: YamlSource,
  errors: PlaybookError[],
): PlaybookStep | null {
  const known = withoutLater(raw, at, [...LATER_KEYS.step, ...LATER_KEYS.kind], ' steps', source, errors);
  const kinds = STEP_KINDS.filter((kind) => kind in raw);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    const later = LATER_KEYS.kind.some((key) => key in raw);
    if (!later || kinds.length > 0) {
      const message =
        kind === undefined ? 'the step says nothing to do' : `the step is both \`${kinds.join('` and `')}\``;
      errors.push({
        path: source.path,
        ...source.positionOf(at),
        message,
        expected: 'one of `uses`, `wait`, `gate`, `notify`',
      });
    }
    return null;
  }
  if (kind === 'wait' && isRecord(raw.wait)) {
    const wait = withoutLater(raw.wait, [...at, 'wait'], LATER_KEYS.wait, '', source, errors);
    if (refuseLaterUntil(raw.wait.until, at, source, errors)) return null;
    Object.assign(known, { wait });
  }
  if (kind === 'gate' && isRecord(raw.gate))
    Object.assign(known, {
      gate: withoutLater(raw.gate, [...at, 'gate'], LATER_KEYS.gate, '', source, errors),
    });
  return buildStep(kind, known, at, before, source, errors);
}

function buildStep(
  kind: StepKind,
  known: Record<string, unknown>,
  at: YamlPath,
  before: string | null,
  source: YamlSource,
  errors: PlaybookError[],
): PlaybookStep | null {
  const refused = (issues: readonly z.core.$ZodIssue[]): null => {
    errors.push(...explainIssues(issues, source, at));
    return null;
  };
  switch (kind) {
    case 'uses': {
      const step = StepSchemas.uses.safeParse(known);
      if (!step.success) return refused(step.error.issues);
      const { data } = step;
      return {
        kind,
        ...commonOf(data, DEFAULT_TIMEOUT_MS, DEFAULT_EXPECT_MS, at, before, source),
        // The same text by hand waits without limit, unless it says what follows.
        onTimeout: data.onTimeout ?? null,
        ...callOf(data),
        undo: data.undo === undefined ? null : callOf(data.undo),
        retry: {
          times: data.retry?.times ?? 0,
          pauseMs: ms(data.retry?.pause, DEFAULT_RETRY_PAUSE_MS),
        },
        require: data.require ?? null,
        disruptive: data.disruptive ?? false,
        pointOfNoReturn: data.pointOfNoReturn ?? false,
        manual: data.manual ?? false,
      };
    }
    case 'wait': {
      const step = StepSchemas.wait.safeParse(known);
      if (!step.success) return refused(step.error.issues);
      const { until } = step.data.wait;
      const { onTimeout, timeout } = step.data;
      const common = {
        ...commonOf(step.data, DEFAULT_WAIT_TIMEOUT_MS, DEFAULT_IDLE_EXPECT_MS, at, before, source),
        onTimeout: onTimeout ?? (timeout === undefined ? null : 'fail'),
      };
      if (typeof until === 'object') {
        const outside = { ...common, onTimeout: onTimeout ?? 'fail' };
        return 'signal' in until
          ? { kind, ...outside, until: { kind: 'signal', name: until.signal } }
          : { kind, ...outside, until: { kind: 'upgrade', roles: list(until.upgrade) } };
      }
      if (until === 'window') return { kind, ...common, until: { kind: 'window' } };
      const instant = parseInstant(until);
      if (instant !== null) return { kind, ...common, until: { kind: 'instant', at: instant } };
      const place = source.positionOf([...at, 'wait', 'until']);
      errors.push({
        path: source.path,
        ...place,
        message: `there is no instant ${until}`,
        expected: 'a day that exists',
      });
      return null;
    }
    case 'gate': {
      const step = StepSchemas.gate.safeParse(known);
      if (!step.success) return refused(step.error.issues);
      const { gate, onTimeout, expect } = step.data;
      const common = commonOf(step.data, DEFAULT_WAIT_TIMEOUT_MS, 0, at, before, source);
      return {
        kind,
        ...common,
        // Semantics 7: without history a gate counts as long as it may take.
        expectMs: expect === undefined ? common.timeoutMs : common.expectMs,
        onTimeout: onTimeout ?? 'fail',
        gate: gate.kind,
        by: gate.by === undefined ? [] : list(gate.by),
        checklists: gate.checklists === undefined ? [] : list(gate.checklists),
        quorum: gate.quorum ?? 1,
      };
    }
    case 'notify': {
      const step = StepSchemas.notify.safeParse(known);
      if (!step.success) return refused(step.error.issues);
      const { notify } = step.data;
      return {
        kind,
        ...commonOf(step.data, DEFAULT_TIMEOUT_MS, DEFAULT_IDLE_EXPECT_MS, at, before, source),
        onTimeout: null,
        to: list(notify.to),
        template: notify.template,
      };
    }
    default:
      return kind satisfies never;
  }
}

interface CommonKeys {
  readonly id: string;
  readonly title?: string | undefined;
  readonly owner?: string | undefined;
  readonly needs?: string | string[] | undefined;
  readonly timeout?: string | undefined;
  readonly expect?: string | undefined;
}

function commonOf(
  keys: CommonKeys,
  timeoutMs: number,
  expectMs: number,
  at: YamlPath,
  before: string | null,
  source: YamlSource,
) {
  const keyAt: Record<string, Position> = {};
  for (const key of Object.keys(keys)) keyAt[key] = source.keyPositionOf([...at, key]);
  return {
    id: keys.id,
    title: keys.title ?? sentence(keys.id),
    owner: keys.owner ?? null,
    needs: keys.needs === undefined ? (before === null ? [] : [before]) : list(keys.needs),
    timeoutMs: ms(keys.timeout, timeoutMs),
    expectMs: ms(keys.expect, expectMs),
    at: source.positionOf(at),
    keyAt,
  };
}

function callOf(call: string | { uses: string; with?: JsonObject | undefined }): ActionCall {
  return typeof call === 'string'
    ? { action: call, input: {} }
    : { action: call.uses, input: call.with ?? {} };
}

/** Takes out the keys of a later version after naming each one, so that the schema does not call them unknown. */
function withoutLater(
  value: unknown,
  at: YamlPath,
  later: readonly string[],
  what: string,
  source: YamlSource,
  errors: PlaybookError[],
): Record<string, unknown> {
  if (!isRecord(value)) return value as Record<string, unknown>; // the schema refuses it with a better sentence
  const known = { ...value };
  for (const key of later) {
    if (!(key in known)) continue;
    const suffix = (LATER_KEYS.kind as readonly string[]).includes(key) ? what : '';
    const message = `\`${key}\`${suffix} ${suffix === '' ? 'is' : 'are'} not supported by this version`;
    errors.push({ path: source.path, ...source.keyPositionOf([...at, key]), message, expected: null });
    Reflect.deleteProperty(known, key);
  }
  return known;
}

function refuseLaterUntil(
  until: unknown,
  at: YamlPath,
  source: YamlSource,
  errors: PlaybookError[],
): boolean {
  const names = isRecord(until) ? Object.keys(until) : [until];
  const later = LATER_KEYS.until.find((name) => names.includes(name));
  if (later === undefined) return false;
  errors.push({
    path: source.path,
    ...source.positionOf([...at, 'wait', 'until']),
    message: `\`wait: ${later}\` is not supported by this version`,
    expected: UNTIL_EXPECTED,
  });
  return true;
}

/** `${{ }}` is of a later version; left in a value it would reach a script as text that looks like a promise. */
function refuseExpressions(value: unknown, at: YamlPath, source: YamlSource, errors: PlaybookError[]): void {
  if (typeof value === 'string') {
    if (!value.includes('${{')) return;
    errors.push({
      path: source.path,
      ...source.positionOf(at),
      message: '`${{ }}` expressions are not supported by this version',
      expected: 'a plain value',
    });
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => refuseExpressions(item, [...at, index], source, errors));
  } else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) refuseExpressions(item, [...at, key], source, errors);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list<Item>(value: Item | readonly Item[]): readonly Item[] {
  return Array.isArray(value) ? (value as readonly Item[]) : [value as Item]; // Array.isArray cannot narrow readonly
}

function ms(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : (parseDuration(text) ?? otherwise);
}

function sentence(id: string): string {
  const words = id.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
