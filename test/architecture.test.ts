import { glob, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RULES, type SourceFile } from './architecture-rules.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = ['packages/*/src/**/*.{ts,tsx}', '{bin,bench,demo,scripts,test}/**/*.ts', '*.ts'];
/** The house has more files than this. A walk that saw fewer saw the wrong directory and would pass for ever. */
const AT_LEAST = 90;

async function readSources(): Promise<readonly SourceFile[]> {
  const paths: string[] = [];
  for await (const path of glob(SOURCES, { cwd: ROOT, exclude: (name) => name === 'node_modules' }))
    paths.push(path.replaceAll('\\', '/'));
  return Promise.all(
    paths.sort().map(async (path) => ({ path, text: await readFile(`${ROOT}/${path}`, 'utf8') })),
  );
}

const sources = await readSources();

describe('the house', () => {
  it('was walked: files of every package were seen', () => {
    expect(sources.length).toBeGreaterThan(AT_LEAST);
    for (const name of ['domain', 'contract', 'playbook', 'server', 'cli'])
      expect(sources.some(({ path }) => path.startsWith(`packages/${name}/src/`))).toBe(true);
  });

  it.each(Object.entries(RULES))('keeps the rule: %s', (_, rule) => {
    expect(sources.flatMap((file) => rule(file).map((what) => `${file.path}: ${what}`))).toEqual([]);
  });
});

type Sample = readonly [rule: keyof typeof RULES, path: string, text: string];

const domain = 'packages/domain/src/run/x.ts';
const feature = 'packages/server/src/fleet/x.ts';
const BAD: readonly Sample[] = [
  ['imports', domain, "import { z } from 'zod';"],
  ['imports', domain, "import { readFile } from 'node:fs/promises';"],
  ['imports', domain, "import { ROUTES } from '@sitelift/contract/routes.ts';"],
  ['imports', domain, "export * from '@sitelift/contract/routes.ts';"],
  ['imports', domain, "import {\n  a,\n} from '@sitelift/playbook/playbook.ts';"],
  ['imports', domain, "import '@sitelift/playbook/playbook.ts';"],
  ['imports', domain, "const x = await import('@sitelift/playbook/playbook.ts');"],
  ['imports', domain, "import type { Route } from '../../../contract/src/route.ts';"],
  ['imports', 'packages/contract/src/x.ts', "import { parse } from 'yaml';"],
  ['imports', 'packages/playbook/src/x.ts', "import { ROUTES } from '@sitelift/contract/routes.ts';"],
  ['imports', 'packages/cli/src/x.ts', "import { migrate } from '@sitelift/server/db/migrate.ts';"],
  ['imports', 'packages/web/src/portal/x.tsx', "import { Table } from '../console/table.tsx';"],
  ['imports', 'packages/web/src/ui/x.tsx', "import { Page } from '../console/page.tsx';"],
  ['imports', feature, "import { commandRun } from '../engine/command-run.ts';"],
  ['imports', feature, "import { saveUpgrade } from '../upgrades/upgrade-store.ts';"],
  ['imports', feature, "import { serve } from '../compose.ts';"],
  ['imports', feature, "import { readConfig } from '../config/config.ts';"],
  ['imports', 'packages/server/src/drivers/exec/x.ts', "import { sql } from '../../db/database.ts';"],
  ['imports', 'packages/server/src/engine/x.ts', "import { exec } from '../drivers/exec/exec.ts';"],
  ['imports', 'packages/server/src/engine/x.ts', "import { applyFleet } from '../fleet/apply-fleet.ts';"],
  ['imports', 'packages/server/src/loops/x.ts', "import { routes } from '../http/routes.ts';"],
  ['clock', feature, 'const at = Date.now();'],
  ['clock', feature, 'const at = `${new Date().toISOString()}`;'],
  ['clock', domain, 'const dice = Math.random();'],
  ['environment', feature, "const url = process.env['DATABASE_URL'];"],
  ['environment', feature, 'const { PATH } = process.env;'],
  ['notify', feature, "sql`select pg_notify('run', ${id})`"],
  ['notify', feature, 'sql`NOTIFY run`'],
  ['exports', feature, 'export default function x() {}'],
  ['exports', feature, 'export { x as default };'],
  ['names', 'packages/server/src/fleet/utils.ts', ''],
  ['names', 'packages/server/src/fleet/date-helpers.test.ts', ''],
  ['names', 'packages/server/src/fleet/handle-request.ts', ''],
  ['names', 'packages/server/src/fleet/process-rows.ts', ''],
  ['names', 'packages/server/src/fleet/ApplyFleet.ts', ''],
  ['length', feature, 'x\n'.repeat(401)],
]; // prettier-ignore

const GOOD: readonly Sample[] = [
  ['imports', domain, "import { Temporal } from 'temporal-polyfill';\nimport type { Plan } from './plan.ts';"],
  ['imports', 'packages/domain/src/run/x.test.ts', "import fc from 'fast-check';\nimport { it } from 'vitest';"],
  ['imports', feature, "import { listUpgrades } from '../upgrades/upgrade-views.ts';"],
  ['imports', 'packages/server/src/fleet/x.test.ts', "import { saveUpgrade } from '../upgrades/upgrade-store.ts';"],
  ['imports', 'packages/server/src/compose.ts', "import { readConfig } from './config/config.ts';"],
  ['imports', 'packages/server/src/engine/x.ts', "import type { Driver } from '../drivers/driver.ts';"],
  ['imports', 'packages/server/src/drivers/exec/x.ts', "import { run } from '../child.ts';"],
  ['imports', 'scripts/x.ts', "import { migrate } from '../packages/server/src/db/migrate.ts';"],
  ['imports', domain, "// import { z } from 'zod';"],
  ['clock', 'packages/server/src/db/clock.ts', 'Date.now()'],
  ['clock', feature, '/** Never Date.now(). */\nconst at = new Date(ms);'],
  ['environment', feature, "env: { PATH: process.env['PATH'] ?? '' }"],
  ['environment', 'packages/server/src/config/config.ts', 'process.env'],
  ['length', feature, 'x\n'.repeat(400)],
]; // prettier-ignore

describe('each rule bites', () => {
  it.each(BAD)('%#: %s refuses a bad file %s', (rule, path, text) => {
    expect(RULES[rule]({ path, text })).not.toEqual([]);
  });

  it.each(GOOD)('%#: %s accepts a good file %s', (rule, path, text) => {
    expect(RULES[rule]({ path, text })).toEqual([]);
  });

  it('no rule is without an example that it refuses', () => {
    expect([...new Set(BAD.map(([rule]) => rule))].sort()).toEqual(Object.keys(RULES).sort());
  });
});
