/**
 * The shape of a fleet file. A file holds any of the top-level keys; what belongs to one customer (`name`, `contacts`,
 * `instances`) stands beside `customer`. The same schemas check a file and make the JSON Schema for editors. What the items
 * of all files mean together is judged by `checkFleet`.
 */
import { ENVIRONMENT_ROLES, RELEASE_KINDS, WEEKDAYS } from '@sitelift/domain/fleet/fleet.ts';
import { POLICY_KEYS, type PolicyKey } from '@sitelift/domain/policy/policy.ts';
import { DAY_MS, MINUTE_MS } from '@sitelift/domain/time/instant.ts';
import { isZone } from '@sitelift/domain/time/resolve-local-time.ts';
import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { closed } from './explain-issue.ts';
import { CHANNEL_NAMES, CONTACT_ROLES } from './fleet-file.ts';
import {
  ClockSchema,
  DurationSchema,
  EmailSchema,
  FlagSchema,
  InstantSchema,
  JsonObjectSchema,
  JsonSchema,
  LineSchema,
  NameSchema,
  TextSchema,
  UrlSchema,
  VersionSchema,
  ZoneSchema,
} from './value-schemas.ts';

/** An array whose error says what it holds. */
const listOf = <Item extends z.ZodType>(item: Item, what: string) =>
  z.array(item, { error: `a list of ${what}` });

const ChannelSchema = z.enum(CHANNEL_NAMES);
const RoleSchema = z.enum(ENVIRONMENT_ROLES);

/** By name, so that an editor offers them; what a value must be is the policy's own matter (`readPolicy`). */
const PolicySchema = closed(
  Object.fromEntries(POLICY_KEYS.map((key) => [key, JsonSchema.optional()])) as Record<
    PolicyKey,
    z.ZodOptional<typeof JsonSchema>
  >, // fromEntries forgets the keys that it was given
);

const BindingSchema = z
  .object({ driver: NameSchema.optional() }, { error: 'a mapping with a `driver` and its settings' })
  .catchall(JsonSchema);
const BindingsSchema = z.record(z.string(), BindingSchema, { error: 'a mapping from families to drivers' });

const ProductSchema = closed({
  product: NameSchema,
  name: LineSchema,
  playbook: NameSchema,
  bindings: BindingsSchema.optional(),
  settings: JsonObjectSchema.optional(),
});

const NPM_PATTERN = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const INTEGRITY_PATTERN = /^sha(256|384|512)-[A-Za-z0-9+/]+={0,2}$/;
const DIGEST_PATTERN = /^sha256:[0-9a-f]{64}$/;

const ArtefactSchema = z.union(
  [
    closed({
      npm: z.string({ error: 'the name of an npm package' }).regex(NPM_PATTERN, 'the name of an npm package'),
      version: VersionSchema,
      integrity: z
        .string({ error: 'an integrity such as sha512-…' })
        .regex(INTEGRITY_PATTERN, 'an integrity such as sha512-…')
        .optional(),
    }),
    closed({
      digest: z
        .string({ error: '`sha256:` and 64 hex digits' })
        .regex(DIGEST_PATTERN, '`sha256:` and 64 hex digits'),
      location: LineSchema.optional(),
    }),
  ],
  { error: '`{ npm, version, integrity }` or `{ digest, location }`' },
);

const ReleaseSchema = closed({
  product: NameSchema,
  version: VersionSchema,
  kind: z.enum(RELEASE_KINDS),
  artefact: ArtefactSchema,
  notes: TextSchema.optional(),
  needsDowntime: FlagSchema.optional(),
  risky: FlagSchema.optional(),
  smokeTest: z.enum(['passed', 'failed', 'not-run']).optional(),
  channels: listOf(ChannelSchema, 'channels').optional(),
});

const PinSchema = closed({
  version: VersionSchema,
  owner: LineSchema,
  reason: LineSchema,
  until: InstantSchema.optional(),
  untilChannel: ChannelSchema.optional(),
}).refine(
  (pin) => pin.until === undefined || pin.untilChannel === undefined,
  'one end: `until` or `untilChannel`',
);

const TARGET_EXPECTED = `a channel (${CHANNEL_NAMES.join(', ')}), or \`{ version: <exact version> }\``;

