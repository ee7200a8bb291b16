import { belongsTo, parseChallenges } from './auth.ts';
import { answerError, isTransient } from './errors.ts';
import { parseHosts } from './hosts-file.ts';
import { proxyFor } from './proxy.ts';
import { nextPage } from './repository.ts';

test.each([
  [
    'Bearer realm="https://auth.example/token",service="reg, istry",scope="repository:a:pull,push"',
    [
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://auth.example/token',
          service: 'reg, istry',
          scope: 'repository:a:pull,push',
        },
      },
    ],
  ],
  [
    'Basic realm="a \\"b\\"", Bearer realm=x',
    [
      { scheme: 'basic', parameters: { realm: 'a "b"' } },
      { scheme: 'bearer', parameters: { realm: 'x' } },
    ],
  ],
  ['', []],
])('challenge %s', (header, challenges) => {
  expect(parseChallenges(header)).toEqual(challenges);
});

test.each([
  ['https://index.docker.io/v1/', 'docker.io', true],
  ['', 'docker.io', true],
  ['registry.example', 'registry.example:5000', true],
  ['registry.example:5001', 'registry.example:5000', false],
  ['https://evil.example', 'registry.example', false],
])('credentials of %s for %s: %s', (address, domain, belongs) => {
  expect(belongsTo(address, domain)).toBe(belongs);
});

test.each([
  [
    400,
    '{"errors":[{"code":"NAME_INVALID","message":"invalid repository name"}]}',
    'name invalid: invalid repository name',
  ],
  [429, '{"errors":[{"code":"TOOMANYREQUESTS"}]}', 'toomanyrequests: too many requests'],
  [401, '', 'unauthorized: authentication required'],
  [401, '{"errors":[{"Code":"UNAUTHORIZED","Message":"no"}]}', 'unauthorized: no'],
  [404, '{}', 'error parsing HTTP 404 response body: no error details found in HTTP response body: "{}"'],
  [502, '', 'received unexpected HTTP status: 502 Bad Gateway'],
  [404, '{"errors":[{"code":"constructor"}]}', 'constructor: constructor'],
  [404, '{"errors":[{"code":"__proto__"}]}', '  proto  : __proto__'],
])('an answer of status %d: %s', (status, body, text) => {
  const error = answerError(status, body);
  expect(error.message).toBe(text);
  expect(typeof error.kind).toBe('string');
});

test('where a list goes on is found in linear time', () => {
  expect(nextPage('</v2/a/tags/list?n=9>; rel="first", </v2/a/tags/list?n=1>; rel="next"')).toBe(
    '/v2/a/tags/list?n=1',
  );
  const seconds = (length: number) => {
    const begin = process.cpuUsage();
    for (let times = 0; times < 20; times += 1) expect(nextPage('<'.repeat(length))).toBeUndefined();
    const { user, system } = process.cpuUsage(begin);
    return (user + system) / 1e6;
  };
  // What a header may have; in quadratic time it takes 2 s of the processor.
  expect(Math.min(seconds(16_000), seconds(16_000), seconds(16_000))).toBeLessThan(0.5);
});

test('a challenge that names what all objects have is no error that we know', () => {
  expect(answerError(401, '', { error: 'constructor' }).message).toBe(
    'unauthorized: authentication required',
  );
});

test.each([
  [503, '', true],
  [429, '', true],
  // A limit that was reached, as Docker Hub tells it.
  [429, '{"errors":[{"code":"TOOMANYREQUESTS"}]}', false],
  [401, '', false],
])('an answer of status %d %s is worth another attempt: %s', (status, body, worth) => {
  expect(isTransient(answerError(status, body))).toBe(worth);
});

test('a hosts.toml', () => {
  expect(
    parseHosts(`
server = "https://registry.example" # the registry
[host."https://near.example:5000"]
  capabilities = ["pull"]
  ca = ["a.pem", '/b.pem']
  client = [["c.pem", "c.key"]]
  skip_verify = true
[host."push.example"]
  capabilities = ["push"]
`),
  ).toEqual([
    {
      url: 'https://near.example:5000',
      pull: true,
      skipVerify: true,
      ca: ['a.pem', '/b.pem'],
      client: ['c.pem', 'c.key'],
    },
    { url: 'https://push.example', pull: false, skipVerify: false, ca: [] },
  ]);
});

test('a hosts.toml in the other ways to write it, and one that is none', () => {
  expect(parseHosts('host."a.example" = { ca = "one.pem", client = ["c.pem", "c.key"] }')).toEqual([
    { url: 'https://a.example', pull: true, skipVerify: false, ca: ['one.pem'], client: ['c.pem', 'c.key'] },
  ]);
  expect(parseHosts('server = "https://registry.example"')).toEqual([]);
  expect(() => parseHosts('[host."a.example"\n')).toThrow(/Invalid TOML document.*\n1:/s);
});

const proxies = {
  httpProxy: 'http://web:3128',
  httpsProxy: 'secure:3129',
  noProxy: 'internal.example,.corp.example,10.0.0.0/8,192.168.1.1,other.example:8443',
};
test.each([
  ['http://registry.example/', 'http://web:3128'],
  ['https://registry.example/', 'http://secure:3129'],
  ['https://internal.example/', undefined],
  ['https://a.internal.example/', undefined],
  ['https://corp.example/', 'http://secure:3129'],
  ['https://a.corp.example/', undefined],
  ['https://10.1.2.3/', undefined],
  ['https://192.168.1.1/', undefined],
  ['https://192.168.1.2/', 'http://secure:3129'],
  ['https://other.example:8443/', undefined],
  ['https://other.example/', 'http://secure:3129'],
  ['http://127.0.0.1:5000/', undefined],
  ['http://localhost:5000/', undefined],
])('the proxy for %s', (url, proxy) => {
  expect(proxyFor(new URL(url), proxies)).toBe(proxy);
});
