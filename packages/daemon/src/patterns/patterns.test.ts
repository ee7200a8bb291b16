import fc from 'fast-check';
import { compileExpression, filterMatcher } from './expression.ts';
import { compileGlob } from './glob.ts';
import { replacePattern, stripPrefix, stripSuffix } from './shell.ts';

/** CPU time that a call takes, in milliseconds: a loaded machine does not make it longer. */
function cpu(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The slow model: tries everything. Patterns of `*`, `?`, `**` and plain characters. */
function slowly(pattern: string, text: string, deep: boolean): boolean {
  if (pattern === '') return text === '';
  if (deep && pattern.startsWith('**')) {
    const rest = pattern.slice(2).replace(/^\//, '');
    if (rest === '') return true;
    if (slowly(rest, text, deep)) return true;
    for (let at = 0; at < text.length; at++)
      if (text[at] === '/' && slowly(rest, text.slice(at + 1), deep)) return true;
    return false;
  }
  if (pattern[0] === '*') {
    for (let at = 0; at <= text.length; at++) {
      if (slowly(pattern.slice(1), text.slice(at), deep)) return true;
      if (text[at] === '/') return false;
    }
    return false;
  }
  if (text === '' || (pattern[0] === '?' ? text[0] === '/' : pattern[0] !== text[0])) return false;
  return slowly(pattern.slice(1), text.slice(1), deep);
}

const letters = (of: string[], maxLength: number) => fc.string({ unit: fc.constantFrom(...of), maxLength });

describe('globs', () => {
  test.each([false, true])('agree with the slow model, ** over folders: %s', (deep) => {
    fc.assert(
      fc.property(letters(['a', 'b', '/', '*', '?'], 8), letters(['a', 'b', '/'], 10), (pattern, text) => {
        // Three stars in a row are read from the left.
        expect(compileGlob(pattern, { deep }).test(text)).toBe(slowly(pattern, text, deep));
      }),
      { numRuns: 3000 },
    );
  });

  test('a folder that matches takes what is in it along', () => {
    fc.assert(
      fc.property(letters(['a', 'b', '/', '*', '?'], 6), letters(['a', 'b', '/'], 10), (pattern, path) => {
        const parents = path.split('/').map((_, index, all) => all.slice(0, index + 1).join('/'));
        const glob = compileGlob(pattern, { deep: true });
        expect(glob.testWithParents(path)).toBe(parents.some((part) => glob.test(part)));
      }),
    );
  });

  test.each([
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[!a]x', '!x', true],
    ['[\\]]', ']', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['?', 'é', true],
    ['?', '😀', true],
    ['[😀-😂]', '😁', true],
    [`${'x'.repeat(70)}*`, `${'x'.repeat(70)}yz`, true],
    [`${'x'.repeat(70)}*`, 'x'.repeat(69), false],
  ])('%s and %s: %s', (pattern, text, matches) => {
    expect(compileGlob(pattern).test(text)).toBe(matches);
  });

  test.each(['[', '[]', '[a', '\\', '[a-]', '[^]', '[-a]', 'a[b-'])('%s is refused', (pattern) => {
    expect(() => compileGlob(pattern)).toThrow('syntax error in pattern');
  });

  test('no pattern takes long', () => {
    const pattern = '*a'.repeat(2000);
    expect(cpu(() => compileGlob(pattern).test(`${'a'.repeat(4000)}b`))).toBeLessThan(300);
    expect(
      cpu(() => compileGlob('**/*a'.repeat(500), { deep: true }).testWithParents('a/'.repeat(2000))),
    ).toBeLessThan(300);
    expect(cpu(() => compileGlob('*?'.repeat(1500)).test(`${'b'.repeat(3000)}/`))).toBeLessThan(300);
  });
});

/** The shell's pattern as an expression of JavaScript, for short texts. */
const asRegExp = (pattern: string, greedy: boolean) =>
  pattern
    .replace(/\*+/g, greedy ? '.*' : '.*?')
    .replaceAll('?', (found, at, all: string) => (all[at - 1] === '*' ? found : '.'));

describe('parameter expansion', () => {
  const pattern = letters(['a', 'b', '*', '?'], 6).filter((text) => !text.includes('*?'));
  const value = letters(['a', 'b', 'c', '\n'], 10);

  test('prefixes and suffixes agree with expressions that backtrack', () => {
    fc.assert(
      fc.property(pattern, value, fc.boolean(), (glob, text, longest) => {
        const expression = asRegExp(glob, longest);
        expect(stripPrefix(text, glob, longest)).toBe(text.replace(new RegExp(`^(?:${expression})`), ''));
        const suffixes = Array.from({ length: text.length + 1 }, (_, from) => text.slice(from)).filter(
          (end) => new RegExp(`^(?:${expression})$`).test(end),
        );
        const end = (longest ? suffixes[0] : suffixes.at(-1)) ?? '';
        expect(stripSuffix(text, glob, longest)).toBe(text.slice(0, text.length - end.length));
      }),
      { numRuns: 2000 },
    );
  });

  test('replacements agree with expressions that backtrack', () => {
    fc.assert(
      fc.property(
        pattern.filter((text) => /[ab?]/.test(text)),
        value,
        fc.boolean(),
        (glob, text, all) => {
          const expression = new RegExp(asRegExp(glob, true), all ? 'g' : '');
          expect(replacePattern(text, glob, '<>', all)).toBe(text.replace(expression, '<>'));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('no pattern takes long', () => {
    const text = `${'a'.repeat(20_000)}`;
    expect(cpu(() => replacePattern(text, '*a*a*a*a*b', 'x', true))).toBeLessThan(300);
    expect(cpu(() => replacePattern(text, 'a', 'x', true))).toBeLessThan(300);
    expect(cpu(() => stripPrefix(text, '*a*a*a*a*b', true))).toBeLessThan(300);
    expect(cpu(() => stripSuffix(text, 'b*a*a*a*a*', false))).toBeLessThan(300);
  });
});

describe('expressions', () => {
  test.each([
    ['web', 'my-web-1', true],
    ['^web', 'my-web-1', false],
    ['^/?web$', 'web', true],
    ['^web$', 'web', true],
    ['w.b', 'wxb', true],
    ['[[:digit:]]+', 'a1', true],
    ['(?i)WEB', 'web', true],
    ['\\pL', 'é', true],
    ['a|b', 'xbx', true],
    ['', 'anything', true],
  ])('%s in %s: %s', async (expression, text, matches) => {
    expect((await compileExpression(expression))(text)).toBe(matches);
  });

  test.each([
    ['[a', 'error parsing regexp: missing closing ]: `[a`'],
    ['a**', 'error parsing regexp: invalid nested repetition operator: `**`'],
    ['(?=a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
    ['x'.repeat(5000).concat('.'), 'error parsing regexp: expression too large'],
  ])("%s is refused in Go's words", async (expression, message) => {
    await expect(compileExpression(expression)).rejects.toThrow(message);
  });

  test('a filter value that is no expression matches only itself', async () => {
    const matches = await filterMatcher(['[a', 'b.']);
    expect(['[a', 'bc', 'x[a', 'a'].map(matches)).toEqual([true, true, false, false]);
  });

  test('no expression takes long', async () => {
    for (const text of ['(a+)+$', '(a|a)*b', '(.*)*x', 'a*a*a*a*a*a*a*a*b']) {
      const matches = await compileExpression(text);
      matches('a');
      expect(cpu(() => matches('a'.repeat(2000)))).toBeLessThan(500);
    }
  });
});
