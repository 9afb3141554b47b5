/** What going back would lose, and the rows themselves as a file. */
import { open } from 'node:fs/promises';
import { Problem } from '@sitelift/contract/problems.ts';
import { recordEvent } from '../../db/event-store.ts';
import type { Answers } from '../answer.ts';
import { checkId } from '../check-input.ts';
import type { HttpDeps } from '../http-deps.ts';
import { loadRunState } from '../views/run-detail-views.ts';
import { lossView } from '../views/loss-views.ts';

export function lossAnswers({ db, lossExportOf }: HttpDeps): Pick<Answers, 'runLoss' | 'runLossExport'> {
  const load = async (runId: string) => {
    checkId('run', runId);
    const run = await loadRunState(db, runId);
    if (run === null) throw new Problem('not-found');
    return run;
  };
  return {
    runLoss: async ({ params }) => ({ loss: lossView((await load(params.run)).state, true) }),
    // The customer's own rows leave the house here: who had them is written down before the first byte goes.
    runLossExport: async ({ params, caller, reply }) => {
      const { plan, state } = await load(params.run);
      const named = state.loss?.report?.exportPath ?? null;
      if (named === null) throw new Problem('not-found');
      const path = lossExportOf(params.run, named);
      // Opened once: a measurement that ends meanwhile puts another file in its place.
      const file = path === null ? null : await open(path).catch(() => null);
      if (file === null)
        throw new Problem('not-found', {
          detail:
            'the export lies in the data directory of the worker that wrote it, and not on this machine',
        });
      const { size } = await file.stat();
      await db.transaction().execute((tx) =>
        recordEvent(tx, {
          actor: caller.actor,
          verb: 'loss-exported',
          object: { kind: 'run', id: params.run },
          customerId: plan.customer.id,
          before: null,
          after: { bytes: size },
          reason: null,
        }),
      );
      await reply
        .header('content-type', 'application/x-ndjson')
        .header('content-disposition', `attachment; filename="${plan.instance.slug}-loss.jsonl"`)
        .header('content-length', size)
        .send(file.createReadStream());
    },
  };
}
