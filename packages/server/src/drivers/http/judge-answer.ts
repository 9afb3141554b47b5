/** Holds an answer against what was expected of it. Pure. Reasons name the request and both values, never the whole body. */
import type { Json } from '../driver.ts';
import type { Answer } from './http-session.ts';

const MAX_SHOWN = 80;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** The value at a dotted path or JSON pointer (RFC 6901); undefined when there is none. */
export function valueAt(value: unknown, path: string): unknown {
  const keys = path.startsWith('/')
    ? path
        .slice(1)
        .split('/')
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    : path.split('.');
  let found = value;
  for (const key of keys) {
    if (found === null || typeof found !== 'object' || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key]; // as: an object with this key of its own
  }
  return found;
}

export function parseBody({ text, cut }: Answer): { readonly value: unknown } | { readonly problem: string } {
  if (cut) return { problem: 'answered more than 64 KiB' };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { problem: 'answered something that is no JSON' };
  }
}

/** Every way in which `answer` is not what was expected; `name` is `POST /path`. Without `statuses` any 2xx will do. */
export function judgeAnswer(
  name: string,
  answer: Answer,
  statuses: readonly number[] | null,
  json: Readonly<Record<string, Json>>,
): readonly string[] {
  const { status } = answer;
  const ok = statuses === null ? status >= 200 && status < 300 : statuses.includes(status);
  if (!ok)
    return [`${name} answered ${status}, expected ${statuses === null ? '2xx' : statuses.join(' or ')}`];
  const expected = Object.entries(json);
  if (expected.length === 0) return [];
  const body = parseBody(answer);
  if ('problem' in body) return [`${name} ${body.problem}`];
  return expected
    .filter(([path, wanted]) => valueAt(body.value, path) !== wanted)
    .map(
      ([path, wanted]) =>
        `${name} says ${path} is ${show(valueAt(body.value, path))}, expected ${show(wanted)}`,
    );
}
