/** `app/start`: starts the version that the step means in the slot that it means, and waits until its port answers. */
import { serviceOf } from '../world-state.ts';
import { statusOf } from '../services.ts';
import { isListening, startApplication } from './application.ts';
import { readBuild } from './build.ts';
import { ScriptFailure, connectionOf, recordEffect, runScript, slotVersion } from './script.ts';
import type { Script } from './script.ts';

function portOf(script: Script): number {
  const port = script.settings.ports[script.slot];
  if (port === undefined)
    throw new ScriptFailure(`settings.ports of ${script.instance} has no slot ${script.slot}`);
  return port;
}

await runScript({
  apply: async (script) => {
    const { paths, instance, slot, version } = script;
    const staged = await slotVersion(paths, instance, slot);
    const build = staged === version ? await readBuild(paths, version) : null;
    if (build === null)
      throw new ScriptFailure(`${slot} of ${instance} holds ${staged ?? 'nothing'}, not ${version}`);
    const service = await statusOf(paths, serviceOf(instance, slot));
    if (!service.running) await recordEffect(script, { idempotent: true });
    const url = process.env['SITELIFT_URL'] ?? '';
    const connection = connectionOf(script);
    await startApplication(paths, { instance, slot, port: portOf(script), url, build, connection });
    console.log(`${version} listens on port ${portOf(script)} (${slot})`);
  },
  observe: async (script) => {
    const service = await statusOf(script.paths, serviceOf(script.instance, script.slot));
    if (!service.running) return false;
    if (service.labels['version'] !== script.version)
      throw new Error(`${service.name} runs ${service.labels['version']}, not ${script.version}`);
    // Started but not yet listening: starting it again only waits for it.
    return isListening(portOf(script));
  },
});
