/**
 * Everything that we tell a client when something is refused or fails: one table, written as `application/problem+json`
 * (RFC 9457) in one place of the server. A code is a stable URL fragment (`/problems#not-found`) and never changes once
 * released; `docs/problems.md` is tested against this table. Values that a client sent are never echoed.
 */
import { z } from 'zod';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** What it means, for the documentation. */
  readonly meaning: string;
  /** What whoever meets it does next. */
  readonly next: string;
}

const kinds = {
  'malformed-body': {
    status: 400,
    title: 'The body cannot be read',
    meaning: 'The body is no JSON, or holds a key twice.',
    next: 'Send one JSON object in UTF-8.',
  },
  'idempotency-key-missing': {
    status: 400,
    title: 'An Idempotency-Key is needed',
    meaning:
      'The request starts or changes something, and a repeat after a lost answer must be recognisable.',
    next: 'Send the header `Idempotency-Key` with a value of your own, the same for every repeat of this request.',
  },
  unauthenticated: {
    status: 401,
    title: 'Sign in first',
    meaning: 'There is no session or token, or it has ended.',
    next: 'Sign in (`sitelift login`), or send a token: `Authorization: Bearer …`.',
  },
  'wrong-password': {
    status: 401,
    title: 'The e-mail address or the password is wrong',
    meaning: 'The same answer for an unknown address and for a wrong password.',
    next: 'Try again; an administrator can set a new password.',
  },
  forbidden: {
    status: 403,
    title: 'Your role does not allow this',
    meaning: 'You are known, but your role or the scope of your token does not reach this far.',
    next: 'Ask somebody with the role that the detail names.',
  },
  'cross-site-request': {
    status: 403,
    title: 'The request came from another site',
    meaning: 'A session cookie only counts for requests from our own pages.',
    next: 'Use the console itself, or a token.',
  },
  'password-change-needed': {
    status: 403,
    title: 'Choose a password of your own first',
    meaning: 'The one-time password opens nothing but the page on which it is replaced.',
    next: 'Send a new password to `POST /api/v1/session/password`.',
  },
  'not-found': {
    status: 404,
    title: 'There is no such thing',
    meaning: 'No object has this name or id, or you may not know that it exists.',
    next: 'Check the name; `sitelift plan` lists every instance.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This address does not know that method',
    meaning: 'The path exists with other methods only.',
    next: 'See `openapi.json`.',
  },
  'idempotency-in-progress': {
    status: 409,
    title: 'The first request with this key is still running',
    meaning: 'A repeat came before the first one had an answer.',
    next: 'Ask again after the seconds in `Retry-After`.',
  },
  'command-refused': {
    status: 409,
    title: 'The run cannot do that now',
    meaning: 'The state of the run or a rule stands against it; `reasons` names every one.',
    next: 'Read the reasons; `sitelift run` shows what is allowed.',
  },
  'gate-decided': {
    status: 409,
    title: 'The gate has been decided already',
    meaning: 'The first decision counts; `reasons` names whose it was and when.',
    next: 'Look at the run; a denied gate is opened anew with `sitelift retry` once what was wrong is mended.',
  },
  'upgrade-refused': {
    status: 409,
    title: 'The upgrade cannot be started',
    meaning: 'A rule or the state of the instance stands against it; `reasons` names every one.',
    next: '`sitelift why <instance>` says when or by whom each reason clears.',
  },
  'promotion-refused': {
    status: 409,
    title: 'The release may not enter this channel',
    meaning: 'A rule of the channel stands against it; `reasons` names every one.',
    next: 'Wait for what is missing, have a second release manager promote what is risky, or choose another release.',
  },
  'change-refused': {
    status: 409,
    title: 'The change is not possible as things are',
    meaning: 'What it would change is in another state than it supposes; `reasons` names every one.',
    next: 'Look again, then decide again.',
  },
  'too-large': {
    status: 413,
    title: 'The request is too large',
    meaning: 'A body may have 16 MiB for a fleet directory and 1 MiB otherwise.',
    next: 'Split it.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is not declared as JSON',
    meaning: 'Only `application/json` is read.',
    next: 'Send `Content-Type: application/json`.',
  },
  'invalid-field': {
    status: 422,
    title: 'Something in the request is wrong',
    meaning: 'A field is missing, unknown, of the wrong kind or out of range; `errors` points at each.',
    next: 'Mend the fields that `errors` names.',
  },
  'invalid-fleet': {
    status: 422,
    title: 'The fleet files have errors',
    meaning:
      'Nothing was changed. `fileErrors` holds every error with file, line, column and what was expected.',
    next: 'Mend the files and apply again.',
  },
  'wrong-id-kind': {
    status: 422,
    title: 'That id belongs to another kind of thing',
    meaning: 'Ids carry their kind as prefix (`run_`, `inst_`); another kind is refused before any look-up.',
    next: 'Give an id of the kind that the path asks for.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'This Idempotency-Key was used for another request',
    meaning: 'The same key came with another body.',
    next: 'Use a new key for a new request.',
  },
  'secret-unmaskable': {
    status: 422,
    title: 'This value could not be hidden in logs',
    meaning: 'A secret shorter than 8 characters, or a whole document, cannot be masked reliably.',
    next: 'Store a longer value, and each value on its own.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    meaning: 'More came from here than one person or script sends.',
    next: 'Ask again after the seconds in `Retry-After`.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong on our side',
    meaning: 'A defect of Sitelift. It is in the server’s log under the id in `instance`.',
    next: 'Report it with that id.',
  },
  stopped: {
    status: 503,
    title: 'Everything is stopped',
    meaning: 'Somebody stopped every start; the detail says who and why.',
    next: 'A release manager lifts it: `sitelift stop --release`.',
  },
  unavailable: {
    status: 503,
    title: 'The database does not answer',
    meaning: 'Nothing was done. Runs that are under way wait and go on by themselves.',
    next: 'Bring PostgreSQL back; then ask again.',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof kinds;
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemKind>> = kinds;

/** An error of a file that a person wrote; lines and columns count from 1. */
export const FileErrorSchema = z.strictObject({
  path: z.string(),
  line: z.int(),
  column: z.int(),
  message: z.string(),
  expected: z.string().nullable(),
});

export const ProblemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  /** Id of the request, as in the server's log. */
  instance: z.string().optional(),
  /** JSON pointers into the body or `query/name`, with what is wrong there. */
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  reasons: z.array(z.string()).optional(),
  fileErrors: z.array(FileErrorSchema).optional(),
});
export type ProblemDocument = z.infer<typeof ProblemSchema>;

export interface ProblemDetails {
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly reasons?: readonly string[];
  readonly fileErrors?: readonly z.infer<typeof FileErrorSchema>[];
  /** Seconds, for `Retry-After`. */
  readonly retryAfter?: number;
}

/** Thrown by commands and views; the server's error handler is the only one that writes it down. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;
  constructor(code: ProblemCode, details: ProblemDetails = {}, options?: ErrorOptions) {
    super(details.detail ?? PROBLEMS[code].title, options);
    this.name = 'Problem';
    this.code = code;
    this.details = details;
  }
}

export function problemType(code: ProblemCode): string {
  return `/problems#${code}`;
}

/** The code in a problem's `type`; null for a type that this version does not know. */
export function problemCodeOf(type: string): ProblemCode | null {
  const code = type.slice(type.lastIndexOf('#') + 1);
  return code in PROBLEMS ? (code as ProblemCode) : null; // as: `in` has just shown it
}
