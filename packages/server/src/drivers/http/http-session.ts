/**
 * Requests to one site as one visitor: cookies are kept, redirects are answers, bodies are bounded, every request has its own
 * time limit and its own connection (a pooled one to an application that was restarted meanwhile would look like a failure).
 */
import type { Json } from '../driver.ts';
import type { HttpHeaders } from './config.ts';

/** A larger answer is cut; nothing that we ask for needs more. */
const MAX_BODY_BYTES = 64 * 1024;

export interface PlainRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: HttpHeaders | undefined;
  readonly body?: Json | undefined;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly cut: boolean;
}

export interface HttpSession {
  /** Rejects with a sentence when there was no answer. `quiet` is a signal in place of the attempt's own. */
  send(request: PlainRequest, signal?: AbortSignal): Promise<Answer>;
}

export interface SessionSettings {
  readonly baseUrl: string;
  readonly headers: HttpHeaders;
  readonly requestTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly secret: (name: string) => Promise<string>;
  /** What `$unique` stands for: letters, digits and dashes. */
  readonly unique: string;
}

/** Opens `{ secret: name }` and fills in `$unique`; what a secret holds is never looked at for placeholders. */
async function fillIn(value: Json, settings: SessionSettings): Promise<Json> {
  if (typeof value === 'string') return value.replaceAll('$unique', settings.unique);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return Promise.all(value.map((item: Json) => fillIn(item, settings)));
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === 'secret' && typeof first[1] === 'string')
    return settings.secret(first[1]);
  const filled = await Promise.all(
    entries.map(async ([key, item]) => [key, await fillIn(item, settings)] as const),
  );
  return Object.fromEntries(filled);
}

async function readBody(response: Response): Promise<{ text: string; cut: boolean }> {
  const reader = response.body?.getReader();
  if (reader === undefined) return { text: '', cut: false };
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text: text + decoder.decode(), cut: false };
    const room = MAX_BODY_BYTES - bytes;
    text += decoder.decode(value.subarray(0, room), { stream: true });
    bytes += value.length;
    if (bytes > MAX_BODY_BYTES) {
      await reader.cancel();
      return { text, cut: true };
    }
  }
}

/** Why there was no answer, in a few words. */
function noAnswer(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error.name === 'AbortError') return 'ended before an answer came';
  const { cause } = error;
  if (cause instanceof Error)
    return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return error.message;
}

export function openHttpSession(settings: SessionSettings): HttpSession {
  const cookies = new Map<string, string>();
  const base = settings.baseUrl.replace(/\/+$/, '');

  const keepCookies = (response: Response): void => {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';');
      const at = pair.indexOf('=');
      if (at < 1) continue;
      const name = pair.slice(0, at).trim();
      if (attributes.some((attribute) => /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(attribute)))
        cookies.delete(name);
      else cookies.set(name, pair.slice(at + 1).trim());
    }
  };

  const headersOf = async (request: PlainRequest): Promise<Headers> => {
    const headers = new Headers({
      accept: 'application/json',
      connection: 'close',
      'user-agent': 'sitelift',
    });
    if (cookies.size > 0)
      headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    if (request.body !== undefined) headers.set('content-type', 'application/json');
    for (const [name, value] of Object.entries({ ...settings.headers, ...request.headers }))
      headers.set(name, typeof value === 'string' ? value : `${value.prefix ?? ''}${await settings.secret(value.secret)}`); // prettier-ignore
    return headers;
  };

  return {
    send: async (request, signal = settings.signal) => {
      const body = request.body === undefined ? null : JSON.stringify(await fillIn(request.body, settings));
      const headers = await headersOf(request);
      try {
        const response = await fetch(base + request.path.replaceAll('$unique', settings.unique), {
          method: request.method,
          headers,
          body,
          redirect: 'manual',
          signal: AbortSignal.any([signal, AbortSignal.timeout(settings.requestTimeoutMs)]),
        });
        keepCookies(response);
        return { status: response.status, ...(await readBody(response)) };
      } catch (error) {
        throw new Error(noAnswer(error), { cause: error });
      }
    },
  };
}
