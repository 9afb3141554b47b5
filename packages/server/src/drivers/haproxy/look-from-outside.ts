/** Asks the site as a user would, through the proxy's front: is it our maintenance page that answers, or the site? */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HaproxyConfig } from './config.ts';

const ANSWER_LIMIT_MS = 5_000;
const MAINTENANCE_STATUS = 503;

export interface OutsideView {
  /** True: the maintenance page answered, known by its status and its header. */
  readonly closed: boolean;
  /** The backend that HAProxy named, where it is told to name it. */
  readonly backend: string | null;
}

/** Rejects with a sentence when nobody answered: then nobody can tell. */
export async function lookFromOutside(
  config: HaproxyConfig,
  host: string,
  signal: AbortSignal,
): Promise<OutsideView> {
  const url = new URL(config.frontend);
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: Error): void =>
      reject(new Error(`${config.frontend} does not answer for ${host}: ${why}`, { cause }));
    const request = send(url, { agent: false, headers: { host }, servername: host, signal }, (response) => {
      response.resume();
      const backend = response.headers[config.backendHeader];
      resolve({
        closed: response.statusCode === MAINTENANCE_STATUS && response.headers[config.marker] !== undefined,
        backend: typeof backend === 'string' ? backend : null,
      });
      response.destroy();
    });
    request.setTimeout(ANSWER_LIMIT_MS, () =>
      request.destroy(new Error(`nothing for ${ANSWER_LIMIT_MS / 1_000} s`)),
    );
    request.once('error', (error) => fail('code' in error ? String(error.code) : error.message, error));
    request.end();
  });
}
