import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import { lastEventId, openEventStream, type EventStream } from './event-stream.ts';

/** More than any kernel buffers for one connection; a stream that never dropped anybody would go on to here. */
const MUCH = 512;

describe('a reader that does not read', () => {
  it('is called congested and then dropped, instead of filling our memory', async () => {
    const app = fastify();
    const opened = Promise.withResolvers<EventStream>();
    app.get('/', async (_, reply) => opened.resolve(openEventStream(reply)));
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo; // as: it listens on TCP
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    socket.pause();
    socket.on('error', () => {});
    const stream = await opened.promise;
    let wasCongested = false;
    let sent = 0;
    for (; sent < MUCH && !stream.closed(); sent += 1) {
      stream.send('log', 'x'.repeat(256 * 1024));
      wasCongested ||= stream.congested();
      await turn();
    }
    expect([wasCongested, stream.closed(), sent < MUCH]).toEqual([true, true, true]);
    socket.destroy();
    await app.close();
  });
});

describe('Last-Event-ID', () => {
  it.each([
    ['17', 17],
    ['0', 0],
    [undefined, null],
    ['', null],
    ['-1', null],
    ["1'; drop table run", null],
    ['99999999999999999999', null],
  ])('%s is %s', (header, expected) => expect(lastEventId(header)).toBe(expected));
});
