/**
 * How an instance describes, wholly in settings, how its application is asked: is it healthy, which version is it, can
 * something be written. `$unique` in a path or a body is the one placeholder; it becomes an id of ours. Nothing that a site
 * answered is ever put into a request.
 */
import { z } from 'zod';
import { durationSchema, secretRefSchema } from '../config-words.ts';

const pathSchema = z
  .string()
  .max(1_000)
  .regex(/^\/(?!\/)[^\s\\#]*$/, 'a path that begins with one slash');

/** Settings with these names hold what nobody should read in a file. */
const SENSITIVE = /pass(word|wd|phrase)?$|secret$|token$|api[-_]?key$|^authorization$|^(set-)?cookie$/i;

const INLINE = 'write { secret: name } instead of the value';

const headersSchema = z
  .record(
    z.string().regex(/^[A-Za-z0-9-]+$/, 'the name of a header'),
    z.union([z.string().regex(/^[\x20-\x7e]*$/), secretRefSchema.extend({ prefix: z.string().optional() })]),
  )
  .check((context) => {
    for (const [name, value] of Object.entries(context.value))
      if (SENSITIVE.test(name) && typeof value === 'string')
        context.issues.push({ code: 'custom', message: INLINE, path: [name], input: name }); // prettier-ignore
  });

type JsonValue = z.infer<ReturnType<typeof z.json>>;

/** Where a body holds a value of its own although only the name of a secret may stand there, and what is wrong with it. */
function secretMistakes(
  value: JsonValue,
  path: readonly string[],
): readonly { path: string[]; message: string }[] {
  if (value === null || typeof value !== 'object') return [];
  const entries = Object.entries(value);
  if ('secret' in value && entries.length === 1) {
    const issues = secretRefSchema.safeParse(value).error?.issues ?? [];
    return issues.map(({ message }) => ({ path: [...path, 'secret'], message }));
  }
  return entries.flatMap(([key, item]) =>
    SENSITIVE.test(key) && typeof item === 'string'
      ? [{ path: [...path, key], message: INLINE }]
      : secretMistakes(item, [...path, key]),
  );
}

const bodySchema = z.json().check((context) => {
  for (const mistake of secretMistakes(context.value, []))
    context.issues.push({ code: 'custom', ...mistake, input: mistake.path });
});

const statusSchema = z.int().min(100).max(599);
const scalarSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** Dotted path (`data.items.0.name`) or JSON pointer (`/data/items/0/name`) -> the value expected there. */
export const assertionsSchema = z.record(z.string().min(1), scalarSchema);

const requestSchema = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: pathSchema,
  headers: headersSchema.optional(),
  /** Sent as JSON; `{ secret: name }` anywhere in it stands for the secret. */
  body: bodySchema.optional(),
  /** Default: any 2xx. */
  expectStatus: z.union([statusSchema, z.array(statusSchema).min(1)]).optional(),
  json: assertionsSchema.optional(),
});

export const lookSchema = z.strictObject({
  path: pathSchema,
  status: statusSchema.default(200),
  json: assertionsSchema.default({}),
});

const urlSchema = z.url({ protocol: /^https?$/, error: 'an http or https address' });

export const httpConfigSchema = z
  .strictObject({
    /** The address behind the proxy of each slot. */
    slots: z.record(z.string(), urlSchema).optional(),
    /** One address for a site without slots; default: the instance's own. */
    url: urlSchema.optional(),
    headers: headersSchema.default({}),
    /** How long a site may take to become healthy; until then no answer is a failure. */
    within: durationSchema.prefault('60s'),
    /** Limit of one request. */
    requestTimeout: durationSchema.prefault('10s'),
    health: lookSchema.optional(),
    signIn: requestSchema.extend({ method: requestSchema.shape.method.default('POST') }).optional(),
    version: z
      .strictObject({
        path: pathSchema,
        /** Where the version stands in the JSON that comes back: dotted path or JSON pointer. */
        pointer: z.string().min(1),
        /** False when it is told to anybody; then it is asked for even when signing in fails. */
        auth: z.boolean().default(true),
      })
      .optional(),
    /** The write check, in order; each must succeed. */
    write: z.array(requestSchema).default([]),
    /** Takes away what the write check wrote. */
    cleanUp: z.array(requestSchema).default([]),
  })
  .refine((config) => config.slots === undefined || config.url === undefined, {
    message: 'either slots or url',
    path: ['url'],
  });

export type HttpConfig = z.infer<typeof httpConfigSchema>;
export type HttpRequest = z.infer<typeof requestSchema>;
export type HttpHeaders = z.infer<typeof headersSchema>;
