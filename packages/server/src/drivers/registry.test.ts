import { describe, expect, it } from 'vitest';
import type { JsonObject } from './driver.ts';
import { bindAction, driverIndex, DRIVERS, findAction } from './registry.ts';

const EXEC: JsonObject = {
  driver: 'exec',
  commands: { stage: { run: ['./stage'] }, probe: { run: ['./probe'] } },
};
const HTTP: JsonObject = { driver: 'http', url: 'http://127.0.0.1:4242', health: { path: '/health' } };

describe('binding an action', () => {
  it('takes the exact action before its family', () => {
    const bindings = { app: EXEC, 'app/probe': HTTP };
    expect(bindAction(bindings, 'app/stage')).toMatchObject({ driver: 'exec' });
    expect(bindAction(bindings, 'app/probe')).toEqual({
      driver: 'http',
      config: { url: 'http://127.0.0.1:4242', health: { path: '/health' } },
    });
  });

  it.each([
    ['app/stage', {}, 'nothing is bound to app/stage: the instance has no "app" in its bindings'],
    [
      'app/stage',
      { app: { driver: 'exce' } },
      /names the driver exce, and there is none \(exec, http, postgres, haproxy\)/,
    ],
    ['app/stage', { app: 'exec' }, 'the binding "app" names no driver'],
    ['app/start', { app: EXEC }, 'the binding "app" (exec) cannot do app/start: it has no command "start"'],
    ['app/start', { app: HTTP }, 'the driver http cannot do app/start: bind "app/start" to another one'],
    [
      'app/probe',
      { app: { driver: 'http' } },
      'the binding "app" (http) cannot do app/probe: it needs "health" in its settings',
    ],
    [
      'app/stage',
      { app: { ...EXEC, commands: { stage: { run: [] } } } },
      'the binding "app" (exec): commands.stage.run.0: is missing',
    ],
    ['app/fly', { app: EXEC }, 'the driver exec cannot do app/fly: bind "app/fly" to another one'],
    ['app/constructor', { app: HTTP }, /cannot do/],
  ])('%s on %j says what is wrong', (action, bindings, problem) => {
    const bound = bindAction(bindings, action);
    expect('problem' in bound ? bound.problem : bound).toEqual(
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    );
  });
});

it('an action that no driver has is not found', () => {
  expect(findAction('http', 'app/stage')).toBeUndefined();
  expect(findAction('nothing', 'app/stage')).toBeUndefined();
  expect(findAction('exec', 'app/stage')?.action.flags.idempotent).toBe(true);
});

it('two drivers of one kind are refused', () => {
  const [first] = DRIVERS;
  expect(first).toBeDefined();
  expect(() => driverIndex([...DRIVERS, ...(first === undefined ? [] : [first])])).toThrow(
    'two drivers are called exec',
  );
});
