/**
 * The one exception to "nothing inline": React Aria adds a style element of its own, and a fresh nonce in each answer lets
 * that one in and no other. The policy and the page must name the same one, so it is kept with the answer.
 */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';

const nonces = new WeakMap<ServerResponse, string>();

export function nonceOf(response: ServerResponse): string {
  const known = nonces.get(response);
  if (known !== undefined) return known;
  const nonce = randomBytes(16).toString('base64');
  nonces.set(response, nonce);
  return nonce;
}
