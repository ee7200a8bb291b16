import { exposition } from './text.ts';

test('families are told in the text format, and one without samples is left out', () => {
  expect(
    exposition([
      { name: 'none', type: 'gauge', help: 'nothing', samples: [] },
      {
        name: 'taken_seconds',
        type: 'histogram',
        help: 'A line\nand a \\',
        samples: [
          { suffix: '_bucket', labels: { le: '0.1' }, value: 2 },
          { suffix: '_bucket', labels: { le: '+Inf' }, value: 3 },
          { suffix: '_sum', value: 0.25 },
          { suffix: '_count', value: 3 },
        ],
      },
      { name: 'limit', type: 'gauge', help: 'none', samples: [{ value: Number.POSITIVE_INFINITY }] },
    ]),
  ).toBe(
    '# HELP taken_seconds A line\\nand a \\\\\n# TYPE taken_seconds histogram\n' +
      'taken_seconds_bucket{le="0.1"} 2\ntaken_seconds_bucket{le="+Inf"} 3\n' +
      'taken_seconds_sum 0.25\ntaken_seconds_count 3\n' +
      '# HELP limit none\n# TYPE limit gauge\nlimit +Inf\n',
  );
});

test('a label of a container cannot make a line, end its quotes or be no text', () => {
  const labels = { name: 'a"} 1\nforged 2', half: '\ud800' };
  expect(exposition([{ name: 'x', type: 'counter', help: '', samples: [{ labels, value: 1 }] }])).toBe(
    '# HELP x \n# TYPE x counter\nx{name="a\\"} 1\\nforged 2",half="\ufffd"} 1\n',
  );
});
