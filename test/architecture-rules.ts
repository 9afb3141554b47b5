/**
 * The import table of the conventions and a handful of bans, as pure functions over `{path, text}`, so that each rule can be
 * shown to bite. What a layer may import is a list; everything that is not on it is refused.
 */
export interface SourceFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Returns what is wrong, one sentence each; an empty list when nothing is. */
export type Rule = (file: SourceFile) => readonly string[];

const COMMENT_OR_STRING =
  /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
const IMPORT = /^(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

function withoutComments(text: string): string {
  return text.replaceAll(COMMENT_OR_STRING, (_, string: string | undefined) => string ?? '');
}

/** The specifiers that a file imports, statically or by `import('…')`. */
export function importsOf(text: string): readonly string[] {
  return [...withoutComments(text).matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? '');
}

/** Where an import leads: a path in the repository, or the name of a package. */
function resolveImport(from: string, specifier: string): string {
  const ours = /^@sitelift\/([a-z]+)\/(.+)$/.exec(specifier);
  if (ours !== null) return `packages/${ours[1]}/src/${ours[2]}`;
  if (!specifier.startsWith('.')) return specifier;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** Folders of the server that are no feature; a file directly in `src` composes the rest. */
const SERVER_LAYERS = ['db', 'config', 'engine', 'loops', 'http'];

/**
 * The layer that a file belongs to: `domain`, `contract`, `playbook`, `cli`, `web/ui`, `server/db`, `server/driver` (the
 * interface), `server/drivers`, `server/registry`, `server/feature:<name>`, …; `outside` for scripts, tests, demo, bench.
 */
export function layerOf(path: string): string {
  const [, name, rest] = /^packages\/([a-z]+)\/src\/(.+)$/.exec(path) ?? [];
  if (name === undefined || rest === undefined) return path.includes('/') ? 'outside' : 'package';
  const folder = rest.includes('/') ? (rest.split('/')[0] ?? '') : '';
  if (name === 'web') return `web/${folder}`;
  if (name !== 'server') return name;
  if (folder === '') return 'server/compose';
  if (rest === 'drivers/driver.ts') return 'server/driver';
  if (rest === 'drivers/registry.ts') return 'server/registry';
  if (folder === 'drivers' || SERVER_LAYERS.includes(folder)) return `server/${folder}`;
  return `server/feature:${folder}`;
}

/** A feature opens these to other features: what they show, and never how they store it. */
const VIEWS_FILE = /-views\.ts$/;

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  domain: ['domain'],
  contract: ['domain', 'contract'],
  playbook: ['domain', 'playbook'],
  cli: ['domain', 'contract', 'playbook', 'cli'],
  'web/ui': ['domain', 'contract', 'web/ui'],
  'web/console': ['domain', 'contract', 'web/ui', 'web/console'],
  'web/portal': ['domain', 'contract', 'web/ui', 'web/portal'],
  'server/db': ['domain', 'server/db'],
  'server/config': ['domain', 'playbook', 'server/config'],
  'server/driver': ['domain'],
  'server/drivers': ['domain', 'server/driver', 'server/drivers'],
  // The one list of drivers; it speaks the types of those who ask it.
  'server/registry': ['domain', 'playbook', 'server/driver', 'server/drivers', 'server/engine', 'server/feature'],
  'server/engine': ['domain', 'playbook', 'server/db', 'server/driver', 'server/engine'],
  'server/loops': ['domain', 'contract', 'playbook', 'server/db', 'server/engine', 'server/feature', 'server/loops'],
  'server/http': ['domain', 'contract', 'playbook', 'server/db', 'server/engine', 'server/feature', 'server/http'],
  'server/feature': ['domain', 'contract', 'playbook', 'server/db'],
}; // prettier-ignore

/** Packages from outside, for the layers that the runtime or the rules keep small; others may use what npm installed. */
const ALLOWED_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  domain: ['temporal-polyfill'],
  contract: ['zod'],
  playbook: ['zod', 'yaml'],
};

const TEST_PACKAGES = ['vitest', 'fast-check', 'zod'];

/** Tests, and what only tests import: a fake of the world, the database of a test. */
function isTest(path: string): boolean {
  return /\.test\.tsx?$|\/fake-[a-z0-9-]+\.ts$/.test(path) || path.endsWith('/db/test-database.ts');
}

function allowedTarget(from: string, to: string, target: string, test: boolean): boolean {
  if (from === 'outside' || from === 'package' || from === 'server/compose' || from === to) return true;
  const kind = from.startsWith('server/feature') ? 'server/feature' : from;
  // A test of the server plays the composer: it wires the parts that it needs.
  if (test && from.startsWith('server/'))
    return to.startsWith('server/') || ALLOWED[kind]?.includes(to) === true;
  if (kind === 'server/feature' && to.startsWith('server/feature')) return VIEWS_FILE.test(target);
  return ALLOWED[kind]?.includes(to.replace(/^(server\/feature):.*/, '$1')) === true;
}

