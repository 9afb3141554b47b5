/**
 * What is no HTTP request at all (two lengths, a bare line feed, a header of 64 KB) gets one plain problem and a closed socket:
 * whoever sits between us and the sender may have understood it otherwise, so nothing after it is read.
 */
import type { Socket } from 'node:net';

interface ParserError extends Error {
  readonly code?: string;
}

export function refuseSocket(error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const [status, title] = tooLarge
    ? [431, 'Request Header Fields Too Large']
    : late
      ? [408, 'Request Timeout']
      : [400, 'Bad Request'];
  const body = JSON.stringify({ type: 'about:blank', title, status });
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
