import { BuildArguments } from './arguments.ts';
import { applyChanges } from './changes.ts';
import { checkInstruction } from './check.ts';
import { ignoreFilter } from './ignore.ts';
import { parseMount } from './mounts.ts';
import { parseDockerfile, parseInSlices } from './parse.ts';
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
    // Text after an array is not looked at, as dockerd does.
    expect(instructions[3]!.json).toEqual(['a']);
  });

  test('the escape directive', () => {
    const { instructions, escape: escaper } = parseDockerfile('# escape=`\nFROM a\nRUN one `\n two\\\n');
    expect(escaper).toBe('`');
    expect(instructions[1]!.rest).toBe('one  two\\');
  });

  test('here-documents', () => {
    const { instructions } = parseDockerfile("FROM a\nCOPY <<-one <<'two' /d/\n\ta$b\none\nc\ntwo\nRUN x\n");
    expect(instructions[1]!.heredocs).toEqual([
      { name: 'one', chomp: true, expand: true, content: '\ta$b\n' },
      { name: 'two', chomp: false, expand: false, content: 'c\n' },
    ]);
    expect(instructions[2]!.name).toBe('RUN');
    expect(() => parseDockerfile('FROM a\nRUN <<X\nb\n')).toThrow('unterminated heredoc');
  });

  test('unknown instructions are named with their line', () => {
    const check = (text: string) => {
      for (const instruction of parseDockerfile(text).instructions) checkInstruction(instruction);
    };
    expect(() => check('FROM a\nFOO b\n')).toThrow(
      'dockerfile parse error on line 2: unknown instruction: FOO',
    );
    expect(() => check('FROM a\nCOY b c\n')).toThrow('unknown instruction: COY (did you mean COPY?)');
    expect(() => check('FROM a\nEXPOSE\nFOO b\n')).toThrow('line 2: EXPOSE requires at least one argument');
  });
});

describe('changes of commit and import', () => {
  test('the whole language of words is theirs as well', async () => {
    const config = await applyChanges({ Env: ['P=/usr/lib/x.tar.gz'] }, [
      'ENV A=${P##*/} B="${P%.gz}"',
      'WORKDIR /w/${A%%.*}',
      'LABEL b=2 a=1',
      'ONBUILD HEALTHCHECK --interval=3s CMD x',
      'ENTRYPOINT ["a"] trailing',
    ]);
    expect(config).toMatchObject({
      Env: ['P=/usr/lib/x.tar.gz', 'A=x.tar.gz', 'B=/usr/lib/x.tar'],
      WorkingDir: '/w/x',
      OnBuild: ['HEALTHCHECK --interval=3s CMD x'],
      Entrypoint: ['a'],
      Cmd: null,
    });
    expect(Object.keys(config.Labels!)).toEqual(['a', 'b']);
  });

  test.each([
    ['RUN x', 'RUN is not a valid change command'],
    ['foo x', 'foo is not a valid change command'],
    ['EXPOSE', /^EXPOSE requires at least one argument$/],
    ['EXPOSE x', /^Invalid containerPort: x$/],
    ['ENV a', /^ENV must have two arguments$/],
    ['HEALTHCHECK --retries=x CMD a', /^strconv.ParseInt: parsing "x": invalid syntax$/],
    ['CMD ["a", 1]', /^when using JSON array syntax, arrays must be comprised of strings only$/],
    ['STOPSIGNAL SIGNO', /^invalid signal: SIGNO$/],
  ])('%s is refused', async (change, message) => {
    await expect(applyChanges({}, [change])).rejects.toThrow(message);
  });

  test('thousands of them leave others their turn, and each name its place', async () => {
    const names = Array.from({ length: 2000 }, (_, index) => index);
    const changes = names.flatMap((index) => [
      `ENV E${index}=$F F=$F.`,
      ...(index < 100 ? [`LABEL l${index}=1`] : []),
    ]);
    let turns = 0;
    const others = setInterval(() => turns++, 1);
    const config = await applyChanges({ Env: ['A=1', 'F=1', 'F=2'] }, changes);
    clearInterval(others);
    // How many depends on the machine; done in one go it is none.
    expect(turns).toBeGreaterThan(0);
    expect(config.Env?.slice(0, 5)).toEqual(['A=1', 'F=2.', 'F=2', 'E0=2', 'E1=2']);
    expect(config.Env).toHaveLength(2003);
  });
});

