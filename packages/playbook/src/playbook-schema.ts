/**
 * The shape of a playbook in this version of the language: steps of the kinds `uses`, `wait` and `notify`. The same schemas
 * check a file and make the JSON Schema for editors, so an editor never accepts what the check refuses by shape.
 */
import { ENVIRONMENT_ROLES } from '@sitelift/domain/fleet/fleet.ts';
import { BACKUP_GRADES } from '@sitelift/domain/run/plan.ts';
import { z } from 'zod';
import { DURATION_PATTERN } from './duration.ts';
import { closed } from './explain-issue.ts';

/** A run is a story that a person follows; a thousand steps are a mistake or an attack (F-10). */
export const MAX_STEPS = 200;
/** A step that fails ten times running needs a person, not an eleventh time. */
const MAX_RETRIES = 10;

export const NAME_PATTERN = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const ACTION_PATTERN = /^[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*$/;
/** An instant with its offset: a local time would have to be resolved twice a year (semantics 4). */
export const INSTANT_PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/;
export const INSTANT_EXPECTED = 'an instant with its offset, such as 2026-12-18T16:00:00Z';

const MAX_NAME = 63;
const MAX_LINE = 200;

export const NameSchema = z
  .string({ error: 'a name in kebab-case' })
  .max(MAX_NAME, `at most ${MAX_NAME} characters`)
  .regex(NAME_PATTERN, 'a name in kebab-case, such as `overnight-channel`');
export const LineSchema = z
  .string({ error: 'a line of text' })
  .min(1, 'a line of text')
  .max(MAX_LINE, `at most ${MAX_LINE} characters`);
export const DurationSchema = z
  .string({ error: 'a duration such as 90s, 15m, 3h or 14d' })
  .regex(DURATION_PATTERN, 'a duration such as 90s, 15m, 3h or 14d');
const ActionSchema = z
  .string({ error: 'an action, family/verb' })
  .regex(ACTION_PATTERN, 'an action, family/verb, such as `database/backup`');
const InputSchema = z.record(z.string(), z.json(), { error: 'a mapping of inputs' });
const FlagSchema = z.boolean({ error: 'true or false' });

const OneOrMore = <Item extends z.ZodType>(item: Item, error: string) =>
  z.union([item, z.array(item).min(1, error)], { error });

const common = {
  id: NameSchema,
  title: LineSchema.optional(),
  owner: LineSchema.optional(),
  needs: OneOrMore(NameSchema, 'the id of a step, or a list of ids').optional(),
  timeout: DurationSchema.optional(),
  expect: DurationSchema.optional(),
};

export const StepSchemas = {
  uses: closed({
    ...common,
    uses: ActionSchema,
    with: InputSchema.optional(),
    undo: z
      .union([ActionSchema, closed({ uses: ActionSchema, with: InputSchema.optional() })], {
        error: 'an action, or `{ uses, with }`',
      })
      .optional(),
    retry: closed({
      times: z
        .int({ error: 'a whole number' })
        .min(0, 'no less than 0')
        .max(MAX_RETRIES, `at most ${MAX_RETRIES}`),
      pause: DurationSchema.optional(),
    }).optional(),
    require: z.enum(BACKUP_GRADES).optional(),
    disruptive: FlagSchema.optional(),
    pointOfNoReturn: FlagSchema.optional(),
  }),
  wait: closed({
    ...common,
    wait: closed({
      until: z.union([z.literal('window'), z.string().regex(INSTANT_PATTERN)], {
        error: `\`window\`, or ${INSTANT_EXPECTED}`,
      }),
    }),
  }),
  notify: closed({
    ...common,
    notify: closed({
      to: OneOrMore(LineSchema, 'a contact role, an e-mail address, `all`, or a list of them'),
      template: NameSchema,
    }),
  }),
} as const;

export const STEP_KINDS = ['uses', 'wait', 'notify'] as const;
export type StepKind = (typeof STEP_KINDS)[number];

export const PlaybookFileSchema = closed({
  playbook: NameSchema,
  title: LineSchema,
  for: closed({
    role: OneOrMore(z.enum(ENVIRONMENT_ROLES), `a role (${ENVIRONMENT_ROLES.join(', ')}) or a list of roles`),
  }).optional(),
  steps: z
    .array(z.record(z.string(), z.unknown(), { error: 'a step: a mapping with an `id`' }), {
      error: 'a list of steps',
    })
    .min(1, 'at least one step')
    .max(MAX_STEPS, `at most ${MAX_STEPS} steps`),
  recover: NameSchema.optional(),
});

/** Keys that the language knows but this version of Sitelift does not carry out yet; each is refused by name. */
export const LATER_KEYS = {
  top: ['inputs', 'checklists'],
  step: ['environment', 'whenMissing', 'if', 'start', 'onTimeout', 'manual'],
  kind: ['gate', 'run'],
  wait: ['rules'],
  until: ['booking', 'signal', 'upgrade'],
} as const;

/** JSON Schema (2020-12) of a playbook file, for editors. */
export function generatePlaybookSchema(): string {
  const schema = PlaybookFileSchema.extend({
    steps: z
      .array(z.union([StepSchemas.uses, StepSchemas.wait, StepSchemas.notify]))
      .min(1)
      .max(MAX_STEPS),
  });
  const json = z.toJSONSchema(schema, { io: 'input', reused: 'ref' });
  return `${JSON.stringify({ title: 'Sitelift playbook', ...json }, null, 2)}\n`;
}
