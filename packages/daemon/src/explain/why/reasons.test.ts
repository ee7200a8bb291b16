import { UNKNOWN_NAMES } from './names.ts';
import { REASONS } from './reasons.ts';

const nameIn = (line: string) => UNKNOWN_NAMES.map((pattern) => pattern.exec(line)?.[1]).find(Boolean);

test.each([
  ['curl: (6) Could not resolve host: db.example', 'db.example'],
  ["wget: bad address 'db'", 'db'],
  ['dial tcp: lookup db on 127.0.0.11:53: no such host', 'db'],
  ['Error: getaddrinfo ENOTFOUND db', 'db'],
  ['psql: could not translate host name "db" to address: Name or service not known', 'db'],
  ['ping: my-db.example: Name or service not known', 'my-db.example'],
  ['"db": Temporary failure in name resolution', 'db'],
])('%s', (line, name) => {
  expect(nameIn(line)).toBe(name);
});

test.each([['a'], ['-'], ["'a"], ['a: ']])('a line of %j that a program writes holds nothing up', (text) => {
  const line = text.repeat(4096 / text.length);
  const began = performance.now();
  for (let count = 0; count < 10; count++) nameIn(line);
  expect(performance.now() - began).toBeLessThan(250);
});

const causeOf = (line: string) => REASONS.find(({ pattern }) => pattern.test(line))?.cause;

test.each([
  ['max virtual memory areas vm.max_map_count [65530] is too low', 'host-setting'],
  ['fs.inotify.max_user_watches too low', 'host-setting'],
  ["python: can't open file '/app/x.py': [Errno 2] No such file or directory", 'file-missing'],
  ['sh: line 1: NAME: unbound variable', 'variable-missing'],
])('%s', (line, cause) => {
  expect(causeOf(line)).toBe(cause);
});

test.each(['a', 'a.', 'fs.a.fs.', 'vm.a.', "can't open ", 'a_b: ', '/dev/a', 'bind EACCES '])(
  'lines of %j that a program writes hold nothing up',
  (text) => {
    const line = text.repeat(4096 / text.length);
    const began = performance.now();
    for (let count = 0; count < 20; count++) for (const { pattern } of REASONS) pattern.exec(line);
    expect(performance.now() - began).toBeLessThan(100);
  },
);
