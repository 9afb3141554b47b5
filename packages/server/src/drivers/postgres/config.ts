/**
 * How an instance binds `database: postgres`. A password is the name of a secret, never the password. Names that libpq
 * would read as something else (`a=b`, `postgres://…`, a leading dash) are refused here, before any tool sees them.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@sitelift/domain/time/instant.ts';
import { z } from 'zod';
import { secretNameSchema } from '../config-words.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_.$-]*$/;
/** PostgreSQL cuts longer names silently (NAMEDATALEN), and then two names are one. */
const MAX_NAME = 63;
/** Sixteen characters of ours follow it. */
const MAX_PREFIX = 40;
const DURATION = /^[1-9]\d{0,5}[smhd]$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

const name = z
  .string()
  .max(MAX_NAME)
  .regex(NAME, 'a name of letters, digits, _ . $ or -, beginning with a letter');

const fields = z.strictObject({
  /** A host name or address, or the directory of a unix socket. */
  host: z
    .string()
    .min(1)
    .regex(/^[^\s,-][^\s,]*$/, 'one host, without blanks or commas')
    .default('127.0.0.1'),
  port: z.int().min(1).max(65_535).default(5432),
  user: name,
  database: name,
  /** The name of a secret. Without it the server must let `user` in by another way (peer, certificate, trust). */
  password: secretNameSchema.optional(),
  /** Where pg_dump and pg_restore lie; without it Debian's place for the server's version, then the PATH. */
  binDir: z.string().startsWith('/').optional(),
  /** Any database that is there besides the site's: databases are made, renamed and dropped from it. */
  maintenanceDatabase: name.default('postgres'),
  scratch: z
    .strictObject({
      prefix: z
        .string()
        .max(MAX_PREFIX)
        .regex(/^[a-z_][a-z0-9_]*$/)
        .default('sitelift_scratch'),
    })
    .prefault({}),
  /** The application's own word that a restored copy can be written to; it finds it in SITELIFT_SCRATCH_DATABASE_URL. */
  writeCheck: z
    .strictObject({
      run: z.tuple([z.string().min(1)], z.string()),
      cwd: z.string().optional(),
      env: z.record(z.string(), z.string()).default({}),
      /** Environment name -> name of a secret. */
      secrets: z.record(z.string(), secretNameSchema).default({}),
      timeout: z.string().regex(DURATION, 'a duration: 90s, 5m').default('5m'),
    })
    .optional(),
  /** Rows of each table whose contents are compared besides all the counts: half from each end of the primary key. */
  sampleRows: z.int().min(0).max(1_000_000).default(1_000),
  /** Parallel workers of pg_restore. */
  jobs: z.int().min(1).max(16).default(1),
});

export const postgresConfigSchema = fields.refine(
  (config) => config.database !== config.maintenanceDatabase,
  {
    path: ['maintenanceDatabase'],
    error:
      'must be another database than the one of the site: nobody can rename the database that he is connected to',
  },
);

export type PostgresConfig = z.infer<typeof postgresConfigSchema>;

/** Milliseconds of a duration that the schema has let through. */
export function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? SECOND_MS);
}
