/**
 * The planner's shell: load the fleet once, decide, have the decision checked by a second opinion, and turn every `start`
 * into an upgrade. Level-triggered: it may run at any time, twice, or not at all for a while; only the rows count. A fatal
 * note of the second opinion stops every start of that pass and is told loudly.
 */
import type { Decision, NightPlan, PlanNote } from '@sitelift/domain/planning/decision.ts';
import type { FleetSnapshot } from '@sitelift/domain/planning/snapshot.ts';

export interface PlanNightDeps {
  readonly loadSnapshot: () => Promise<FleetSnapshot>;
  readonly planNight: (snapshot: FleetSnapshot) => NightPlan;
  readonly checkPlan: (snapshot: FleetSnapshot, plan: NightPlan) => readonly PlanNote[];
  /** Turns a `start` into an upgrade; says why not when it may not after all. */
  readonly startUpgrade: (
    decision: Decision,
  ) => Promise<{ readonly runId: string } | { readonly refused: string }>;
  readonly log: {
    readonly info: (facts: object, text: string) => void;
    readonly error: (facts: object, text: string) => void;
  };
}

export interface NightPass {
  readonly plan: NightPlan;
  readonly started: readonly string[];
  /** Fatal notes: nothing was started. */
  readonly fatal: readonly PlanNote[];
}

export async function planNightOnce(deps: PlanNightDeps): Promise<NightPass> {
  const snapshot = await deps.loadSnapshot();
  const plan = deps.planNight(snapshot);
  const fatal = deps.checkPlan(snapshot, plan).filter((note) => note.severity === 'fatal');
  if (fatal.length > 0) {
    deps.log.error({ notes: fatal }, 'the second opinion refuses the plan: nothing is started');
    return { plan, started: [], fatal };
  }
  const started: string[] = [];
  for (const decision of plan.decisions) {
    if (decision.verdict !== 'start') continue;
    const result = await deps.startUpgrade(decision);
    if ('runId' in result) started.push(result.runId);
    else deps.log.info({ instance: decision.instanceId, why: result.refused }, 'not started after all');
  }
  return { plan, started, fatal };
}
