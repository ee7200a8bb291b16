import { checkPath } from './archive.ts';

test.each(['', 'a\0b', '\0'])('%j is no path of an archive', (path) => {
  expect(() => checkPath(path)).toThrow(expect.objectContaining({ kind: 'invalid-parameter' }));
});
