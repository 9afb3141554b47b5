/** `app/unstage`: takes the release out of the staging slot. The build itself stays: other customers may run from it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { serviceOf } from '../world-state.ts';
import { statusOf } from '../services.ts';
import { ScriptFailure, recordEffect, runScript, slotVersion } from './script.ts';

await runScript({
  apply: async (script) => {
    const { paths, instance, stagingSlot, to } = script;
    if ((await slotVersion(paths, instance, stagingSlot)) !== to) return;
    if ((await statusOf(paths, serviceOf(instance, stagingSlot))).running)
      throw new ScriptFailure(
        `${serviceOf(instance, stagingSlot)} still runs: stop it before taking its code away`,
      );
    await recordEffect(script, { idempotent: true });
    await rm(join(paths.sites, instance, stagingSlot), { force: true });
    console.log(`${to} is gone from ${stagingSlot}`);
  },
  observe: async (script) =>
    (await slotVersion(script.paths, script.instance, script.stagingSlot)) !== script.to,
});
