/**
 * Configuration: environment variables, one schema, read once at start. Every problem is told at once, and a variable of
 * ours that we do not know is one: a misspelt limit that is silently ignored is found out in the middle of a night. Values
 * of secret variables are never part of a message.
 */
import { nearestWord } from '@sitelift/playbook/nearest-word.ts';
import { z } from 'zod';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** These hold passwords; what is shown of them is masked. */
const SECRET = new Set(['DATABASE_URL', 'SITELIFT_SMTP_URL']);
/** Read by the command line and by the demo, which may run in the same environment. */
const NOT_OURS = /^SITELIFT_(URL|TOKEN|DEMO_.*)$/;
/** A heartbeat that comes later than half a lease leaves no room for one that is lost. */
const HEARTBEATS_PER_LEASE = 2;

/** What the words mean stands in `failpoints/parse-failpoints.ts`. */
const FAILPOINTS = /^(B(\d|1[01]):(kill9|block)(:([a-z0-9-]+\/)?[a-z0-9-]+)?(:[1-9]\d{0,3})?(,(?=B)|$))+$/;

function whole(min: number, max: number, byDefault: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, error)
    .transform(Number)
    .pipe(z.int({ error }).min(min, error).max(max, error))
    .prefault(String(byDefault));
}

function url(protocol: RegExp, error: string) {
  return z.url({ protocol, error }).optional();
}

const text = (error: string) => z.string().trim().min(1, error).max(500, 'at most 500 characters');

const VariablesSchema = z.object({
  DATABASE_URL: url(/^postgres(ql)?$/, 'a URL such as postgres://user:password@host/database').describe(
    'The database, PostgreSQL 15 or newer. Without it Sitelift starts a PostgreSQL of its own in the data directory.',
  ),
  SITELIFT_DATA_DIR: text('a directory').default('./data').describe('Where Sitelift keeps its files.'),
  SITELIFT_HOST: text('an address or a host name').default('127.0.0.1').describe('Address that the server listens on.'),
  SITELIFT_PORT: whole(0, 65_535, 7410).describe('Port that the server listens on; 0 takes any that is free.'),
  SITELIFT_PUBLIC_URL: url(/^https?$/, 'an http or https URL').describe(
    'Address under which people reach the console, for links in mails; with https, cookies are marked secure. Without it: host and port.',
  ),
  SITELIFT_SMTP_URL: url(/^smtps?$/, 'a URL such as smtp://user:password@mail.example:587').describe(
    'Mail server for notices. Without it notices stay queued.',
  ),
  SITELIFT_MAIL_FROM: text('an e-mail address').optional().describe('Sender of notices; needed with a mail server.'),
  SITELIFT_STAFF_EMAIL: z
    .email({ error: 'an e-mail address' })
    .optional()
    .describe('Where notices to the staff go: a run needs a person, a site was rolled back.'),
  SITELIFT_UPGRADES_AT_ONCE: whole(1, 1000, 2).describe('How many upgrades may be open at once over the whole fleet.'),
  SITELIFT_RUNS_AT_ONCE: whole(0, 1000, 8).describe(
    'How many runs one process works on at once; 0 leaves them to other processes.',
  ),
  SITELIFT_LEASE_SECONDS: whole(2, 3600, 30).describe(
    'How long a worker that is not heard of keeps its run; after that another takes over.',
  ),
  SITELIFT_HEARTBEAT_SECONDS: whole(1, 1800, 5).describe(
    'How often a worker says that it lives; at most half of the lease.',
  ),
  SITELIFT_PLAN_EVERY_SECONDS: whole(1, 86_400, 60).describe('How often the night is planned.'),
  SITELIFT_PROBE_EVERY_SECONDS: whole(1, 86_400, 60).describe('How often each instance is looked at.'),
  SITELIFT_STABLE_AFTER_DAYS: whole(0, 3650, 14).describe(
    'Days that a release must have been in the channel release before it may enter stable.',
  ),
  SITELIFT_KEY_FILE: text('a path').optional().describe(
    'File with the key that seals secrets. Without it: root.key in the data directory, made at first start.',
  ),
  SITELIFT_LOG_LEVEL: z
    .enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')}` })
    .default('info')
    .describe(`What is logged: ${LOG_LEVELS.join(', ')}.`),
  SITELIFT_FAILPOINT: z
    .string()
    .regex(FAILPOINTS, 'a list such as B5:kill9:migrate')
    .optional()
    .describe('Only for tests, and refused outside of a test database: where this process is to be killed.'),
}); // prettier-ignore

type Variables = z.infer<typeof VariablesSchema>;

const NAMES = Object.keys(VariablesSchema.shape) as readonly (keyof Variables)[]; // as: the keys of the shape are its keys

