/**
 * Every shape in which programs print a secret that they were given: as it is, encoded, escaped for a URL, JSON, a shell,
 * HTML, SQL, a password file; and each line of one that has several, because logs are made of lines.
 */

/** Shorter shapes would be found everywhere. */
const MIN_LINE_CHARS = 8;

/** The characters of the base64 text that the value alone decides, wherever it stands in what was encoded. */
function base64Forms(bytes: Buffer): readonly string[] {
  const forms = [bytes.toString('base64'), bytes.toString('base64url')];
  for (const offset of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes]);
    const from = Math.ceil((offset * 8) / 6);
    const to = Math.floor((whole.length * 8) / 6);
    forms.push(whole.toString('base64').slice(from, to), whole.toString('base64url').slice(from, to));
  }
  return forms;
}

function urlForms(value: string, bytes: Buffer): readonly string[] {
  // A lone half of a surrogate pair has no URL form.
  const component = value.isWellFormed() ? encodeURIComponent(value) : value;
  const strict = component.replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const forms = [
    component,
    strict,
    encodeURI(value.toWellFormed()),
    ...[component, strict].map((form) => form.replaceAll('%20', '+')),
    new URLSearchParams({ '': value }).toString().slice(1),
  ];
  const every = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const lower = (form: string): string => form.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [...forms, ...forms.map(lower), every, every.toUpperCase()];
}

function jsonForms(value: string): readonly string[] {
  const text = JSON.stringify(value).slice(1, -1);
  const unicode = (form: string, which: RegExp, upper: boolean): string =>
    form.replaceAll(which, (char) => {
      const code = char.charCodeAt(0).toString(16).padStart(4, '0');
      return `\\u${upper ? code.toUpperCase() : code}`;
    });
  const beyondAscii = /[\u0080-\uffff]/g;
  const safeInHtml = /[<>&'\u0080-\uffff]/g;
  return [
    text,
    text.replaceAll('/', '\\/'),
    ...[false, true].flatMap((upper) => [
      unicode(text, beyondAscii, upper),
      unicode(text, safeInHtml, upper),
      unicode(text, /[<>&]/g, upper),
    ]),
    JSON.stringify(text).slice(1, -1),
  ];
}

function shellForms(value: string): readonly string[] {
  return [
    value.replaceAll("'", "'\\''"),
    value.replaceAll("'", `'"'"'`),
    value.replaceAll(/[\\"$`]/g, '\\$&'),
    value.replaceAll(/[\\"$`!]/g, '\\$&'),
    // bash's printf %q, with and without the comma; # and ~ only where they would mean something.
    value.replaceAll(/[\s'"\\|&;()<>!{}*[\]?^$`,]|^[#~]|(?<=[=:])~/g, '\\$&'),
    value.replaceAll(/[\s'"\\|&;()<>!{}*[\]?^$`]|^[#~]|(?<=[=:])~/g, '\\$&'),
    value.replaceAll(/[^A-Za-z0-9_./:=@%+,-]/g, '\\$&'),
    value
      .replaceAll(/[\\']/g, '\\$&')
      .replaceAll('\n', '\\n')
      .replaceAll('\t', '\\t')
      .replaceAll('\r', '\\r'),
  ];
}

const HTML_NAMES: readonly (readonly [string, string, string])[] = [
  ['&quot;', '&#39;', '&amp;'],
  ['&#34;', '&#39;', '&amp;'],
  ['&quot;', '&#x27;', '&amp;'],
  ['&#34;', '&#x27;', '&amp;'],
  ['&quot;', '&apos;', '&amp;'],
  ['"', "'", '&amp;'],
  ['&#x22;', '&#x27;', '&#x26;'],
  ['&#34;', '&#39;', '&#38;'],
];

function htmlForms(value: string): readonly string[] {
  return HTML_NAMES.map(([quote, apostrophe, ampersand]) =>
    value
      .replaceAll('&', ampersand)
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', quote)
      .replaceAll("'", apostrophe),
  );
}

function formsOfText(value: string): readonly string[] {
  const bytes = Buffer.from(value, 'utf8');
  const hex = bytes.toString('hex');
  return [
    value,
    ...base64Forms(bytes),
    hex,
    hex.toUpperCase(),
    ...urlForms(value, bytes),
    ...jsonForms(value),
    ...shellForms(value),
    ...htmlForms(value),
    // SQL, and libpq's password file.
    value.replaceAll("'", "''"),
    value.replaceAll(/[\\:]/g, '\\$&'),
  ];
}

/** All shapes of a secret, each once. */
export function secretForms(secret: string): ReadonlySet<string> {
  const texts = new Set([secret, secret.trim()]);
  for (const line of secret.split(/[\r\n]+/)) {
    const text = line.trim();
    if (text.length >= MIN_LINE_CHARS) texts.add(text);
  }
  return new Set([...texts].flatMap(formsOfText).filter((form) => form !== ''));
}
