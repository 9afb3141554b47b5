import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor, MASK } from './redactor.ts';
import { createLineRedactor, createStreamRedactor } from './stream-redactor.ts';

/** Secrets as people have them: printable, with quotes, blanks, brackets, beyond ASCII, over several lines. */
const aSecret = fc
  .oneof(
    fc.string({ minLength: 8, maxLength: 60, unit: 'grapheme-ascii' }),
    fc.string({ minLength: 8, maxLength: 40, unit: 'grapheme' }),
    fc.base64String({ minLength: 12, maxLength: 200 }),
    fc.constantFrom(
      'correct horse battery staple',
      `it's "quoted" & <odd>`,
      'p@ss:w/rd\\$HOME`id`',
      'zwölf Bäume!',
      'line-one-of-it\nline-two-of-it',
    ),
  )
  .filter((value) => value.trim().length >= 8 && new Set(value).size >= 4 && value.isWellFormed());
/** Text around it that has none of its characters in a row. */
const someText = fc.string({ maxLength: 300, unit: fc.constantFrom(...'\u00a7\u00b6 \n\t'.split('')) });

const ENCODERS: Readonly<Record<string, (value: string) => string>> = {
  raw: (value) => value,
  base64: (value) => Buffer.from(value).toString('base64'),
  'base64 after one byte': (value) => Buffer.from(`x${value}`).toString('base64'),
  'base64 after two bytes': (value) => Buffer.from(`xy${value}zz`).toString('base64'),
  'base64 as a password': (value) => Buffer.from(`some-user:${value}`).toString('base64'),
  base64url: (value) => Buffer.from(value).toString('base64url'),
  hex: (value) => Buffer.from(value).toString('hex'),
  'hex in capitals': (value) => Buffer.from(value).toString('hex').toUpperCase(),
  'URL component': encodeURIComponent,
  'URL in small letters': (value) =>
    encodeURIComponent(value).replaceAll(/%../g, (code) => code.toLowerCase()),
  form: (value) => new URLSearchParams({ v: value }).toString().slice(2),
  JSON: (value) => JSON.stringify(value).slice(1, -1),
  'JSON in JSON': (value) => JSON.stringify(JSON.stringify(value).slice(1, -1)).slice(1, -1),
  'JSON for HTML': (value) =>
    JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026'),
  'single quotes': (value) => `'${value.replaceAll("'", "'\\''")}'`,
  HTML: (value) =>
    value
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;'),
  SQL: (value) => value.replaceAll("'", "''"),
};

/** Runs of the encoded secret's own text that are still to be seen: none of eight characters may be. */
function leaks(encoded: string, shown: string): boolean {
  for (let at = 0; at + 8 <= encoded.length; at += 1) {
    const run = encoded.slice(at, at + 8);
    // A run of the mask's own letters is no leak.
    if (new Set(run).size >= 4 && shown.includes(run) && !MASK.includes(run)) return true;
  }
  return false;
}

describe('the redactor', () => {
  for (const [form, encode] of Object.entries(ENCODERS)) {
    it(`hides a secret printed as ${form}`, () => {
      fc.assert(
        fc.property(aSecret, someText, someText, (secret, before, after) => {
          const encoded = encode(secret);
          const shown = createRedactor([secret]).redact(before + encoded + after);
          // What stands around it in the encoding, such as a user's name, may be seen.
          const visible =
            form.includes('after') || form.includes('as a password') ? encoded.slice(16, -8) : encoded;
          return !leaks(visible, shown);
        }),
        { numRuns: 300 },
      );
    });
  }

  it('hides a secret that bash itself has quoted', () => {
    for (const secret of [`it's "quoted" & <odd>`, 'p@ss:w/rd\\$HOME`id`', 'two  blanks;and#more']) {
      const quoted = execFileSync('bash', ['-c', 'printf "%q\\n" "$1"', '-', secret], { encoding: 'utf8' });
      expect(createRedactor([secret]).redact(quoted).trim()).toBe(MASK);
    }
  });

  it('hides every line of a secret that has several', () => {
    const key = ['first-line-of-key', 'second-line-of-key', 'third-line-of-key'].join('\n');
    const redactor = createRedactor([key]);
    for (const line of key.split('\n')) expect(redactor.redact(`> ${line} <`)).toBe(`> ${MASK} <`);
  });

  it('hides both of two secrets that overlap, and one that ends within another', () => {
    const redactor = createRedactor(['abcdefgh1234', '1234ijklmnop']);
    expect(redactor.redact('x abcdefgh1234ijklmnop x')).toBe(`x ${MASK} x`);
  });

  it('leaves other text as it is, byte for byte', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), (text) => {
        const redactor = createRedactor(['\u{1f511}\u{1f511}\u{1f511}secret\u{1f511}\u{1f511}']);
        return redactor.redact(text) === text;
      }),
    );
  });

  it('hides a secret that is added later', () => {
    const redactor = createRedactor();
    expect(redactor.redact('late-secret-1')).toBe('late-secret-1');
    redactor.add('late-secret-1');
    expect(redactor.redact('late-secret-1')).toBe(MASK);
  });
});

