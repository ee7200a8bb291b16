import { UNKNOWN_NAMES } from './names.ts';

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
