/**
 * Calls a driver's action with what it declared and nothing else, under a time limit, and turns whatever it does into one
 * of the five outcomes. A driver that throws has not failed: nobody knows what it did (`unknown`).
 */
import type { ProcessRef } from '@sitelift/domain/run/events.ts';
import type { BoundAction } from '@sitelift/domain/run/plan.ts';
import type {
  Action,
  ActionContext,
  ActionTarget,
  LogSink,
  ObserveResult,
  Outcome,
} from '../drivers/driver.ts';
import { newId } from '../db/new-id.ts';
import type { RunPlan } from '@sitelift/domain/run/plan.ts';
import { systemTimers, type Timers } from './timers.ts';

/** What surrounds one attempt; made by `advance-run.ts`, or by the prober for a look outside any run. */
export interface AttemptScope {
  readonly runId: string;
  readonly fence: number;
  readonly target: Omit<ActionTarget, 'backup'>;
  readonly stepId: string;
  readonly attempt: number;
  readonly timeoutMs: number;
  /** Ends the attempt: a lost lease or a person's wish. */
  readonly signal: AbortSignal;
  readonly log: LogSink;
  readonly backup: ActionTarget['backup'];
  readonly nowMs: () => number;
  readonly processStarted: (process: ProcessRef) => Promise<void>;
  readonly processEnded?: () => Promise<void>;
  readonly openSecret: (name: string) => Promise<string>;
}

export interface ActionRunner {
  observe(bound: BoundAction, scope: AttemptScope): Promise<ObserveResult>;
  apply(bound: BoundAction, scope: AttemptScope): Promise<Outcome>;
}

/** Finds the code of an action; the registry of drivers answers it. */
export type FindAction = (
  driver: string,
  action: string,
) => { readonly action: Action; readonly parseConfig: (config: unknown) => unknown } | undefined;

/** An observation is a look; it may not take longer than this, whatever the step's own limit. */
const OBSERVE_LIMIT_MS = 60_000;

/** The longest that a timer can wait (2^31 - 1 ms, 24 days); one of more fires at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Its name, `TimeoutError`, tells drivers a time limit from a lost lease. */
const TIME_LIMIT = 'The operation was aborted due to timeout';

/** A driver that does not come back this long after its signal fired is given up: `unknown`, milliseconds. */
const ABANDON_AFTER_MS = 30_000;

/** Settles with the work, or rejects once the signal has fired and the grace has passed. */
function orAbandoned<T>(work: Promise<T>, signal: AbortSignal, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    let callOff: (() => void) | undefined;
    const fired = (): void => {
      callOff = timers.after(ABANDON_AFTER_MS, () =>
        reject(new Error('it did not stop when it was told to')),
      );
    };
    if (signal.aborted) fired();
    else signal.addEventListener('abort', fired, { once: true });
    void work.then(resolve, reject).finally(() => {
      callOff?.();
      signal.removeEventListener('abort', fired);
    });
  });
}

/** What an action is told of its instance and upgrade, from the frozen plan. */
export function targetOf(plan: RunPlan): Omit<ActionTarget, 'backup'> {
  return {
    instance: plan.instance,
    customer: { slug: plan.customer.slug, name: plan.customer.name },
    product: plan.product,
    from: plan.from,
    to: { version: plan.to.version, artefact: plan.to.artefact },
    slots: plan.slots,
  };
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function createActionRunner(
  findAction: FindAction,
  workDirOf: (runId: string) => Promise<string>,
  monotonicMs: () => number,
  timers: Timers = systemTimers,
): ActionRunner {
  const call = async <T>(
    bound: BoundAction,
    scope: AttemptScope,
    askedMs: number,
    use: (action: Action, context: ActionContext) => Promise<T>,
  ): Promise<T> => {
    const found = findAction(bound.driver, bound.action);
    if (found === undefined) throw new Error(`driver ${bound.driver} has no action ${bound.action}`);
    const { action } = found;
    const limitMs = Math.min(askedMs, LONGEST_TIMER_MS);
    const may = new Set(action.capabilities);
    const limit = new AbortController();
    const signal = AbortSignal.any([scope.signal, limit.signal]);
    const context: ActionContext = {
      config: found.parseConfig(bound.config),
      input: action.inputSchema.parse(bound.input),
      target: { ...scope.target, backup: scope.backup },
      runId: scope.runId,
      stepId: scope.stepId,
      attempt: scope.attempt,
      fence: scope.fence,
      signal,
      timeoutMs: limitMs,
      log: scope.log,
      secret: may.has('secrets')
        ? scope.openSecret
        : () => Promise.reject(new Error(`${bound.action} did not declare that it needs secrets`)),
      workDir: may.has('files') ? await workDirOf(scope.runId) : '',
      processStarted: scope.processStarted,
      ...(scope.processEnded === undefined ? {} : { processEnded: scope.processEnded }),
      monotonicMs,
      nowMs: scope.nowMs,
      newBackupId: () => newId('bkp'),
    };
    const callOff = timers.after(limitMs, () => limit.abort(new DOMException(TIME_LIMIT, 'TimeoutError')));
    try {
      return await orAbandoned(use(action, context), signal, timers);
    } finally {
      callOff();
    }
  };

  return {
    observe: async (bound, scope) => {
      try {
        const limit = Math.min(OBSERVE_LIMIT_MS, scope.timeoutMs);
        return await call(bound, scope, limit, (action, context) => action.observe(context));
      } catch (error) {
        return { state: 'cannot-tell', reason: `could not observe: ${message(error)}` };
      }
    },
    apply: async (bound, scope) => {
      try {
        return await call(bound, scope, scope.timeoutMs, (action, context) => action.apply(context));
      } catch (error) {
        return { kind: 'unknown', reason: message(error) };
      }
    },
  };
}
