/** Everything that a script is told. Values reach it through here, files and argv elements; never through shell text. */
import type { ActionContext, JsonObject } from '../driver.ts';
import type { ExecConfig } from './config.ts';

export type ExecContext = ActionContext<ExecConfig, JsonObject>;

/** The slot that an input speaks of, by its word. */
function slotName(context: ExecContext, action: string): string {
  const { slots } = context.target;
  const word =
    context.input['slot'] ?? (action === 'proxy/switch' ? (context.input['to'] ?? 'staging') : null);
  if (slots === null || (word !== 'live' && word !== 'staging')) return '';
  return slots[word];
}

/** The version that an input speaks of, by `version` or, for probes, `expect`. */
export function versionMeant(context: ExecContext): string {
  const word = context.input['version'] ?? context.input['expect'];
  return word === 'to' || word === 'from' ? context.target[word].version : '';
}

export function scriptEnvironment(
  context: ExecContext,
  action: string,
  outputPath: string,
): Record<string, string> {
  const { target } = context;
  const { instance, slots } = target;
  const worker: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'LANG']) {
    const value = process.env[name];
    if (value !== undefined) worker[name] = value;
  }
  return {
    ...worker,
    ...context.config.env,
    SITELIFT_INSTANCE: instance.slug,
    SITELIFT_CUSTOMER: target.customer.slug,
    SITELIFT_ROLE: instance.role,
    SITELIFT_URL: instance.url,
    SITELIFT_PRODUCT: target.product,
    SITELIFT_ACTION: action,
    SITELIFT_RUN: context.runId,
    SITELIFT_STEP: context.stepId,
    SITELIFT_ATTEMPT: String(context.attempt),
    SITELIFT_FENCE: String(context.fence),
    SITELIFT_FROM_VERSION: target.from.version,
    SITELIFT_TO_VERSION: target.to.version,
    SITELIFT_FROM_ARTEFACT: JSON.stringify(target.from.artefact),
    SITELIFT_TO_ARTEFACT: JSON.stringify(target.to.artefact),
    SITELIFT_SLOT_LIVE: slots?.live ?? '',
    SITELIFT_SLOT_STAGING: slots?.staging ?? '',
    SITELIFT_SLOT: slotName(context, action),
    SITELIFT_VERSION: versionMeant(context),
    SITELIFT_INPUT: JSON.stringify(context.input),
    SITELIFT_SETTINGS: JSON.stringify(instance.settings),
    SITELIFT_BACKUP: JSON.stringify(target.backup),
    SITELIFT_OUTPUT: outputPath,
  };
}
