import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const top = join(import.meta.dirname, '..', '..', '..');

test('the tests that SECURITY.md names are there', () => {
  const table = readFileSync(join(top, 'packages/daemon/SECURITY.md'), 'utf8');
  const files = ['e2e', 'packages'].flatMap((folder) =>
    readdirSync(join(top, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.test\.[ct]s?$/.test(path) && !path.includes('node_modules'))
      .map((path) => join(top, folder, path)),
  );
  const named = [...table.matchAll(/`([\w/-]+\.test\.\w+)`: ([^|`]+?)(?:; (?=`)| \|)/g)];
  expect(named.length).toBeGreaterThan(15);
  for (const [, file, titles] of named) {
    const texts = files
      .filter((path) => path.endsWith(`/${file}`))
      .map((path) => readFileSync(path, 'utf8').replaceAll("\\'", "'"));
    for (const title of titles!.split(/; (?!paths)/))
      expect([file, title, texts.some((text) => text.includes(title))]).toEqual([file, title, true]);
  }
});
