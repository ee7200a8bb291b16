import { demux } from './demux.ts';

const frame = (output: number, text: string): number[] => [
  output,
  0,
  0,
  0,
  0,
  0,
  0,
  text.length,
  ...new TextEncoder().encode(text),
];

test.each([1, 3, 8, 100])('two outputs are taken apart from pieces of %i bytes', (size) => {
  const bytes = Uint8Array.from([...frame(1, 'out'), ...frame(2, 'error'), ...frame(1, '')]);
  const got = { 1: '', 2: '' };
  const take = demux((output, part) => {
    got[output] += new TextDecoder().decode(part);
  });
  for (let at = 0; at < bytes.length; at += size) take(bytes.subarray(at, at + size));
  expect(got).toEqual({ 1: 'out', 2: 'error' });
});
