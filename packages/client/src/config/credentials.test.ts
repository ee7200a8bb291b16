import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allCredentials, eraseCredentials, getCredentials, hubKey, storeCredentials } from './credentials.ts';
import { ConfigFile } from './file.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-credentials-'));
const path = join(folder, 'config.json');
const { PATH } = process.env;
beforeAll(() => {
  const helper = join(folder, 'docker-credential-test');
  writeFileSync(
    helper,
    `#!/bin/sh
in=$(cat)
case $1 in
  store) printf %s "$in" > ${folder}/stored;;
  get) [ -f ${folder}/stored ] || { echo 'credentials not found in native keychain'; exit 1; }; cat ${folder}/stored;;
  erase) rm -f ${folder}/stored;;
  list) echo '{"reg.example":"me"}';;
esac
`,
  );
  chmodSync(helper, 0o755);
  process.env['PATH'] = `${folder}:${PATH}`;
});
afterAll(() => {
  process.env['PATH'] = PATH;
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => rmSync(path, { force: true }));

const load = (): ConfigFile => ConfigFile.load(folder, () => undefined);
const written = (): Record<string, unknown> => JSON.parse(readFileSync(path, 'utf8'));

test('credentials go to the file and come back, and what else is there stays', async () => {
  writeFileSync(path, '{"mine":{"z":1,"a":2},"psFormat":"x"}', { mode: 0o640 });
  const auth = { username: 'me', password: 'p:w', serveraddress: 'reg.example:5000' };
  expect(await storeCredentials(load(), auth)).toBe(true);
  expect(written()).toEqual({
    mine: { z: 1, a: 2 },
    psFormat: 'x',
    auths: { 'reg.example:5000': { auth: Buffer.from('me:p:w').toString('base64') } },
  });
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(await getCredentials(load(), 'reg.example:5000')).toEqual(auth);
  expect(await getCredentials(load(), hubKey)).toEqual({});
  await eraseCredentials(load(), 'reg.example:5000');
  expect(written()['auths']).toEqual({});
});

test('a file of our own is for its user only', async () => {
  await storeCredentials(load(), { username: 'me', password: 'x', serveraddress: hubKey });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const before = statSync(path).mtimeMs;
  await eraseCredentials(load(), 'never.stored');
  expect(statSync(path).mtimeMs).toBe(before);
});

test('a helper keeps what the file must not hold', async () => {
  writeFileSync(path, '{"credsStore":"test"}');
  expect(await getCredentials(load(), 'reg.example')).toEqual({});
  expect(
    await storeCredentials(load(), { username: 'me', password: 'secret', serveraddress: 'reg.example' }),
  ).toBe(false);
  expect(readFileSync(path, 'utf8')).not.toContain('secret');
  expect(await getCredentials(load(), 'reg.example')).toMatchObject({ username: 'me', password: 'secret' });
  expect(await allCredentials(load())).toEqual({
    'reg.example': { username: 'me', password: 'secret', serveraddress: 'reg.example' },
  });
  await eraseCredentials(load(), 'reg.example');
  expect(await getCredentials(load(), 'reg.example')).toEqual({});
});
