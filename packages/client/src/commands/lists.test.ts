import { formatList } from '../format/list.ts';
import { displayPorts } from '../format/ports.ts';
import { humanSize } from '../format/sizes.ts';
import { alignColumns, ellipsis } from '../format/table.ts';
import { namedFormats } from '../shared/formats.ts';
import { containerColumns, type ListedContainer } from './container/ps.ts';

test('columns are as wide as their widest cell, wide characters count twice, the last is not padded', () => {
  expect(alignColumns('A\tB\tC\nlonger\t日本\tx\n', 4, 2)).toBe('A       B     C\nlonger  日本  x\n');
  // A line with fewer cells ends a column.
  expect(alignColumns('a\tb\nrest\nccccc\td\n', 0, 1)).toBe('a b\nrest\nccccc d\n');
});

test('texts are cut by what they take on a terminal', () => {
  expect(ellipsis('abcdef', 4)).toBe('abc…');
  expect(ellipsis('日本語', 4)).toBe('日…');
  expect(ellipsis('abcd', 4)).toBe('abcd');
});

test.each([
  [[{ PrivatePort: 80, Type: 'tcp' }], '80/tcp'],
  [[{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }], '0.0.0.0:8080->80/tcp'],
  [
    [82, 80, 81].map((port) => ({ IP: '0.0.0.0', PrivatePort: port, PublicPort: port, Type: 'tcp' })),
    '0.0.0.0:80-82->80-82/tcp',
  ],
  [
    [
      { PrivatePort: 9, Type: 'udp' },
      { PrivatePort: 10, Type: 'udp' },
      { PrivatePort: 12, Type: 'udp' },
      { IP: '1.2.3.4', PrivatePort: 7, PublicPort: 70, Type: 'tcp' },
    ],
    '9-10/udp, 12/udp, 1.2.3.4:70->7/tcp',
  ],
])('ports %#', (ports, expected) => {
  expect(displayPorts(ports)).toBe(expected);
});

test('formats of a list are made of its columns', () => {
  expect(namedFormats(['Driver', 'Name'], 'Name', { name: 'Name', driver: 'Driver' })).toEqual({
    table: 'table {{.Driver}}\\t{{.Name}}',
    quiet: '{{.Name}}',
    raw: 'name: {{.Name}}\ndriver: {{.Driver}}\n',
    rawQuiet: 'name: {{.Name}}',
  });
});

test('sizes have three digits that count', () => {
  expect([0, 999, 1000, 2048, 1125, 1135, 123_456_789].map((size) => humanSize(size, 3))).toEqual([
    '0B',
    '999B',
    '1kB',
    '2.05kB',
    // Halfway is rounded to the even digit.
    '1.12kB',
    '1.14kB',
    '123MB',
  ]);
});

const row: ListedContainer = {
  Id: '0123456789abcdef'.repeat(4),
  Names: ['/web', '/other/link'],
  Image: 'busybox:latest@sha256:'.concat('a'.repeat(64)),
  ImageID: `sha256:${'b'.repeat(64)}`,
  Command: 'sh -c "a very long command"',
  Created: Math.floor(Date.now() / 1000) - 120,
  Ports: [],
  Labels: { a: 'b' },
  State: 'running',
  Status: 'Up 2 minutes',
  NetworkSettings: { Networks: { bridge: {} } },
  Mounts: [{ Name: 'volume', Source: '/x', Driver: 'local' }],
};

test('a row of ps', () => {
  const format = 'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Names}}';
  expect(formatList(containerColumns(true), [row], format)).toBe(
    'CONTAINER ID   IMAGE            COMMAND                   CREATED         NAMES\n' +
      '0123456789ab   busybox:latest   "sh -c \\"a very long …"   2 minutes ago   web\n',
  );
  expect(formatList(containerColumns(false), [row], '{{.Names}} {{.Label "a"}} {{.LocalVolumes}}')).toBe(
    'web,other/link b 1\n',
  );
  expect(JSON.parse(formatList(containerColumns(true), [row], 'json'))).toMatchObject({
    Names: 'web',
    Networks: 'bridge',
    Size: '0B',
    State: 'running',
  });
  expect(() => formatList(containerColumns(true), [row], '{{.Foo}}')).toThrow(/can't evaluate field Foo/);
});