/** The import table. */
export const checkImports: Rule = ({ path, text }) => {
  const from = layerOf(path);
  const test = isTest(path);
  return importsOf(text).flatMap((specifier) => {
    const target = resolveImport(path, specifier);
    if (target.startsWith('packages/')) {
      const crosses =
        specifier.startsWith('.') && from !== 'outside' && path.split('/')[1] !== target.split('/')[1];
      if (crosses) return [`${specifier}: another package is imported by its name`];
      const to = layerOf(target);
      return allowedTarget(from, to, target, test) ? [] : [`${from} may not import ${to} (${specifier})`];
    }
    const packages = ALLOWED_PACKAGES[from];
    if (packages === undefined) return [];
    const known = test ? [...packages, ...TEST_PACKAGES] : packages;
    if (known.includes(target) || (test && target.startsWith('node:'))) return [];
    return [`${from} may not import ${specifier}`];
  });
};

/** The clock and the dice are arguments; only these files read them (demo, bench, scripts and tests may). */
const CLOCK_FILES = [
  'packages/server/src/db/clock.ts',
  'packages/server/src/db/new-id.ts',
  // Displays that tick; nothing is decided by them.
  'packages/web/src/ui/use-now.ts',
];
const CLOCK_OR_DICE = /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b/g;

export const checkClock: Rule = ({ path, text }) => {
  if (layerOf(path) === 'outside' || isTest(path) || CLOCK_FILES.includes(path)) return [];
  return [...withoutComments(text).matchAll(CLOCK_OR_DICE)].map(
    (match) => `${match[0]}: the clock is an argument`,
  );
};

/** What a child process inherits is no configuration of ours. */
const INHERITED = /process\.env\[?\.?'?(?:PATH|HOME|LANG|TMPDIR)'?\]?/g;
/** The last one hands the same few on to the vendor's scripts, by a list of names. */
const ENVIRONMENT_FILES =
  /^packages\/(server\/src\/config\/|cli\/src\/main\.ts$|server\/src\/drivers\/exec\/script-environment\.ts$)/;

export const checkEnvironment: Rule = ({ path, text }) => {
  if (layerOf(path) === 'outside' || isTest(path) || ENVIRONMENT_FILES.test(path)) return [];
  const rest = withoutComments(text).replaceAll(INHERITED, '');
  return /\bprocess\.env\b/.test(rest) ? ['process.env is read in server/config only'] : [];
};

/** A wake-up is a row; a NOTIFY takes a lock over the whole database at commit and is lost when nobody listens. */
export const checkNotify: Rule = ({ path, text }) => {
  if (layerOf(path) === 'outside') return [];
  return /\bpg_notify\b|\bNOTIFY\s+[a-z]/.test(withoutComments(text))
    ? ['no NOTIFY: a wake-up is a row']
    : [];
};

export const checkExports: Rule = ({ path, text }) => {
  if (path.endsWith('.config.ts')) return [];
  return /^export default\b|^export \{[^}]*\bas default\b/m.test(withoutComments(text))
    ? ['a default export']
    : [];
};

/** `process-group` and `process-table` are things of the operating system; to process is no idea. */
const REFUSED_NAME =
  /(^|-)(utils?|helpers?|manager|common|misc)(-|$)|^handle(-|$)|^process(?!-(group|table)$)(-|$)/;
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** The file's name is its one idea. */
export const checkName: Rule = ({ path }) => {
  const name = (path.split('/').at(-1) ?? '').replace(/(\.properties)?(\.(test|d|config))?\.tsx?$/, '');
  if (!FILE_NAME.test(name)) return [`${name} is not kebab-case`];
  return REFUSED_NAME.test(name) ? [`${name} tells nothing: name the idea`] : [];
};

const MAX_LINES = 400;

/** Past 400 lines there is a second idea in it. Generated files hold no ideas. */
export const checkLength: Rule = ({ text }) => {
  const lines = text.split('\n').length - 1;
  if (lines <= MAX_LINES || text.startsWith('/** Generated by `npm run gen`')) return [];
  return [`${lines} lines: find the second idea`];
};

export const RULES = {
  imports: checkImports,
  clock: checkClock,
  environment: checkEnvironment,
  notify: checkNotify,
  exports: checkExports,
  names: checkName,
  length: checkLength,
} as const satisfies Record<string, Rule>;
