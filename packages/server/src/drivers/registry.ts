/**
 * Every driver there is, in one list that a reader can see and the conformance suite loops over. Adding one is a folder and
 * a line here. Binding happens when a plan is frozen, so whatever is wrong with an instance's settings is told then, with
 * the path of each mistake, and not in the night.
 */
import { ACTION_CATALOGUE } from '@sitelift/playbook/action-catalogue.ts';
import { z } from 'zod';
import type { FindAction } from '../engine/action-runner.ts';
import type { Bind } from '../upgrades/freeze-plan.ts';
import type { Action, Driver, JsonObject } from './driver.ts';
import { execDriver } from './exec/exec-driver.ts';
import { haproxyDriver } from './haproxy/haproxy-driver.ts';
import { httpDriver } from './http/http-driver.ts';
import { postgresDriver } from './postgres/postgres-driver.ts';

/** What drivers are held to; they themselves know no playbooks. */
export { ACTION_CATALOGUE };

/** The list forgets each driver's own type of settings: whoever calls an action parses them with its schema first. */
function listed<Config>(driver: Driver<Config>): Driver {
  return driver as unknown as Driver; // as: functions of Config are only called with what configSchema returned
}

/** Two drivers of one kind would make a binding mean either: refused when the program starts. */
export function driverIndex(drivers: readonly Driver[]): ReadonlyMap<string, Driver> {
  const byKind = new Map<string, Driver>();
  for (const driver of drivers) {
    if (byKind.has(driver.kind)) throw new Error(`two drivers are called ${driver.kind}`);
    byKind.set(driver.kind, driver);
  }
  return byKind;
}

export const DRIVERS: readonly Driver[] = [
  listed(execDriver),
  listed(httpDriver),
  listed(postgresDriver),
  listed(haproxyDriver),
];

const BY_KIND = driverIndex(DRIVERS);

function actionOf(driver: Driver, name: string): Action | undefined {
  const flags = ACTION_CATALOGUE.get(name);
  if (flags === undefined) return undefined;
  const own = Object.hasOwn(driver.actions, name) ? driver.actions[name] : undefined;
  const action = own ?? driver.anyAction?.(name, flags);
  return action as unknown as Action | undefined; // as: the engine parses the input with its schema first
}

export const findAction: FindAction = (kind, name) => {
  const driver = BY_KIND.get(kind);
  const action = driver === undefined ? undefined : actionOf(driver, name);
  if (driver === undefined || action === undefined) return undefined;
  return { action, parseConfig: (config) => driver.configSchema.parse(config) };
};

const bindingSchema = z.looseObject({ driver: z.string() });

/** `commands.stage.run: is missing`, one per mistake. */
function mistakes(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => {
      const what = message.endsWith('received undefined') ? 'is missing' : message;
      return path.length === 0 ? what : `${path.join('.')}: ${what}`;
    })
    .join('; ');
}

/** Looks for the exact `family/verb`, then for the family. Pure; a problem is a sentence for the owner of the instance. */
export const bindAction: Bind = (bindings, action) => {
  const family = action.split('/')[0] ?? action;
  const key = [action, family].find((name) => Object.hasOwn(bindings, name));
  if (key === undefined)
    return { problem: `nothing is bound to ${action}: the instance has no "${family}" in its bindings` };
  const binding = bindingSchema.safeParse(bindings[key]);
  if (!binding.success) return { problem: `the binding "${key}" names no driver` };
  const { driver: kind, ...rest } = binding.data;
  const driver = BY_KIND.get(kind);
  if (driver === undefined)
    return {
      problem: `the binding "${key}" names the driver ${kind}, and there is none (${[...BY_KIND.keys()].join(', ')})`,
    };
  if (actionOf(driver, action) === undefined)
    return { problem: `the driver ${kind} cannot do ${action}: bind "${action}" to another one` };
  const config = driver.configSchema.safeParse(rest);
  if (!config.success) return { problem: `the binding "${key}" (${kind}): ${mistakes(config.error)}` };
  const lack = driver.lacks?.(config.data, action) ?? null;
  if (lack !== null) return { problem: `the binding "${key}" (${kind}) cannot do ${action}: ${lack}` };
  return { driver: kind, config: rest as JsonObject }; // as: what is left of a JSON object is one
};