describe('the rules of format', () => {
  const redact = createRedactor().redact;
  it.each([
    ['Authorization: Bearer abc.def-123', `Authorization: Bearer ${MASK}`],
    ['{"authorization":"Basic dXNlcjpwYXNz","a":1}', `{"authorization":"Basic ${MASK}","a":1}`],
    ['proxy-authorization: Digest username="x"', `proxy-authorization: Digest ${MASK}"x"`],
    ['postgres://shop:s3cr3t@db:5432/x', `postgres://shop:${MASK}@db:5432/x`],
    [
      'https://user:p@ss@host/path and https://host/a:b@c',
      `https://user:${MASK}@host/path and https://host/a:b@c`,
    ],
    ['redis://:only-a-password@cache', `redis://:${MASK}@cache`],
    [`token ghp_${'a1B2'.repeat(9)} end`, `token ${MASK} end`],
    [`github_pat_${'a1B2'.repeat(9)}`, MASK],
    ['key AKIAIOSFODNN7EXAMPLE.', `key ${MASK}.`],
    ['aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', `aws_secret_access_key = ${MASK}`],
    ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl!', `jwt ${MASK}!`],
    [
      '-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nafter',
      `-----BEGIN RSA PRIVATE KEY-----${MASK}-----END RSA PRIVATE KEY-----\nafter`,
    ],
    ['-----BEGIN PRIVATE KEY-----\nMIIE', `-----BEGIN PRIVATE KEY-----${MASK}`],
    ['http://host:8080/path?a=b@c', 'http://host:8080/path?a=b@c'],
    [
      '-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----',
      '-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----',
    ],
  ])('%s', (text, shown) => {
    expect(redact(text)).toBe(shown);
  });

  it('are not slow on text that was made to make them slow', () => {
    const begun = performance.now();
    for (const unit of [
      'eyJ',
      'a://',
      '://:',
      '://a:',
      '-----BEGIN PRIVATE KEY-----',
      'authorization:',
      'bearer ',
      'ghp_',
      'AKIA',
      'eyJaaaaaaaaa.eyJ',
      'a',
    ])
      redact(unit.repeat(200_000 / unit.length));
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});

describe('the stream redactor', () => {
  it('shows no secret, wherever the chunks are cut, and the same as for the whole', () => {
    fc.assert(
      fc.property(
        aSecret,
        fc.array(fc.tuple(someText, fc.constantFrom(...Object.values(ENCODERS))), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 30 }),
        (secret, parts, sizes) => {
          const text = parts.map(([before, encode]) => `${before.repeat(8)} ${encode(secret)} `).join('');
          const redactor = createRedactor([secret]);
          const stream = createStreamRedactor(redactor);
          let shown = '';
          for (let at = 0, turn = 0; at < text.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            shown += stream.push(text.slice(at, at + size));
            at += size;
          }
          shown += stream.end();
          return shown === redactor.redact(text);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('keeps a header, a URL and a key together although they are longer than what it holds back', () => {
    const redactor = createRedactor();
    for (const [before, length, after] of [
      ['Authorization: Bearer ', 10_000, '\nnext'],
      ['-----BEGIN PRIVATE KEY-----\n', 300_000, '\n-----END PRIVATE KEY-----\nnext'],
      ['-----BEGIN PRIVATE KEY-----\n', 300_000, ''],
      ['postgres://u:', 900, '@h/d next'],
    ] as const) {
      const text = `${'filler '.repeat(1000)}${before}${'Zq9'.repeat(length / 3)}${after}`;
      const stream = createStreamRedactor(redactor);
      let shown = '';
      for (let at = 0; at < text.length; at += 777) shown += stream.push(text.slice(at, at + 777));
      shown += stream.end();
      expect(shown).not.toContain('Zq9');
      expect(shown).toBe(redactor.redact(text));
    }
  });

  it('does not hold more than a little of what never ends', () => {
    const stream = createStreamRedactor(createRedactor(['some-secret-value']));
    let shown = stream.push('begin ');
    for (let n = 0; n < 200; n += 1) shown += stream.push('x'.repeat(1000));
    expect(shown.length).toBeGreaterThan(190_000);
  });
});

describe('the line redactor', () => {
  it('hides the lines of a private key that come one by one, and what follows is seen again', () => {
    const line = createLineRedactor(createRedactor());
    const lines = [
      'before',
      '-----BEGIN OPENSSH PRIVATE KEY-----',
      'b3BlbnNzaC1rZXk',
      'AAAA',
      '-----END OPENSSH PRIVATE KEY-----',
      'after',
    ];
    const shown = lines.map(line);
    expect(shown.join('\n')).not.toMatch(/b3Blb|AAAA/);
    expect([shown[0], shown.at(-1)]).toEqual(['before', 'after']);
  });
});
