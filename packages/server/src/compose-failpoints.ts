/**
 * Puts failpoints around the parts that a crash can come between: the store, the drivers, the mail. The engine knows nothing
 * of them, so what a test kills is what a customer runs. Where each boundary lies:
 *
 * - B0, B1 around the transaction that journals a step's start; B6, B8, B9 around the one that journals its end; B7 as its
 *   last statement. To be killed at B8 is to be killed after COMMIT was written to the socket and before anything could be
 *   read from it. To be held up there is to lose the answer: the connection fails afterwards, whatever became of the commit.
 * - B2 to B5 are told by the driver of a process. B4 is its first line of output.
 * - B10, B11 around the sending of a mail.
 */
import type { RunEventBody } from '@sitelift/domain/run/events.ts';
import type { ActionRunner, AttemptScope } from './engine/action-runner.ts';
import type { EngineDeps } from './engine/advance-run.ts';
import type { RunHooks } from './engine/pg-run-store.ts';
import type { RunHandle, RunStore } from './engine/run-store.ts';
import type { Failpoints, Place } from './failpoints/open-failpoints.ts';
import type { NoticeSender } from './notices/send-notice.ts';

function placeOf(run: RunHandle, step: string): Place {
  return { instance: run.plan.instance.slug, step };
}

/** The step of the main lane whose end is among these. */
function endedStep(bodies: readonly RunEventBody[]): string | null {
  for (const body of bodies) if (body.kind === 'step-ended' && body.lane === 'main') return body.step;
  return null;
}

function storeWithFailpoints(store: RunStore, points: Failpoints): RunStore {
  /** Runs whose last deed was the end of a step. */
  const ended = new Map<string, string>();
  return {
    ...store,
    append: async (run, bodies, notices) => {
      const step = endedStep(bodies);
      if (step === null) return store.append(run, bodies, notices);
      await points.reach('B6', placeOf(run, step));
      const appended = await store.append(run, bodies, notices);
      if (await points.reach('B8', placeOf(run, step), 'block'))
        throw new Error('Connection terminated unexpectedly');
      ended.set(run.runId, step);
      return appended;
    },
    start: async (run, body, guard) => {
      if (guard.lane !== 'main') return store.start(run, body, guard);
      await points.reach('B0', placeOf(run, guard.step));
      const result = await store.start(run, body, guard);
      if (result.started) await points.reach('B1', placeOf(run, guard.step));
      return result;
    },
    facts: async (run) => {
      const step = ended.get(run.runId);
      ended.delete(run.runId);
      if (step !== undefined) await points.reach('B9', placeOf(run, step));
      return store.facts(run);
    },
  };
}

function scopeWithFailpoints(scope: AttemptScope, points: Failpoints): AttemptScope {
  const place = { instance: scope.target.instance.slug, step: scope.stepId };
  let began = false;
  return {
    ...scope,
    log: {
      line: (stream, text) => {
        scope.log.line(stream, text);
        if (stream !== 'out' || began) return;
        began = true;
        void points.reach('B4', place);
      },
    },
    processStarted: async (process) => {
      await points.reach('B2', place);
      await scope.processStarted(process);
      // The driver lets it go as soon as this has resolved: before the next turn of the event loop.
      setImmediate(() => void points.reach('B3', place));
    },
    processEnded: async () => {
      await points.reach('B5', place);
    },
  };
}

function runnerWithFailpoints(runner: ActionRunner, points: Failpoints): ActionRunner {
  return {
    ...runner,
    apply: (bound, scope) => runner.apply(bound, scopeWithFailpoints(scope, points)),
  };
}

export function hooksWithFailpoints(hooks: RunHooks, points: Failpoints): RunHooks {
  return {
    ...hooks,
    appended: async (_tx, run, bodies) => {
      const step = endedStep(bodies);
      if (step === null) return;
      await points.reach('B7', placeOf(run, step));
      // COMMIT is written when this has resolved, in this turn of the event loop; no answer is read before the next one.
      setImmediate(() => void points.reach('B8', placeOf(run, step), 'kill9'));
    },
  };
}

export function engineWithFailpoints(engine: EngineDeps, points: Failpoints): EngineDeps {
  return {
    ...engine,
    store: storeWithFailpoints(engine.store, points),
    runner: runnerWithFailpoints(engine.runner, points),
  };
}

export function senderWithFailpoints(sender: NoticeSender, points: Failpoints): NoticeSender {
  return {
    ...sender,
    send: async (notice) => {
      // A notice names no instance; its subject begins with it.
      const place = { instance: notice.subject.split(':')[0] ?? '', step: 'any' };
      await points.reach('B10', place);
      const delivery = await sender.send(notice);
      if (delivery.kind === 'sent') await points.reach('B11', place);
      return delivery;
    },
  };
}
