import { parseDockerfile } from './parse.ts';
import { expandWord, expandWords, splitWords } from './words.ts';

const variables: Record<string, string> = {
  a: 'one',
  path: '/usr/lib/x.tar.gz',
  two: 'x y',
  empty: '',
};
const lookup = (name: string) => variables[name];

describe('words', () => {
  test.each([
    ['$a', 'one'],
    ['${a}b', 'oneb'],
    ["'$a'", '$a'],
    ['"$a"', 'one'],
    ['\\$a', '$a'],
    ['${no:-x}', 'x'],
    ['${empty:-x}', 'x'],
    ['${empty-x}', ''],
    ['${a:+set}', 'set'],
    ['${no:+set}', ''],
    ['${no:-${a}}', 'one'],
    ['${path#*/}', 'usr/lib/x.tar.gz'],
    ['${path##*/}', 'x.tar.gz'],
    ['${path%.*}', '/usr/lib/x.tar'],
    ['${path%%.*}', '/usr/lib/x'],
    ['${path/usr/opt}', '/opt/lib/x.tar.gz'],
    ['${path//x/y}', '/usr/lib/y.tar.gz'],
    ['a\\ b', 'a b'],
    ['$', '$'],
  ])('%s is %s', (text, want) => {
    expect(expandWord(text, lookup)).toBe(want);
  });

  test('a required variable that is unset is an error with its text', () => {
    expect(() => expandWord('${no:?give it}', lookup)).toThrow('no: give it');
  });

  test('an unclosed quote and an unknown operator are errors', () => {
    expect(() => expandWord('"a', lookup)).toThrow('double-quote');
    expect(() => expandWord('${a:z}', lookup)).toThrow('unsupported modifier (:z) in substitution');
  });

  test('words split at blanks outside quotes', () => {
    expect(splitWords('a "b c" d\\ e')).toEqual(['a', '"b c"', 'd\\ e']);
    expect(expandWords('$two "$two"', lookup)).toEqual(['x', 'y', 'x y']);
  });
});

describe('parse', () => {
  test('continuations, comments between them, flags, JSON forms', () => {
    const { instructions } = parseDockerfile(
      '# c\nFROM --platform=linux/amd64 a AS b\nrun echo a && \\\n  # comment\n\n  echo b\nCMD ["x", "y"]\nRUN [ "a" ] || b\n',
    );
    expect(instructions.map(({ name, line, endLine }) => [name, line, endLine])).toEqual([
      ['FROM', 2, 2],
      ['RUN', 3, 6],
      ['CMD', 7, 7],
      ['RUN', 8, 8],
    ]);
    expect(instructions[0]!.flags).toEqual([{ name: 'platform', value: 'linux/amd64', bare: false }]);
    expect(instructions[1]!.rest).toBe('echo a &&   echo b');
    expect(instructions[2]!.json).toEqual(['x', 'y']);
    expect(instructions[3]!.json).toBeNull();
  });

  test('the escape directive', () => {
    const { instructions, escape: escaper } = parseDockerfile('# escape=`\nFROM a\nRUN one `\n two\\\n');
    expect(escaper).toBe('`');
    expect(instructions[1]!.rest).toBe('one  two\\');
  });

  test('here-documents', () => {
    const { instructions } = parseDockerfile("FROM a\nCOPY <<-one <<'two' /d/\n\ta$b\none\nc\ntwo\nRUN x\n");
    expect(instructions[1]!.heredocs).toEqual([
      { name: 'one', chomp: true, expand: true, content: 'a$b\n' },
      { name: 'two', chomp: false, expand: false, content: 'c\n' },
    ]);
    expect(instructions[2]!.name).toBe('RUN');
    expect(() => parseDockerfile('FROM a\nRUN <<X\nb\n')).toThrow('unterminated heredoc');
  });

  test('unknown instructions are named with their line', () => {
    expect(() => parseDockerfile('FROM a\nFOO b\n')).toThrow(
      'dockerfile parse error on line 2: unknown instruction: FOO',
    );
  });
});