function toConfig(values: Variables) {
  return {
    databaseUrl: values.DATABASE_URL ?? null,
    dataDir: values.SITELIFT_DATA_DIR,
    host: values.SITELIFT_HOST,
    port: values.SITELIFT_PORT,
    publicUrl: values.SITELIFT_PUBLIC_URL ?? null,
    smtpUrl: values.SITELIFT_SMTP_URL ?? null,
    mailFrom: values.SITELIFT_MAIL_FROM ?? null,
    staffEmail: values.SITELIFT_STAFF_EMAIL ?? null,
    upgradesAtOnce: values.SITELIFT_UPGRADES_AT_ONCE,
    runsAtOnce: values.SITELIFT_RUNS_AT_ONCE,
    leaseSeconds: values.SITELIFT_LEASE_SECONDS,
    heartbeatSeconds: values.SITELIFT_HEARTBEAT_SECONDS,
    planEverySeconds: values.SITELIFT_PLAN_EVERY_SECONDS,
    probeEverySeconds: values.SITELIFT_PROBE_EVERY_SECONDS,
    stableAfterDays: values.SITELIFT_STABLE_AFTER_DAYS,
    keyFile: values.SITELIFT_KEY_FILE ?? null,
    logLevel: values.SITELIFT_LOG_LEVEL,
    failpoint: values.SITELIFT_FAILPOINT ?? null,
    /** What was read, for `describeConfig`. */
    values,
  } as const;
}

export type Config = Readonly<ReturnType<typeof toConfig>>;
export type Environment = Readonly<Record<string, string | undefined>>;

function unknownVariables(env: Environment): readonly string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('SITELIFT_') && !NOT_OURS.test(name) && !NAMES.some((known) => known === name))
    .map((name) => {
      const near = nearestWord(name, NAMES);
      return `${name}: there is no such variable${near === null ? '' : `; did you mean ${near}?`}`;
    });
} // prettier-ignore

function contradictions(values: Variables): readonly string[] {
  const found: string[] = [];
  if (values.SITELIFT_HEARTBEAT_SECONDS * HEARTBEATS_PER_LEASE > values.SITELIFT_LEASE_SECONDS)
    found.push('SITELIFT_HEARTBEAT_SECONDS: at most half of SITELIFT_LEASE_SECONDS is expected');
  if (values.SITELIFT_SMTP_URL !== undefined && values.SITELIFT_MAIL_FROM === undefined)
    found.push('SITELIFT_MAIL_FROM: a sender is expected when SITELIFT_SMTP_URL is set');
  return found;
}

/** An empty variable counts as not set, as in a compose file that passes everything on. */
export function readConfig(
  env: Environment = process.env,
): { readonly config: Config } | { readonly problems: readonly string[] } {
  const given = Object.fromEntries(
    NAMES.flatMap((name) => (env[name] === undefined || env[name] === '' ? [] : [[name, env[name]]])),
  );
  const parsed = VariablesSchema.safeParse(given);
  const wrong = (parsed.error?.issues ?? []).map((issue) => {
    const name = String(issue.path[0]);
    const got = SECRET.has(name) ? '' : `, not \`${given[name] ?? ''}\``;
    return `${name}: ${issue.message} is expected${got}`;
  });
  const problems = [...new Set(wrong), ...unknownVariables(env)];
  if (parsed.data === undefined) return { problems };
  problems.push(...contradictions(parsed.data));
  return problems.length > 0 ? { problems } : { config: toConfig(parsed.data) };
}

/** Keeps who and where, hides passwords; a query may hold one as well and is left out. */
function maskUrl(text: string): string {
  const masked = new URL(text);
  if (masked.password !== '') masked.password = '***';
  const query = masked.search === '' ? '' : '?…';
  masked.search = '';
  return `${masked.href}${query}`;
}

/** One line per variable, for the log at start; secrets are masked. */
export function describeConfig(config: Config): readonly string[] {
  return NAMES.map((name) => {
    const value = config.values[name];
    if (value === undefined) return `${name} (not set)`;
    return `${name}=${SECRET.has(name) ? maskUrl(String(value)) : value}`;
  });
}

export interface VariableNote {
  readonly name: string;
  readonly byDefault: string | null;
  readonly meaning: string;
}

/** What `docs/configuration.md` must say; a test compares. */
export function listVariables(): readonly VariableNote[] {
  const defaults = VariablesSchema.parse({});
  return NAMES.map((name) => ({
    name,
    byDefault: defaults[name] === undefined ? null : String(defaults[name]),
    meaning: VariablesSchema.shape[name].description ?? '',
  }));
}
