import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startAsking } from '../../demo/load-client.ts';
import type { SiteReport } from '../../demo/load-client.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Asks a stand-in for the proxy until it has answered `rounds` requests; what was counted comes back. */
async function asked(
  rounds: number,
  answer: (index: number, request: IncomingMessage, response: ServerResponse) => void,
): Promise<SiteReport> {
  let enough = (): void => {};
  const done = new Promise<void>((resolve) => (enough = resolve));
  let index = 0;
  const server = createServer((request, response) => {
    answer(index, request, response);
    index += 1;
    if (index >= rounds) enough();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo; // as: it listens on a port, not on a path
  const asking = startAsking({ origin: new URL(`http://127.0.0.1:${port}`), sites: ['north'], everyMs: 10 });
  await done;
  const report = (await asking.stop()).sites['north'];
  if (report === undefined) throw new Error('no report');
  return report;
}

function page(response: ServerResponse): void {
  response.writeHead(503, { 'x-sitelift-maintenance': 'closed' }).end('back soon');
}

describe('the users of the demo', () => {
  it('ask for the site by its name', async () => {
    const hosts = new Set<string>();
    const report = await asked(3, (_, request, response) => {
      hosts.add((request.headers.host ?? '').split(':')[0] ?? '');
      response.end('fine');
    });
    expect([...hosts]).toEqual(['north.localhost']);
    expect(report).toMatchObject({ failed: 0, maintenance: 0 });
    expect(report.ok).toBe(report.total);
  });

  it('know the maintenance page by its marker, and two closings apart', async () => {
    const report = await asked(9, (index, _, response) => {
      if (index < 3 || index >= 6) page(response);
      else response.end('fine');
    });
    expect(report.failed).toBe(0);
    expect(report.stretches).toHaveLength(2);
  });

  it.each([
    ['a 503 that is not ours', (response: ServerResponse) => response.writeHead(503).end()],
    ['a 500', (response: ServerResponse) => response.writeHead(500).end()],
    ['a 404', (response: ServerResponse) => response.writeHead(404).end()],
    [
      'an answer that breaks off',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => response.destroy());
      },
    ],
  ])('count %s as a failure', async (_, fail) => {
    const report = await asked(3, (_index, _request, response) => {
      fail(response);
    });
    expect(report.failed).toBe(report.total);
    expect(report.failures.length).toBeGreaterThan(0);
  });

  it('send a request again when a kept connection was reset under it, and count that apart', async () => {
    let reset = false;
    const report = await asked(6, (index, request, response) => {
      if (index === 3 && !reset) {
        reset = true;
        request.socket.resetAndDestroy();
      } else response.setHeader('connection', 'keep-alive').end('fine');
    });
    expect(report).toMatchObject({ failed: 0, retried: 1 });
  });
});
