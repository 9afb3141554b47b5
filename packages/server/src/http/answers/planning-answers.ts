/** The night: plan, why, look now, and stopping it. */
import { Problem } from '@sitelift/contract/problems.ts';
import { decisionViewer, planView } from '../views/plan-views.ts';
import type { Answers } from '../answer.ts';
import { invalidField, refuseOtherKinds } from '../check-input.ts';
import type { HttpDeps } from '../http-deps.ts';
import { throwUnlessDone } from './change-verdict.ts';

/** Nobody plans for another century, and calendars beyond are nobody's to test. */
const EARLIEST = Date.UTC(2020, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);

function instantOf(at: string | undefined): number | null {
  if (at === undefined) return null;
  const instant = Date.parse(at);
  if (instant < EARLIEST || instant >= LATEST)
    throw invalidField('query/at', 'an instant between the years 2020 and 2100');
  return instant;
}

export function planningAnswers({
  planning,
  planNow,
  fleet,
}: HttpDeps): Pick<Answers, 'plan' | 'why' | 'planNow' | 'stop' | 'releaseStop'> {
  return {
    plan: async ({ query }) => {
      const snapshot = await planning.loadSnapshot(instantOf(query.at));
      const plan = planning.planNight(snapshot);
      return planView(snapshot, plan, planning.checkPlan(snapshot, plan));
    },
    why: async ({ params, query }) => {
      refuseOtherKinds('inst', params.instance);
      const snapshot = await planning.loadSnapshot(instantOf(query.at));
      const instance = snapshot.instances.find(
        (each) => each.slug === params.instance || each.id === params.instance,
      );
      const decision = planning
        .planNight(snapshot)
        .decisions.find((each) => each.instanceId === instance?.id);
      if (decision === undefined)
        throw new Problem('not-found', { detail: `no instance is called ${params.instance}` });
      return decisionViewer(snapshot)(decision);
    },
    planNow: async () => ({ started: [...(await planNow())] }),
    stop: async ({ body, caller }) => {
      throwUnlessDone(await fleet.stop({ actor: caller.actor, reason: body.reason }), 'change-refused');
      return { done: true };
    },
    releaseStop: async ({ body, caller }) => {
      throwUnlessDone(
        await fleet.releaseStop({ actor: caller.actor, reason: body.reason }),
        'change-refused',
      );
      return { done: true };
    },
  };
}
