/**
 * The shape of a playbook in this version of the language: steps of the kinds `uses`, `wait` and `notify`. The same schemas
 * check a file and make the JSON Schema for editors, so an editor never accepts what the check refuses by shape.
 */
import { ENVIRONMENT_ROLES } from '@sitelift/domain/fleet/fleet.ts';
import { BACKUP_GRADES, ON_TIMEOUT } from '@sitelift/domain/run/plan.ts';
import { z } from 'zod';
import { closed } from './explain-issue.ts';
import {
  DurationSchema,
  FlagSchema,
  INSTANT_EXPECTED,
  INSTANT_PATTERN,
  JsonSchema,
  LineSchema,
  NameSchema,
  OneOrMore,
} from './value-schemas.ts';

const ACTION_PATTERN = /^[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*$/;
/** A run is a story that a person follows; a thousand steps are a mistake or an attack (F-10). */
export const MAX_STEPS = 200;
/** A step that fails ten times running needs a person, not an eleventh time. */
const MAX_RETRIES = 10;

export const UNTIL_EXPECTED = `\`window\`, \`{ signal: <name> }\`, \`{ upgrade: <role> }\`, or ${INSTANT_EXPECTED}`;

const ActionSchema = z
  .string({ error: 'an action, family/verb' })
  .regex(ACTION_PATTERN, 'an action, family/verb, such as `database/backup`');
const InputSchema = z.record(z.string(), JsonSchema, { error: 'a mapping of inputs' });

const common = {
  id: NameSchema,
  title: LineSchema.optional(),
  owner: LineSchema.optional(),
  needs: OneOrMore(NameSchema, 'the id of a step, or a list of ids').optional(),
  timeout: DurationSchema.optional(),
  expect: DurationSchema.optional(),
  onTimeout: z.enum(ON_TIMEOUT).optional(),
};
/** A notice waits for nothing. */
const { onTimeout: _, ...withoutTimeout } = common;

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
    manual: FlagSchema.optional(),
  }),
  wait: closed({
    ...common,
    wait: closed({
      until: z.union(
        [
          z.literal('window'),
          z.string().regex(INSTANT_PATTERN),
          closed({ signal: NameSchema }),
          closed({
            upgrade: OneOrMore(
              z.enum(ENVIRONMENT_ROLES),
              `a role (${ENVIRONMENT_ROLES.join(', ')}) or a list of roles`,
            ),
          }),
        ],
        { error: UNTIL_EXPECTED },
      ),
    }),
  }),
  notify: closed({
    ...withoutTimeout,
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
  step: ['environment', 'whenMissing', 'if', 'start'],
  kind: ['gate', 'run'],
  wait: ['rules'],
  until: ['booking'],
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
