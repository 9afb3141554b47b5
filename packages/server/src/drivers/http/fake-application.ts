/** An application at the edge, for tests: it behaves like the real one that the demo runs, with its ways of going wrong. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A cookie from signing in, features that can be made, archived and deleted. */
export class FakeApplication {
  version = '2.0.0';
  /** Health answers 503 this many times first. */
  startingFor = 0;
  writes: 'accepted' | 'refused' = 'accepted';
  hangs = false;
  readonly features = new Set<string>();
  readonly archived = new Set<string>();
  readonly requests: string[] = [];
  readonly server: Server = createServer((request, response) => void this.answer(request, response));

  static async start(): Promise<FakeApplication> {
    const made = new FakeApplication();
    await new Promise<void>((resolve) => made.server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`; // as: it listens on TCP
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer); // as: no encoding is set
    const body =
      chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>);
    this.requests.push(`${request.method} ${request.url}`);
    if (this.hangs) return;
    const reply = (status: number, json: unknown, headers: Record<string, string> = {}): void => {
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(json));
    };
    const path = request.url ?? '';
    if (path === '/health') {
      if (this.startingFor > 0) {
        this.startingFor -= 1;
        return reply(503, { health: 'BAD' });
      }
      return reply(200, { health: 'GOOD' });
    }
    if (path === '/moved') return reply(302, {}, { location: '/health' });
    if (path === '/large') return reply(200, { a: 'x'.repeat(100_000) });
    if (path === '/auth/simple/login')
      return body['password'] === 'value-of-admin-password'
        ? reply(200, {}, { 'set-cookie': 'session=abc; Path=/; HttpOnly' })
        : reply(401, {});
    if (request.headers.cookie !== 'session=abc') return reply(401, {});
    if (path === '/api/admin/ui-config') return reply(200, { version: this.version });
    const name = path.split('/').pop() ?? '';
    if (request.method === 'POST') {
      if (this.writes === 'refused') return reply(403, { message: 'no permission' });
      this.features.add(body['name'] ?? '');
      return reply(201, {});
    }
    const from = path.startsWith('/api/admin/archive/') ? this.archived : this.features;
    if (!from.delete(name)) return reply(404, {});
    if (from === this.features) this.archived.add(name);
    return reply(202, {});
  }
}

/** How an instance describes it. */
export const FAKE_APPLICATION_SETTINGS = {
  within: '0s',
  health: { path: '/health', json: { health: 'GOOD' } },
  signIn: { path: '/auth/simple/login', body: { username: 'admin', password: { secret: 'admin-password' } } },
  version: { path: '/api/admin/ui-config', pointer: 'version' },
  write: [
    {
      method: 'POST',
      path: '/api/admin/projects/default/features',
      body: { name: '$unique', type: 'release' },
      expectStatus: 201,
    },
  ],
  cleanUp: [
    { method: 'DELETE', path: '/api/admin/projects/default/features/$unique' },
    { method: 'DELETE', path: '/api/admin/archive/$unique' },
  ],
};
