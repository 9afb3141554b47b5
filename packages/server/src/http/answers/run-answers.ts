/** Upgrades that a person asks for, and runs: what they do, and a person's word to them. */
import { Problem } from '@sitelift/contract/problems.ts';
import type { RunCommand } from '@sitelift/domain/run/command-verdict.ts';
import { decideCommand } from '@sitelift/domain/run/command-verdict.ts';
import { newId } from '../../db/new-id.ts';
import { commandRun } from '../../engine/command-run.ts';
import { signalRun } from '../../engine/signal-run.ts';
import { getRun, loadRunState, signalView } from '../views/run-detail-views.ts';
import { listJournal, listLog, runExists } from '../views/run-log-views.ts';
import { listRuns } from '../views/runs-views.ts';
import type { Answers } from '../answer.ts';
import { checkId, refuseOtherKinds } from '../check-input.ts';
import type { HttpDeps } from '../http-deps.ts';
import { wanting, whatStandsAgainst } from '../personal-upgrade.ts';

/** Asked again after this many seconds, a stop may have been lifted. */
const STOPPED_RETRY_SECONDS = 60;

type RunAnswers = Pick<
  Answers,
  'requestUpgrade' | 'listRuns' | 'getRun' | 'commandRun' | 'signalRun' | 'runLog' | 'runJournal'
>;

export function runAnswers(deps: HttpDeps): RunAnswers {
  const { db, planning } = deps;

  const checkRun = async (runId: string): Promise<void> => {
    checkId('run', runId);
    if (!(await runExists(db, runId))) throw new Problem('not-found');
  };

  return {
    requestUpgrade: async ({ body, caller }) => {
      const { version = null, anyTime, reason } = body;
      refuseOtherKinds('inst', body.instance);
      const snapshot = await planning.loadSnapshot(null);
      const instance = snapshot.instances.find(
        (each) => each.slug === body.instance || each.id === body.instance,
      );
      if (instance === undefined) throw new Problem('not-found');
      const { stopped } = snapshot;
      if (stopped !== null)
        throw new Problem('stopped', {
          detail: `stopped by ${stopped.by}: ${stopped.reason}`,
          retryAfter: STOPPED_RETRY_SECONDS,
        });
      const wanted = version === null ? snapshot : wanting(snapshot, instance, version);
      const plan = planning.planNight(wanted);
      const decision = plan.decisions.find((each) => each.instanceId === instance.id);
      if (decision === undefined) throw new Error(`the planner decided nothing about ${instance.slug}`);
      const against = whatStandsAgainst(decision, version, anyTime);
      if (against.length > 0 || decision.toReleaseId === null)
        throw new Problem('upgrade-refused', { reasons: against });
      const result = await deps.startUpgrade({
        actor: caller.actor,
        reason,
        instanceId: instance.id,
        releaseId: decision.toReleaseId,
        window: anyTime ? null : decision.window,
        anyTime,
        reasons: decision.reasons,
      });
      if ('refused' in result) throw new Problem('upgrade-refused', { reasons: result.refused });
      return { upgrade: result.upgradeId, run: result.runId };
    },
    listRuns: async ({ query }) => {
      const { instance = null, state, limit, before = null } = query;
      if (before !== null) checkId('run', before);
      return { runs: await listRuns(db, { instance, state, limit, before }) };
    },
    getRun: async ({ params, caller }) => {
      checkId('run', params.run);
      const run = await getRun(db, params.run, caller.scopes);
      if (run === null) throw new Problem('not-found');
      return run;
    },
    commandRun: async ({ params, body, caller }) => {
      checkId('run', params.run);
      const { verb, step = null, reason, evidence = null, as = null } = body;
      const command: RunCommand = {
        verb,
        step,
        reason,
        evidence,
        as,
        actor: caller.actor,
        observed:
          body.observed === undefined
            ? null
            : { ...body.observed, healthy: body.observed.writeOk, problem: null },
        backup:
          body.backup === undefined
            ? null
            : { ...body.backup, backupId: newId('bkp'), begunAt: Date.parse(body.backup.begunAt) },
      };
      if (body.dryRun) {
        const run = await loadRunState(db, params.run);
        if (run === null) throw new Problem('not-found');
        const verdict = decideCommand(run.plan, run.state, command);
        if (!verdict.allowed) throw new Problem('command-refused', { reasons: verdict.reasons });
        return { does: verdict.does };
      }
      const result = await commandRun({ db, hooks: deps.runHooks }, params.run, command);
      if (result.ok) return { does: result.does };
      if (!result.found) throw new Problem('not-found');
      throw new Problem('command-refused', { reasons: result.reasons });
    },
    signalRun: async ({ params, body, caller }) => {
      checkId('run', params.run);
      const { name } = params;
      const signal = { name, actor: caller.actor, reason: body.reason };
      const result = await signalRun({ db, hooks: deps.runHooks }, params.run, signal);
      if (result.ok) return signalView(result.state, name);
      if (!result.found) throw new Problem('not-found');
      throw new Problem('command-refused', { reasons: result.reasons });
    },
    runLog: async ({ params, query }) => {
      await checkRun(params.run);
      const { step = null, after, limit } = query;
      // One more than asked for tells whether there is more.
      const lines = await listLog(db, params.run, { step, after, limit: limit + 1, settledMs: 0 });
      return { lines: lines.slice(0, limit), more: lines.length > limit };
    },
    runJournal: async ({ params, query }) => {
      await checkRun(params.run);
      return { events: await listJournal(db, params.run, query.after) };
    },
  };
}
