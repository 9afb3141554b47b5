/** Runs: what they do, and a person's word to them. */
import { Problem } from '@sitelift/contract/problems.ts';
import type { RunCommand } from '@sitelift/domain/run/command-verdict.ts';
import { decideCommand } from '@sitelift/domain/run/command-verdict.ts';
import { newId } from '../../db/new-id.ts';
import { commandRun } from '../../engine/command-run.ts';
import { signalRun } from '../../engine/signal-run.ts';
import { checkGateItem, voteAtGate } from '../../engine/tell-gate.ts';
import type { CommandResult } from '../../engine/tell-run.ts';
import { getRun, loadRunState, signalView } from '../views/run-detail-views.ts';
import { listJournal, listLog, runExists } from '../views/run-log-views.ts';
import { listRuns } from '../views/runs-views.ts';
import type { Answers } from '../answer.ts';
import { checkId } from '../check-input.ts';
import type { HttpDeps } from '../http-deps.ts';

type RunAnswers = Pick<
  Answers,
  | 'listRuns'
  | 'getRun'
  | 'commandRun'
  | 'signalRun'
  | 'voteAtGate'
  | 'checkGateItem'
  | 'overrideGate'
  | 'runLog'
  | 'runJournal'
>;

/** What a word to a run is answered. */
function said(result: CommandResult): { readonly does: string } {
  if (result.ok) return { does: result.does };
  if (!result.found) throw new Problem('not-found');
  throw new Problem(result.code ?? 'command-refused', { reasons: result.reasons });
}

export function runAnswers(deps: HttpDeps): RunAnswers {
  const { db } = deps;

  const checkRun = async (runId: string): Promise<void> => {
    checkId('run', runId);
    if (!(await runExists(db, runId))) throw new Problem('not-found');
  };

  return {
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
    voteAtGate: async ({ params, body, caller }) => {
      checkId('run', params.run);
      const { evidence = null, decision, reason } = body;
      const vote = { step: params.step, by: caller.actor, decision, reason, evidence };
      return said(await voteAtGate({ db, hooks: deps.runHooks }, params.run, vote));
    },
    checkGateItem: async ({ params, body, caller }) => {
      checkId('run', params.run);
      const check = { ...body, step: params.step, by: caller.actor };
      return said(await checkGateItem({ db, hooks: deps.runHooks }, params.run, check));
    },
    overrideGate: async ({ params }) => {
      await checkRun(params.run);
      // Who may override is a right of the customer's people (semantics 13); nobody has it yet, and staff never act as them.
      throw new Problem('command-refused', {
        reasons: ['this version overrides no gate: fix what is open, or end the run'],
      });
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
