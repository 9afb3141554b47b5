/** One file of a fleet into the draft: its shape, item by item. A file with `playbook` or `checklist` at its top is one. */
import { explainIssues } from './explain-issue.ts';
import { isItemKind, type FleetDraft, type Placed } from './fleet-draft.ts';
import { FleetTopSchema, ITEM_SCHEMAS, type FleetTop, type Item, type ItemKind } from './fleet-schema.ts';
import { readChecklist } from './parse-checklist.ts';
import { parsePlaybook } from './parse-playbook.ts';
import { readPolicy } from './read-policy.ts';
import { readYaml, type YamlSource } from './read-yaml.ts';

/** One customer with six hundred instances; more are better kept in several files. Read in less than half a second. */
export const MAX_FLEET_FILE_BYTES = 256 * 1024;

export interface FleetFileText {
  /** As a person would type it; errors begin with it. */
  readonly path: string;
  readonly text: string | Uint8Array;
}

export function readFleetFile({ path, text }: FleetFileText, draft: FleetDraft): void {
  const read = readYaml(text, path, MAX_FLEET_FILE_BYTES);
  if ('errors' in read) {
    draft.errors.push(...read.errors);
    draft.unread.push(textOf(text));
    return;
  }
  const { source } = read;
  if (isRecord(source.value) && 'playbook' in source.value) {
    const parsed = parsePlaybook(text, path);
    if ('playbook' in parsed) draft.playbooks.push(parsed.playbook);
    else {
      draft.errors.push(...parsed.errors);
      draft.unread.push(textOf(text));
    }
    return;
  }
  if (isRecord(source.value) && 'checklist' in source.value) {
    const parsed = readChecklist(source);
    if ('checklist' in parsed) draft.checklists.push(parsed.checklist);
    else {
      draft.errors.push(...parsed.errors);
      draft.unread.push(textOf(text));
    }
    return;
  }
  const top = FleetTopSchema.safeParse(source.value);
  if (!top.success) {
    draft.errors.push(...explainIssues(top.error.issues, source, []));
    const unread = isRecord(source.value)
      ? Object.entries(source.value).filter(([key, value]) => !isItemKind(key) || !Array.isArray(value))
      : [];
    draft.unread.push(JSON.stringify(unread));
  }
  // A wrong key at the top hides no item: what is a list is read all the same.
  const lists = top.success ? top.data : isRecord(source.value) ? source.value : {};
  readItems('products', lists, source, draft, (item) => draft.products.push(item));
  readItems('releases', lists, source, draft, (item) => draft.releases.push(item));
  readItems('windows', lists, source, draft, (item) => draft.windows.push(item));
  readItems('freezes', lists, source, draft, (item) => draft.freezes.push(item));
  readCustomer(top.success ? top.data : null, lists, source, draft);
}

/** `policy` is the customer's in a customer's file, else the vendor's. */
function readCustomer(
  top: FleetTop | null,
  lists: Readonly<Record<string, unknown>>,
  source: YamlSource,
  draft: FleetDraft,
): void {
  const slug = typeof lists.customer === 'string' ? lists.customer : null;
  readItems('instances', lists, source, draft, (item) => {
    const policy = readPolicy(item.value.policy, 'other', source, [...item.at, 'policy'], draft.errors);
    if (slug === null) draft.unread.push(declaredBy('instances', item.value));
    else draft.instances.push({ ...item, value: { customer: slug, item: item.value, policy } });
  });
  if (slug === null) {
    for (const key of ['name', 'contacts', 'instances']) {
      if (key in lists)
        draft.errors.push({
          path: source.path,
          ...source.keyPositionOf([key]),
          message: `\`${key}\` belongs to a customer, and the file names none`,
          expected: '`customer: <slug>` in the same file',
        });
    }
  }
  if (top === null) return;
  const level = slug === null ? 'vendor' : 'other';
  const policy = readPolicy(top.policy, level, source, ['policy'], draft.errors);
  if (slug === null) {
    draft.policy.push(...policy.map((entry) => ({ ...entry, path: source.path })));
    return;
  }
  if (top.name === undefined) {
    draft.errors.push({
      path: source.path,
      ...source.positionOf(['customer']),
      message: `the customer \`${slug}\` has no \`name\``,
      expected: '`name: <line of text>`',
    });
  }
  const contacts = (top.contacts ?? []).map(({ name, email, roles }) => ({
    name,
    email,
    roles: roles ?? [],
  }));
  draft.customers.push({ value: { slug, name: top.name ?? slug, contacts, policy }, source, at: [] });
}

function readItems<Kind extends ItemKind>(
  kind: Kind,
  lists: Readonly<Record<string, unknown>>,
  source: YamlSource,
  draft: FleetDraft,
  keep: (item: Placed<Item<Kind>>) => void,
): void {
  const items = lists[kind];
  if (!Array.isArray(items)) return;
  for (const [index, item] of items.entries()) {
    const at = [kind, index];
    const read = ITEM_SCHEMAS[kind].safeParse(item);
    if (read.success) {
      keep({ value: read.data as Item<Kind>, source, at }); // the schema of this kind, which the union of kinds forgets
    } else {
      draft.errors.push(...explainIssues(read.error.issues, source, at));
      draft.unread.push(declaredBy(kind, item));
    }
  }
}

/** What others may refer to; not what the item itself refers to, which may be the same slip once more. */
const DECLARING_KEYS: Readonly<Record<ItemKind, readonly string[]>> = {
  products: ['product'],
  releases: ['version'],
  instances: ['instance', 'labels'],
  windows: [],
  freezes: [],
};

function declaredBy(kind: ItemKind, item: unknown): string {
  return isRecord(item) ? JSON.stringify(DECLARING_KEYS[kind].map((key) => item[key])) : '';
}

function textOf(text: string | Uint8Array): string {
  const part = text.slice(0, MAX_FLEET_FILE_BYTES);
  return typeof part === 'string' ? part : new TextDecoder().decode(part);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
