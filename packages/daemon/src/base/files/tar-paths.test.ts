import { tarPath } from './tar-paths.ts';

test('paths of tars are counted from the root', () => {
  const paths = ['a', './a', '/a/', '././/a/b//', './', '/', '', '..', '../a', '.a', './.a', 'a/./b', '.'];
  expect(paths.map(tarPath)).toEqual([
    'a',
    'a',
    'a',
    'a/b',
    '',
    '',
    '',
    '..',
    '../a',
    '.a',
    '.a',
    'a/./b',
    '.',
  ]);
});

test('a long run of slashes takes no longer than other names', () => {
  const began = process.cpuUsage();
  for (let count = 0; count < 100; count += 1) tarPath(`a${'/'.repeat(10_000)}b`);
  expect(process.cpuUsage(began).user).toBeLessThan(50_000);
});
