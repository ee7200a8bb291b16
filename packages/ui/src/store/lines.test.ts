import { Lines, lineCutter, readLine } from './lines.ts';

test('a line has its time apart and nothing in it that acts', () => {
  expect(readLine('2026-01-02T03:04:05.678901234Z hello\r', true)).toEqual({
    time: '2026-01-02T03:04:05.678901234Z',
    text: 'hello',
    error: true,
  });
  expect(readLine('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007x', false).text).toBe('red x');
  expect(readLine(' 10 %\r 50 %\r100 %\r', false).text).toBe('100 %');
  expect(readLine('name\u202egnp.exe', false).text).toBe('name\ufffdgnp.exe');
  expect(readLine('<b>', false).text).toBe('<b>');
});

test('lines are cut wherever the bytes are', () => {
  const got: string[] = [];
  const cutter = lineCutter((line) => got.push(line));
  for (const byte of new TextEncoder().encode('eins\nzwei: ü\nrest')) cutter.push(Uint8Array.of(byte));
  expect(got).toEqual(['eins', 'zwei: ü']);
  cutter.flush();
  expect(got.at(-1)).toBe('rest');
});

test('a log of whatever length takes so much memory, and its search follows', () => {
  const lines = new Lines();
  lines.search('NUMBER 7');
  for (let number = 0; number < 120_000; number++)
    lines.add({ time: '', text: `number ${number}`, error: false });
  expect(lines.length).toBe(50_000);
  expect(lines.first).toBe(70_000);
  expect(lines.at(70_000)!.text).toBe('number 70000');
  expect(lines.at(69_999)).toBeUndefined();
  expect(lines.end).toBe(120_000);
  const kept = lines.matches.filter((number) => number >= lines.first);
  expect(kept).toHaveLength(10_000);
  lines.search('number 119999');
  expect(lines.matches).toEqual([119_999]);
  const wide = new Lines();
  for (let number = 0; number < 1000; number++) wide.add(readLine('x'.repeat(30_000), false));
  expect(wide.length).toBeLessThan(801);
});
