/** `app/stop`: ends the application in a slot and resolves when it is gone. */
import { serviceOf } from '../world-state.ts';
import { statusOf } from '../services.ts';
import { stopApplication } from './application.ts';
import { recordEffect, runScript } from './script.ts';

await runScript({
  apply: async (script) => {
    const service = await statusOf(script.paths, serviceOf(script.instance, script.slot));
    if (service.running) await recordEffect(script, { idempotent: true });
    await stopApplication(script.paths, script.instance, script.slot);
    console.log(`${service.name} ${service.running ? 'is stopped' : 'did not run'}`);
  },
  observe: async (script) => !(await statusOf(script.paths, serviceOf(script.instance, script.slot))).running,
});
