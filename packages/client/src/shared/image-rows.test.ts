import { type ImageSummary, imageRows } from './image-rows.ts';

const image = (tags: string[] | null, digests: string[] | null): ImageSummary => ({
  Id: 'sha256:1',
  RepoTags: tags,
  RepoDigests: digests,
  Created: 0,
  Size: 1,
  SharedSize: -1,
  Containers: -1,
});
const digest = `sha256:${'a'.repeat(64)}`;
const shown = (rows: ReturnType<typeof imageRows>): string[] =>
  rows.map((row) => `${row.repository} ${row.tag} ${row.digest}`);

test('an image has a line for each name', () => {
  const both = image(['bb:1', 'bb:2', 'host:5000/bb:1'], [`bb@${digest}`, `other@${digest}`]);
  expect(shown(imageRows([both], false))).toEqual([
    'bb 1 <none>',
    'bb 2 <none>',
    'host:5000/bb 1 <none>',
    'other <none> ',
  ]);
  expect(shown(imageRows([both], true))).toEqual([
    `bb 1 ${digest}`,
    `bb 2 ${digest}`,
    'host:5000/bb 1 <none>',
    `other <none> ${digest}`,
  ]);
});

test('an image without a name has one line', () => {
  for (const nameless of [image(null, null), image([], []), image(['<none>:<none>'], ['<none>@<none>'])])
    expect(shown(imageRows([nameless], true))).toEqual(['<none> <none> <none>']);
});