const InstanceSchema = closed({
  instance: NameSchema,
  role: RoleSchema,
  product: NameSchema,
  url: UrlSchema,
  zone: ZoneSchema,
  labels: listOf(NameSchema, 'labels').optional(),
  host: LineSchema.optional(),
  target: z
    .union([ChannelSchema, closed({ channel: ChannelSchema }), closed({ version: VersionSchema })], {
      error: TARGET_EXPECTED,
    })
    .optional(),
  pin: PinSchema.optional(),
  settings: JsonObjectSchema.optional(),
  bindings: BindingsSchema.optional(),
  policy: PolicySchema.optional(),
});

const ScopeSchema = z.union(
  [
    z.literal('fleet'),
    closed({ label: NameSchema }),
    closed({ customer: NameSchema }),
    closed({ instance: NameSchema }),
  ],
  { error: '`fleet`, or one of `{ label }`, `{ customer }`, `{ instance }`' },
);

const WINDOW_ZONE_EXPECTED = '`site`, or an IANA time zone such as Europe/Amsterdam';
const LENGTH_EXPECTED = 'a length from 1m to 24h';

const WindowSchema = closed({
  window: NameSchema,
  scope: ScopeSchema,
  days: z.union(
    [
      z.literal('daily'),
      z.array(z.enum(WEEKDAYS)).min(1, 'at least one day').refine(isDistinct, 'each day once'),
    ],
    { error: `\`daily\`, or a list of ${WEEKDAYS.join(', ')}` },
  ),
  start: ClockSchema,
  zone: z
    .string({ error: WINDOW_ZONE_EXPECTED })
    .refine((text) => text === 'site' || isZone(text), WINDOW_ZONE_EXPECTED),
  length: DurationSchema.refine((text) => {
    const ms = parseDuration(text);
    return ms === null || (ms >= MINUTE_MS && ms <= DAY_MS);
  }, LENGTH_EXPECTED),
  cutOff: DurationSchema.optional(),
});

const FreezeSchema = closed({
  freeze: NameSchema,
  scope: ScopeSchema,
  from: InstantSchema,
  until: InstantSchema.optional(),
  reason: LineSchema,
  owner: LineSchema,
});

const ContactSchema = closed({
  name: LineSchema,
  email: EmailSchema,
  roles: listOf(z.enum(CONTACT_ROLES), 'roles').optional(),
});

/** The lists of a file; each item is checked by itself, so that one wrong release does not hide the others. */
export const ITEM_SCHEMAS = {
  products: ProductSchema,
  releases: ReleaseSchema,
  instances: InstanceSchema,
  windows: WindowSchema,
  freezes: FreezeSchema,
} as const;
export const ITEM_KINDS = ['products', 'releases', 'instances', 'windows', 'freezes'] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];
export type Item<Kind extends ItemKind> = z.infer<(typeof ITEM_SCHEMAS)[Kind]>;

const customerKeys = {
  customer: NameSchema.optional(),
  name: LineSchema.optional(),
  contacts: listOf(ContactSchema, 'contacts').optional(),
};

/** Everything of a file but the inside of its lists. */
export const FleetTopSchema = closed({
  ...customerKeys,
  products: listOf(z.unknown(), 'products').optional(),
  releases: listOf(z.unknown(), 'releases').optional(),
  instances: listOf(z.unknown(), 'instances').optional(),
  windows: listOf(z.unknown(), 'windows').optional(),
  freezes: listOf(z.unknown(), 'freezes').optional(),
  policy: PolicySchema.optional(),
});
export type FleetTop = z.infer<typeof FleetTopSchema>;
export type PolicyBlock = z.infer<typeof PolicySchema>;

function isDistinct(items: readonly string[]): boolean {
  return new Set(items).size === items.length;
}

/** JSON Schema (2020-12) of a fleet file, for editors. */
export function generateFleetSchema(): string {
  const file = closed({
    ...customerKeys,
    products: listOf(ProductSchema, 'products').optional(),
    releases: listOf(ReleaseSchema, 'releases').optional(),
    instances: listOf(InstanceSchema, 'instances').optional(),
    windows: listOf(WindowSchema, 'windows').optional(),
    freezes: listOf(FreezeSchema, 'freezes').optional(),
    policy: PolicySchema.optional(),
  });
  const json = z.toJSONSchema(file, { io: 'input', reused: 'ref' });
  return `${JSON.stringify({ title: 'Sitelift fleet file', ...json }, null, 2)}\n`;
}
