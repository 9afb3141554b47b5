/**
 * What every driver promises, held against every driver in the registry. Each brings a stand-in: a small world that its
 * actions work on, one that is gone, and one that never answers. A driver without a stand-in is red.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Action, ActionContext, ActionTarget, Driver, JsonObject } from './driver.ts';
import { STAND_INS, type StandIn } from './fake-worlds.ts';
import { livingMembers } from './process-table.ts';
import { ACTION_CATALOGUE, bindAction, DRIVERS, findAction } from './registry.ts';
import { SAMPLE_TARGET, sampleContext } from './sample-context.ts';

/** A driver that was told to stop has this long: TERM, grace, KILL. The engine gives it up after 30 s. */
const STOP_WITHIN_MS = 15_000;
/** For all of a driver's actions, one after the other. */
const PATIENCE_MS = 180_000;

it('every driver of the registry has a stand-in', () => {
  expect(Object.keys(STAND_INS).sort()).toEqual(DRIVERS.map((driver) => driver.kind).sort());
});

/** The paths of `config` that a pattern of dots, `*` (one level) and `**` (any depth) names. */
function pathsMatching(value: unknown, pattern: readonly string[]): readonly (readonly string[])[] {
  const [first, ...rest] = pattern;
  if (first === undefined) return typeof value === 'string' ? [[]] : [];
  if (value === null || typeof value !== 'object') return [];
  const into = Object.entries(value).flatMap(([key, item]) => {
    const next = first === '**' ? [pattern, rest] : first === '*' || first === key ? [rest] : [];
    return next.flatMap((remaining) => pathsMatching(item, remaining).map((path) => [key, ...path]));
  });
  return first === '**' ? [...pathsMatching(value, rest), ...into] : into;
}

function withValue(value: unknown, path: readonly string[], put: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return put;
  const copy: unknown = structuredClone(value);
  const inner = copy as Record<string, unknown>; // as: the path was found in it
  inner[key] = withValue(inner[key], rest, put);
  return copy;
}

describe.each(DRIVERS.map((driver) => [driver.kind, driver] as const))('the driver %s', (kind, driver) => {
  const open = STAND_INS[kind];
  const names = driver.anyAction === undefined ? Object.keys(driver.actions) : [...ACTION_CATALOGUE.keys()];

  it.each(names)('says of %s what the catalogue says', (name) => {
    expect(findAction(kind, name)?.action.flags).toEqual(ACTION_CATALOGUE.get(name));
  });

  if (open === undefined || open === 'not-on-this-machine') return;
  keepsItsPromises(driver, open);
});

function keepsItsPromises(driver: Driver, open: () => Promise<StandIn>): void {
  const { kind } = driver;
  let world: StandIn;
  let target: ActionTarget;
  beforeAll(async () => {
    world = await open();
    target = { ...SAMPLE_TARGET, ...(await world.target?.()) };
  });
  afterAll(() => world.close());

  const actionNamed = (name: string): Action => {
    const found = findAction(kind, name);
    if (found === undefined) throw new Error(`${kind} has no ${name}`);
    return found.action;
  };
  const context = (name: string, config: JsonObject = world.config, change: Partial<ActionContext> = {}) => {
    const input: unknown = actionNamed(name).inputSchema.parse(world.actions[name] ?? {});
    const limits = { workDir: world.workDir, target };
    return sampleContext(driver.configSchema.parse(config), input, { ...limits, ...change });
  };
  const inTurn = async (
    use: (name: string, action: Action) => Promise<void>,
    only?: (action: Action) => boolean,
  ) => {
    let seen = 0;
    for (const name of Object.keys(world.actions)) {
      const action = actionNamed(name);
      if (only?.(action) === false) continue;
      seen += 1;
      await use(name, action);
    }
    expect(seen).toBeGreaterThan(0);
  };

  it('shows all of its own actions in its stand-in', () => {
    for (const name of Object.keys(driver.actions)) expect(Object.keys(world.actions)).toContain(name);
  });

  it('can be bound with the settings of its stand-in, and describes what it will do', () =>
    inTurn(async (name, action) => {
      expect(bindAction({ [name]: { driver: kind, ...world.config } }, name)).toEqual({
        driver: kind,
        config: world.config,
      });
      const { config, input } = context(name);
      expect(action.describe(config, input)).toMatch(/\S+ \S+/);
    }));

  it('changes nothing by observing, and sees the same twice', () =>
    inTurn(async (name, action) => {
      const before = await world.state();
      const first = await action.observe(context(name));
      expect(await action.observe(context(name)), name).toEqual(first);
      expect(await world.state(), name).toEqual(before);
    }));

  it('does no harm when what is idempotent is done twice, and then sees it applied', () =>
    inTurn(
      async (name, action) => {
        expect(await action.apply(context(name)), name).toMatchObject({ kind: expect.stringMatching(/^(done|already-done)$/) as unknown }); // prettier-ignore
        const once = await world.state();
        expect(await action.apply(context(name)), name).toMatchObject({ kind: expect.stringMatching(/^(done|already-done)$/) as unknown }); // prettier-ignore
        expect(await world.state(), name).toEqual(once);
        if (action.flags.mutates)
          expect(await action.observe(context(name)), name).toMatchObject({ state: 'applied' });
      },
      (action) => action.flags.idempotent,
    ));

  it(
    'ends in bounded time when it is told to stop, claims nothing, and leaves no process',
    () =>
      inTurn(async (name, action) => {
        const stuck = context(
          name,
          { ...world.config, ...world.hanging },
          { signal: AbortSignal.timeout(300) },
        );
        const beganAt = performance.now();
        const outcome = await action.apply(stuck).catch((error: unknown) => ({ kind: 'threw', error }));
        expect(performance.now() - beganAt, name).toBeLessThan(STOP_WITHIN_MS);
        expect(outcome.kind, name).not.toMatch(/^(done|already-done)$/);
        for (const { pgid } of stuck.processes) expect(livingMembers(pgid), name).toEqual([]);
      }),
    PATIENCE_MS,
  );

  it('answers with an outcome when its world is gone, never with a success, and observing does not throw', () =>
    inTurn(async (name, action) => {
      const lost = context(name, { ...world.config, ...world.gone });
      const outcome = await action.apply(lost);
      expect(outcome.kind, name).toMatch(/^(failed|retry-later|unknown)$/);
      expect('reason' in outcome && outcome.reason.length > 0, name).toBe(true);
      expect((await action.observe(lost)).state, name).not.toBe('applied');
    }));

  it('tells mistakes in its settings with their path', () => {
    for (const [change, path] of world.mistakes) {
      const issues = driver.configSchema.safeParse({ ...world.config, ...change }).error?.issues ?? [];
      expect(
        issues.map((issue) => issue.path.join('.')),
        JSON.stringify(change),
      ).toContain(path);
      expect(issues.every((issue) => issue.message !== '')).toBe(true);
    }
    const unknown = driver.configSchema.safeParse({ ...world.config, 'no-such-setting': 1 });
    expect(unknown.error?.issues[0]?.message).toContain('no-such-setting');
  });

  it('takes names of secrets only, never their values', () => {
    for (const field of driver.secretFields) {
      const paths = pathsMatching(world.config, field.split('.'));
      expect(paths.length, `${field} stands nowhere in the stand-in's settings`).toBeGreaterThan(0);
      for (const path of paths) {
        const inline = driver.configSchema.safeParse(withValue(world.config, path, 'Tr0ub4dor & 3'));
        expect(inline.success, path.join('.')).toBe(false);
      }
    }
  });
}
