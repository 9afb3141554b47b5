/** `--runs 5 --json` and `--runs=5` as a map; an option without a value is `true`. Throws on anything else. */
export function parseOptions(args: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  let last: string | null = null;
  for (const arg of args) {
    if (arg.startsWith('--')) {
      const [name = '', ...value] = arg.slice(2).split('=');
      options.set(name, value.length > 0 ? value.join('=') : 'true');
      last = value.length > 0 ? null : name;
    } else if (last !== null) {
      options.set(last, arg);
      last = null;
    } else throw new Error(`unexpected argument ${arg}: options are written --name value`);
  }
  return options;
}
