/** The playbooks that come with this Sitelift, so that the check before the way to the server knows them as the server does. */
import { readdir, readFile } from 'node:fs/promises';
import { parsePlaybook } from '@sitelift/playbook/parse-playbook.ts';
import type { Playbook } from '@sitelift/playbook/playbook.ts';

const FOLDER = new URL('../../../playbooks/', import.meta.url);

export async function readShippedPlaybooks(): Promise<readonly Playbook[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml')).sort();
  const parsed = await Promise.all(
    names.map(async (name) => parsePlaybook(await readFile(new URL(name, FOLDER)), `playbooks/${name}`)),
  );
  return parsed.flatMap((each) => ('playbook' in each ? [each.playbook] : []));
}