describe('mounts', () => {
  test.each([
    ['type=nope,target=/x', 'unsupported mount type "nope"'],
    ['type=cach,target=/x', 'unsupported mount type "cach" (did you mean cache?)'],
    ['type=bind,tagret=/x', "unexpected key 'tagret' in 'tagret=/x' (did you mean target?)"],
    ['target=/x,mode=0700', 'mode not allowed for "bind" type mounts'],
    ['target=/x,sharing=locked', 'invalid cache sharing set for bind mount'],
    ['type=secret,id=a,source=b', "both source and id can't be set"],
    ['type=tmpfs,target=/x,size=lots', 'invalid value for size: lots'],
    ['type=cache,target=/x,required', "unexpected key 'required' for mount type 'cache'"],
    ['type=cache', 'invalid mount target "/"'],
  ])('%s is refused', (text, message) => {
    expect(() => parseMount(text, '/')).toThrow(message);
  });

  test('sizes are read in their units, variables in their place', () => {
    expect(parseMount('type=tmpfs,"target=/a,b",size=64m', '/')).toMatchObject({
      target: '/a,b',
      size: 64 << 20,
    });
    expect(parseMount('type=cache,target=sub,ro', '/w', (text) => text)).toMatchObject({
      target: '/w/sub',
      readonly: true,
    });
  });
});

test('words in each other have a bounded depth', () => {
  const nested = (depth: number) => `${'${a:-'.repeat(depth)}x${'}'.repeat(depth)}`;
  expect(expandWord(nested(250), () => undefined)).toBe('x');
  expect(() => expandWord(nested(251), () => undefined)).toThrow('nested too deeply');
  expect(() => expandWord(nested(100_000), () => undefined)).toThrow('nested too deeply');
});

test('ONBUILD after ONBUILD is refused, however often it stands there', () => {
  for (const count of [2, 8000]) {
    const [, chained] = parseDockerfile(`FROM a\n${'ONBUILD '.repeat(count)}RUN x`).instructions;
    expect(() => checkInstruction(chained!)).toThrow("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
});

test('an argument may have the name of a member that every object has', () => {
  const args = new BuildArguments({ toString: 'given' });
  for (const name of ['constructor', '__proto__', 'toString']) args.declare(name, undefined);
  expect([...args.asMeta()]).toEqual([
    ['constructor', undefined],
    ['__proto__', undefined],
    ['toString', 'given'],
  ]);
});

test.each([
  ['carriage returns', `FROM a\nRUN x${'\r'.repeat(65_000)}y`],
  ['comments', `FROM a\n${'# b\n'.repeat(100_000)}RUN x`],
])('a long run of %s takes no longer than its length asks for', (_, text) => {
  const before = process.threadCpuUsage();
  expect(parseDockerfile(text).instructions).toHaveLength(2);
  // Looked at once for each of them, they took more than a second.
  expect(process.threadCpuUsage(before).user / 1000).toBeLessThan(500);
});

test.each([
  [`RUN ${'x'.repeat(65_532)}`, 'dockerfile line greater than max allowed size of 65535'],
  ['\n'.repeat(200_001), 'more than 200000 lines'],
  [`ENV a=b ${'c=d \\\n'.repeat(70_000)}`, 'the instruction is longer than 256 KB'],
  ['ENV a=b\n'.repeat(5000), 'more than 5000 instructions'],
  [`RUN <<E\n${`${'x'.repeat(60_000)}\n`.repeat(300)}E`, 'larger than 16 MB'],
])('a Dockerfile that would hold the daemon is refused', (text, reason) => {
  expect(() => parseDockerfile(`FROM a\n${text}`)).toThrow(reason);
});

test.each([
  ['*x*\n'.repeat(2001), 'more than 2000 patterns'],
  [`${'*a'.repeat(500)}\n`.repeat(132), 'more than 128 KB'],
  ['\n'.repeat((1 << 20) + 1), 'larger than 1 MB'],
])('a .dockerignore that would hold the daemon is refused', (text, reason) => {
  expect(() => ignoreFilter(text)).toThrow(reason);
});

test('a .dockerignore of as many patterns as there may be takes little time', () => {
  const before = process.threadCpuUsage();
  const ignored = ignoreFilter(`${'**/'.repeat(5)}${'*a'.repeat(20)}b\n`.repeat(2000));
  for (let at = 0; at < 5; at += 1) expect(ignored(`d/${'a'.repeat(60)}${at}`)).toBe(false);
  expect(process.threadCpuUsage(before).user / 1000).toBeLessThan(500);
});

test('a long Dockerfile is parsed while others have their turn', async () => {
  const long = `FROM a\n${`ENV ${'a=b '.repeat(5000)}\n`.repeat(80)}`;
  let turns = 0;
  const others = setInterval(() => turns++, 1);
  const { instructions } = await parseInSlices(long);
  clearInterval(others);
  expect(instructions).toHaveLength(81);
  expect(turns).toBeGreaterThan(3);
});
