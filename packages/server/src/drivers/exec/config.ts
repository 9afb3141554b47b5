/** How an instance binds a family to scripts of the vendor's own. */
import { z } from 'zod';
import { secretNameSchema } from '../config-words.ts';

const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable')
  .refine((name) => !name.startsWith('SITELIFT_'), 'SITELIFT_ is ours: choose another name');
// oxlint-disable-next-line no-control-regex -- an argument with a NUL cannot be passed
const word = z.string().regex(/^[^\u0000]*$/, 'text without NUL characters');
const argvSchema = z.tuple([word.min(1, 'the command itself')], word);

export const execConfigSchema = z
  .strictObject({
    /** Where the commands run; a relative path starts where Sitelift was started. */
    cwd: word.min(1).optional(),
    env: z.record(variable, word).default({}),
    /** Environment name -> name of a secret. */
    secrets: z.record(variable, secretNameSchema).default({}),
    /** Keyed by verb: `stage` for `app/stage`. */
    commands: z
      .record(
        z.string().regex(/^[a-z][a-z0-9-]*$/, 'a verb in kebab-case'),
        z.strictObject({
          run: argvSchema,
          /** Looks and changes nothing: exit code 0 applied, 1 not applied, 3 partly and `run` goes on from there, else cannot tell. */
          observe: argvSchema.optional(),
        }),
      )
      .refine((commands) => Object.keys(commands).length > 0, 'at least one command'),
  })
  .check((context) => {
    const { env, secrets } = context.value;
    for (const name of Object.keys(secrets).filter((key) => key in env))
      context.issues.push({
        code: 'custom',
        message: `${name} is in env too`,
        path: ['secrets', name],
        input: name,
      });
  });

export type ExecConfig = z.infer<typeof execConfigSchema>;
export type Argv = readonly [string, ...string[]];
