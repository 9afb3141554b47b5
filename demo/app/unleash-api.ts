/** The few calls of Unleash's own API that the demo makes, the same in 4, 5 and 6 (signed in by cookie, as its UI is). */
import { request as httpRequest } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Session {
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** A GET that must be answered with 200. */
  read(path: string): Promise<unknown>;
  /** A change that must succeed; `already` lists statuses that say it was made before. */
  write(method: string, path: string, body: unknown, already?: readonly number[]): Promise<unknown>;
}

/** Where the site answers: its own port, or the proxy with the site's name as host. */
export interface Site {
  readonly origin: string;
  readonly host?: string;
}

/** What Unleash makes its first administrator with; the demo replaces it at once. */
export const FIRST_PASSWORD = 'unleash4all';

const REQUEST_LIMIT_MS = 20_000;

/** By node:http, because `fetch` lets nobody choose the Host header, and not every system knows `*.localhost`. */
function request(
  site: Site,
  method: string,
  path: string,
  body: unknown,
  cookie: string,
): Promise<Answer & { readonly cookies: readonly string[] }> {
  const headers = {
    'content-type': 'application/json',
    ...(site.host === undefined ? {} : { host: site.host }),
    ...(cookie === '' ? {} : { cookie }),
  };
  return new Promise((done, fail) => {
    const sent = httpRequest(
      `${site.origin}${path}`,
      { method, headers, agent: false, signal: AbortSignal.timeout(REQUEST_LIMIT_MS) },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', fail);
        response.on('end', () => {
          done({
            status: response.statusCode ?? 0,
            body: parsed(text),
            cookies: response.headers['set-cookie'] ?? [],
          });
        });
      },
    );
    sent.on('error', (cause) =>
      fail(new Error(`${method} ${site.host ?? site.origin}${path} got no answer`, { cause })),
    );
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The body as JSON where it is JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Null when the password is not the right one; rejects when the site does not answer as Unleash does. */
export async function signIn(site: Site, password: string): Promise<Session | null> {
  const credentials = { username: 'admin', password };
  const { status, cookies } = await request(site, 'POST', '/auth/simple/login', credentials, '');
  if (status === 401) return null;
  if (status !== 200) throw new Error(`POST ${site.origin}/auth/simple/login answered ${status}`);
  const cookie = cookies.map((line) => line.split(';')[0]).join('; ');
  const call: Session['call'] = (method, path, body) => request(site, method, path, body, cookie);
  const failed = (method: string, path: string, answer: Answer): Error =>
    new Error(
      `${method} ${site.origin}${path} answered ${answer.status}: ${JSON.stringify(answer.body).slice(0, 300)}`,
    );
  return {
    call,
    read: async (path) => {
      const answer = await call('GET', path);
      if (answer.status !== 200) throw failed('GET', path, answer);
      return answer.body;
    },
    write: async (method, path, body, already = []) => {
      const answer = await call(method, path, body);
      if (answer.status >= 300 && !already.includes(answer.status)) throw failed(method, path, answer);
      return answer.body;
    },
  };
}
