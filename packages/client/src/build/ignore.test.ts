import { IgnoreRules, ignoreLines } from './ignore.ts';

const rules = (text: string): IgnoreRules => new IgnoreRules(ignoreLines(text));
const left = (text: string, paths: readonly string[]): string[] =>
  paths.filter((path) => !rules(text).ignores(path));

describe('.dockerignore', () => {
  test.each<[string, string[], string[]]>([
    ['*.md\n!README.md', ['a.md', 'README.md', 'docs/a.md'], ['README.md', 'docs/a.md']],
    ['**/*.md', ['a.md', 'docs/deep/a.md', 'a.txt'], ['a.txt']],
    ['node_modules', ['node_modules', 'node_modules/x/y', 'sub/node_modules'], ['sub/node_modules']],
    ['/dir/', ['dir', 'dir/a', 'directory'], ['directory']],
    ['*', ['a', 'b/c'], []],
    ['*\n!src/**', ['a', 'src/x', 'src/y/z'], ['src/x', 'src/y/z']],
    ['dir/**', ['dir', 'dir/a', 'dir/a/b'], ['dir']],
    ['a?c[0-9]', ['abc1', 'abc', 'a/c1'], ['abc', 'a/c1']],
    ['# comment\n\n  b  \n', ['# comment', 'b'], ['# comment']],
    ['a.b', ['aXb', 'a.b'], ['aXb']],
    ['x/../y', ['x', 'y'], ['x']],
    ['\\*', ['*', 'a'], ['a']],
    [
      'dir\n!dir/keep\ndir/keep/not',
      ['dir/a', 'dir/keep', 'dir/keep/it', 'dir/keep/not'],
      ['dir/keep', 'dir/keep/it'],
    ],
  ])('%j', (text, paths, expected) => {
    expect(left(text, paths)).toEqual(expected);
  });

  test('a folder is entered only when something inside may come back', () => {
    const some = rules('*\n!src/lib/a\n!**/keep');
    expect(some.mayHoldExceptions('src')).toBe(true);
    expect(some.mayHoldExceptions('src/lib')).toBe(true);
    // The second exception could be anywhere.
    expect(some.mayHoldExceptions('other')).toBe(true);
    expect(rules('*\n!src/lib/a').mayHoldExceptions('other')).toBe(false);
  });

  test('a pattern that is none is refused', () => {
    expect(() => rules('[a')).toThrow('syntax error in pattern');
    expect(() => rules('!')).toThrow('illegal exclusion pattern');
  });

  test('no pattern takes long', () => {
    const many = rules(`${'*a'.repeat(500)}b\n${'**/*a'.repeat(200)}b\n${'a*'.repeat(30)}b`);
    const before = process.cpuUsage();
    expect(many.ignores('a'.repeat(4000))).toBe(false);
    expect(many.ignores('a/'.repeat(500))).toBe(false);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(500);
  });
});
