import { isForeign } from './browsers.ts';

const host = '127.0.0.1:2375';

test.each([
  ['a client', { host: 'docker:2375', 'user-agent': 'Docker-Client/26.1.5 (linux)' }],
  ['a client by another name', { host: 'anything', 'user-agent': 'Go-http-client/1.1' }],
  ['a socket of a web library', { host, origin: `http://${host}` }],
  ['a page of the daemon', { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }],
  [
    'an address typed into a browser',
    { host: 'localhost:2375', 'user-agent': 'Mozilla/5.0', 'sec-fetch-site': 'none' },
  ],
])('%s is let in', (_, headers) => {
  expect(isForeign(headers, true)).toBe(false);
});

test.each([
  ['a form of another site', { host, origin: 'https://example.com' }],
  ['a sandboxed page', { host, origin: 'null' }],
  ['an image of another site', { host, 'sec-fetch-site': 'cross-site' }],
  ['a page of another port', { host: 'localhost:2375', origin: 'http://localhost:8080' }],
  ['a name that was made to lead here', { host: 'example.com:2375', 'user-agent': 'Mozilla/5.0' }],
  ['a form below such a name', { host: 'example.com:2375', origin: 'http://example.com:2375' }],
])('%s is refused', (_, headers) => {
  expect(isForeign(headers, true)).toBe(true);
});
