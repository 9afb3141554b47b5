/**
 * One open answer of server-sent events. Who reads too slowly is left alone until it has caught up, and dropped when a
 * mebibyte waits for it or when it has not caught up for two heartbeats; it comes back and resumes by its Last-Event-ID.
 */
import type { FastifyReply } from 'fastify';

const RETRY_MS = 2_000;
const HEARTBEAT_MS = 15_000;
/** Above this nothing more is written until the reader has caught up. */
const CONGESTED_BYTES = 256 * 1024;
/** Above this the reader is dropped. */
const DROP_BYTES = 1024 * 1024;

export interface EventStream {
  /** `id` is what the reader sends back as Last-Event-ID to resume. */
  send(event: string, data: unknown, id?: number): void;
  /** True while the reader is behind: send again later. */
  readonly congested: () => boolean;
  readonly closed: () => boolean;
  readonly onClose: (listener: () => void) => void;
  close(): void;
}

export function openEventStream(reply: FastifyReply): EventStream {
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>), // as: Fastify types undefined in, which is never there
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  let closed = false;
  const listeners: (() => void)[] = [];
  const write = (text: string): void => {
    if (closed) return;
    // What waited before counts, not what is added now: a large view in one piece is not the reader's fault.
    if (raw.writableLength > DROP_BYTES) raw.destroy();
    else raw.write(text);
  };
  write(`retry: ${RETRY_MS}\n\n`);
  const congested = (): boolean => raw.writableLength > CONGESTED_BYTES;
  let wasCongested = false;
  const heartbeat = setInterval(() => {
    if (wasCongested && congested()) raw.destroy();
    wasCongested = congested();
    write(': still here\n\n');
  }, HEARTBEAT_MS);
  raw.on('error', () => {}); // a reader that went away: `close` follows
  raw.on('close', () => {
    closed = true;
    clearInterval(heartbeat);
    for (const listener of listeners) listener();
  });
  return {
    send: (event, data, id) =>
      write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`),
    congested,
    closed: () => closed,
    onClose: (listener) => {
      if (closed) listener();
      else listeners.push(listener);
    },
    close: () => void raw.end(),
  };
}

/** What a reader has seen already; anything that is no id of ours counts as nothing. */
export function lastEventId(header: string | string[] | undefined): number | null {
  const text = Array.isArray(header) ? header[0] : header;
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
