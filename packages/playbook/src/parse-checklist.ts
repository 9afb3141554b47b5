/** A checklist file: `checklist`, `title`, `items`. Named like its file, because playbooks name it by that. */
import { checklistName } from './check-waiting.ts';
import { closed, explainIssues } from './explain-issue.ts';
import type { YamlSource } from './read-yaml.ts';
import type { Position, SourceError } from './source-error.ts';
import { LineSchema, NameSchema } from './value-schemas.ts';
import { z } from 'zod';

/** People tick every item of it by hand. */
const MAX_ITEMS = 200;

export interface Checklist {
  readonly name: string;
  readonly title: string;
  readonly items: readonly { readonly id: string; readonly text: string }[];
  readonly path: string;
  readonly at: Position;
}

const ChecklistSchema = closed({
  checklist: NameSchema,
  title: LineSchema,
  items: z
    .array(closed({ id: NameSchema, text: LineSchema }), { error: 'a list of items' })
    .min(1, 'at least one item')
    .max(MAX_ITEMS, `at most ${MAX_ITEMS} items`),
});

export function readChecklist(
  source: YamlSource,
): { readonly checklist: Checklist } | { readonly errors: readonly SourceError[] } {
  const { path } = source;
  const read = ChecklistSchema.safeParse(source.value);
  if (!read.success) return { errors: explainIssues(read.error.issues, source, []) };
  const { checklist: name, title, items } = read.data;
  const at = source.positionOf(['checklist']);
  const errors: SourceError[] = [];
  if (checklistName(path) !== name)
    errors.push({
      path,
      ...at,
      message: `the checklist \`${name}\` is not named like its file`,
      expected: `\`${checklistName(path)}\``,
    });
  const seen = new Set<string>();
  for (const [index, { id }] of items.entries()) {
    if (seen.has(id))
      errors.push({
        path,
        ...source.positionOf(['items', index, 'id']),
        message: `the item \`${id}\` stands here twice`,
        expected: null,
      });
    seen.add(id);
  }
  return errors.length > 0 ? { errors } : { checklist: { name, title, items, path, at } };
}
