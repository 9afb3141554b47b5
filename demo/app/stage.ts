/** `app/stage`: puts the release beside the old code, into the staging slot. Nothing runs from it yet. */
import { serviceOf } from '../world-state.ts';
import { statusOf } from '../services.ts';
import { linkSlot } from './application.ts';
import { makeBuild, readBuild } from './build.ts';
import { ScriptFailure, artefactOf, recordEffect, runScript, slotVersion } from './script.ts';

await runScript({
  apply: async (script) => {
    const service = await statusOf(script.paths, serviceOf(script.instance, script.stagingSlot));
    if (service.running && service.labels['version'] !== script.to)
      throw new ScriptFailure(
        `${service.name} runs ${service.labels['version']}: it cannot be replaced under it`,
      );
    const build = await makeBuild(script.paths, script.to, artefactOf('SITELIFT_TO_ARTEFACT'));
    await recordEffect(script, { idempotent: true });
    await linkSlot(script.paths, script.instance, script.stagingSlot, build);
    console.log(
      `${script.to} stands in ${script.stagingSlot} (code ${build.code}, migrations ${build.migrations})`,
    );
  },
  observe: async (script) =>
    (await readBuild(script.paths, script.to)) !== null &&
    (await slotVersion(script.paths, script.instance, script.stagingSlot)) === script.to,
});
