/**
 * The shape of a playbook in this version of the language: steps of the kinds `uses`, `wait`, `gate` and `notify`. The same schemas
 * check a file and make the JSON Schema for editors, so an editor never accepts what the check refuses by shape.
 */
import { ENVIRONMENT_ROLES } from '@sitelift/domain/fleet/fleet.ts';
import { BACKUP_GRADES, GATE_KINDS, ON_TIMEOUT } from '@sitelift/domain/run/plan.ts';
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
/** More people than sit in a night's call. */
const MAX_QUORUM = 10;
const MAX_CHECKLISTS = 20;
/** A checklist is named like its file, so the name of the file is one. */
const ChecklistPathSchema = z
  .string({ error: 'a checklist file' })
  .regex(
    /^([a-z0-9-]+\/)*[a-z][a-z0-9]*(-[a-z0-9]+)*\.yaml$/,
    'a checklist file, such as `checklists/go-live.yaml`',
  );

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
  gate: closed({
    ...common,
    gate: closed({
      kind: z.enum(GATE_KINDS),
      by: OneOrMore(NameSchema, 'a contact role, or a list of them').optional(),
      checklists: OneOrMore(NameSchema, 'the name of a checklist, or a list of names').optional(),
      quorum: z
        .int({ error: 'a whole number' })
        .min(1, 'no less than 1')
        .max(MAX_QUORUM, `at most ${MAX_QUORUM}`)
        .optional(),
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

export const STEP_KINDS = ['uses', 'wait', 'gate', 'notify'] as const;
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
  checklists: z
    .array(ChecklistPathSchema, { error: 'a list of checklist files' })
    .max(MAX_CHECKLISTS, `at most ${MAX_CHECKLISTS}`)
    .optional(),
  recover: NameSchema.optional(),
});

/** Keys that the language knows but this version of Sitelift does not carry out yet; each is refused by name. */
export const LATER_KEYS = {
  top: ['inputs'],
  step: ['environment', 'whenMissing', 'if', 'start'],
  kind: ['run'],
  gate: ['escalate', 'remind'],
  wait: ['rules'],
  until: ['booking'],
} as const;

/** JSON Schema (2020-12) of a playbook file, for editors. */
export function generatePlaybookSchema(): string {
  const schema = PlaybookFileSchema.extend({
    steps: z
      .array(z.union([StepSchemas.uses, StepSchemas.wait, StepSchemas.gate, StepSchemas.notify]))
      .min(1)
      .max(MAX_STEPS),
  });
  const json = z.toJSONSchema(schema, { io: 'input', reused: 'ref' });
  return `${JSON.stringify({ title: 'Sitelift playbook', ...json }, null, 2)}\n`;
}
