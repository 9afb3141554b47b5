/** The three places that say whether a site is closed and which backend serves it: map file, running map, the answer itself. */
import type { ActionContext, JsonObject } from '../driver.ts';
import type { HaproxyConfig } from './config.ts';
import { lookFromOutside } from './look-from-outside.ts';
import { readMapFile } from './map-file.ts';
import { readRuntimeMap } from './runtime-socket.ts';

export interface SiteView {
  readonly host: string;
  readonly closed: { readonly file: boolean; readonly running: boolean; readonly outside: boolean };
  readonly backend: {
    readonly file: string | null;
    readonly running: string | null;
    readonly outside: string | null;
  };
}

export type ProxyContext<Input = unknown> = ActionContext<HaproxyConfig, Input>;

const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/** The site's name in the maps. */
export function hostOf({ config, target }: ProxyContext): string {
  const host = config.host ?? new URL(target.instance.url).hostname;
  if (!HOST.test(host)) throw new Error(`${host} cannot stand in a map: name "host" in the settings`);
  return host;
}

/** Rejects when one of the three cannot be asked: half a look is no look. */
export async function viewSite(context: ProxyContext): Promise<SiteView> {
  const { config, signal } = context;
  const host = hostOf(context);
  const [closedFile, backendFile, closedRunning, backendRunning, outside] = await Promise.all([
    readMapFile(config.maintMap, host),
    readMapFile(config.backendMap, host),
    readRuntimeMap(config.socket, config.maintMap, signal),
    readRuntimeMap(config.socket, config.backendMap, signal),
    lookFromOutside(config, host, signal),
  ]);
  return {
    host,
    closed: { file: closedFile !== null, running: closedRunning.has(host), outside: outside.closed },
    backend: { file: backendFile, running: backendRunning.get(host) ?? null, outside: outside.backend },
  };
}

export function factsOf(view: SiteView): JsonObject {
  return { host: view.host, closed: { ...view.closed }, backend: { ...view.backend } };
}
