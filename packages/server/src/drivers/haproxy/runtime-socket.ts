/** Commands to a running HAProxy over its admin socket: one line, one answer, one connection. */
import { connect } from 'node:net';

/** It answers in a millisecond; a reload may hold it up for a moment. */
const ANSWER_LIMIT_MS = 5_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** HAProxy is not there, or does not answer: nothing was done. */
export class ProxyUnreachable extends Error {}
/** HAProxy answered that it will not. */
export class ProxyRefused extends Error {}

export async function askProxy(socket: string, command: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = connect({ path: socket, signal });
    let sent = false;
    let answer = '';
    const fail = (why: string, cause?: Error): void => {
      connection.destroy();
      const text = `HAProxy does not answer on ${socket}: ${why}`;
      // Once the command is out nobody knows whether it was carried out.
      reject(sent ? new Error(text, { cause }) : new ProxyUnreachable(text, { cause }));
    };
    connection.setTimeout(ANSWER_LIMIT_MS, () => fail(`nothing for ${ANSWER_LIMIT_MS / 1_000} s`));
    connection.setEncoding('utf8');
    connection.once('connect', () => {
      sent = true;
      connection.write(`${command}\n`);
    });
    connection.on('data', (text: string) => {
      answer += text;
      if (answer.length > MAX_ANSWER_BYTES) fail('its answer is too long');
    });
    connection.once('error', (error) => fail('code' in error ? String(error.code) : error.message, error));
    connection.once('end', () => {
      connection.destroy();
      resolve(answer.trim());
    });
  });
}

export type RuntimeMap = ReadonlyMap<string, string>;

export async function readRuntimeMap(socket: string, path: string, signal: AbortSignal): Promise<RuntimeMap> {
  const answer = await askProxy(socket, `show map ${path}`, signal);
  const entries = new Map<string, string>();
  for (const line of answer.split('\n')) {
    if (line === '') continue;
    const [reference = '', key, value] = line.split(' ');
    if (!reference.startsWith('0x')) throw new ProxyRefused(`HAProxy has no map ${path}: ${line}`);
    // The first of several entries is the one that HAProxy finds.
    if (key !== undefined && !entries.has(key)) entries.set(key, value ?? '');
  }
  return entries;
}

/** Makes the running map say `value` for `key`, or nothing when null. Never a moment without an entry on the way. */
export async function writeRuntimeMap(
  socket: string,
  path: string,
  key: string,
  value: string | null,
  signal: AbortSignal,
): Promise<void> {
  const there = (await readRuntimeMap(socket, path, signal)).get(key);
  if (there === (value ?? undefined)) return;
  const command =
    value === null
      ? `del map ${path} ${key}`
      : `${there === undefined ? 'add' : 'set'} map ${path} ${key} ${value}`;
  const answer = await askProxy(socket, command, signal);
  if (answer !== '') throw new ProxyRefused(`HAProxy refused "${command}": ${answer}`);
}
