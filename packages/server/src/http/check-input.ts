/**
 * Holds what came in against a route's schemas and says what is wrong where, all of it at once. The values that were sent
 * are never repeated in an answer: they may be secrets, and an answer ends up in logs.
 */
import { Problem } from '@sitelift/contract/problems.ts';
import { isId, type IdKind } from '@sitelift/domain/ids.ts';
import type { z } from 'zod';

interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/** Names longer than this are not repeated either. */
const MAX_NAME = 64;

function pointer(place: Place, path: readonly PropertyKey[]): string {
  const parts = path.map((part) =>
    String(part).slice(0, MAX_NAME).replaceAll('~', '~0').replaceAll('/', '~1'),
  );
  return place === 'body' ? `/${parts.join('/')}` : `${place}/${parts.join('/')}`;
}

type Place = 'body' | 'query' | 'path';

function fieldErrors(place: Place, issues: readonly z.core.$ZodIssue[]): FieldError[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        pointer: pointer(place, [...issue.path, key]),
        detail: 'there is no such field',
      }));
    return [{ pointer: pointer(place, issue.path), detail: issue.message }];
  });
}

export interface Input {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

interface Schemas {
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  readonly body: z.ZodType;
}

/** The parsed parts; throws `invalid-field` with every error of all three. */
export function checkInput(schemas: Schemas, input: Input): Input {
  const params = schemas.params.safeParse(input.params);
  const query = schemas.query.safeParse(input.query);
  const body = schemas.body.safeParse(input.body);
  if (params.success && query.success && body.success)
    return { params: params.data, query: query.data, body: body.data };
  const errors = [
    ...(params.success ? [] : fieldErrors('path', params.error.issues)),
    ...(query.success ? [] : fieldErrors('query', query.error.issues)),
    ...(body.success ? [] : fieldErrors('body', body.error.issues)),
  ];
  throw new Problem('invalid-field', { errors });
}

export function invalidField(pointer: string, detail: string): Problem {
  return new Problem('invalid-field', { errors: [{ pointer, detail }] });
}

const PREFIXES: readonly IdKind[] = [
  'cust', 'inst', 'prod', 'rel', 'plc', 'pin', 'frz', 'win', 'hold', 'upg', 'run', 'bkp', 'ntc', 'acc', 'tok',
]; // prettier-ignore

/** Refuses another kind's id before anything is looked up (I-29); what is no id at all there cannot be. */
export function checkId(kind: IdKind, text: string): void {
  if (isId(kind, text)) return;
  refuseOtherKinds(kind, text);
  throw new Problem('not-found');
}

/** For places that take a slug or an id: slugs have no underscore, so another kind's prefix is another kind's id. */
export function refuseOtherKinds(kind: IdKind, text: string): void {
  const other = PREFIXES.find((prefix) => prefix !== kind && text.startsWith(`${prefix}_`));
  if (other !== undefined)
    throw new Problem('wrong-id-kind', { detail: `this is an id of kind ${other}, not ${kind}` });
}
