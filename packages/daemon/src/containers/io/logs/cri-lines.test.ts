import { jsonLines } from './cri-lines.ts';

test('lines of the CRI are those of json-file, pieces without an end, and others are left out', () => {
  const time = '2026-01-02T03:04:05.123456789Z';
  const block = `${time} stdout P one \n${time} stdout F "two"\nno line\n${time} stderr F \n`;
  const lines = jsonLines(Buffer.from(block))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(lines).toEqual([
    { log: 'one ', stream: 'stdout', time },
    { log: '"two"\n', stream: 'stdout', time },
    { log: '\n', stream: 'stderr', time },
  ]);
});
