import type { Sent } from '@berth/grpc';
import { Progress } from './progress.ts';

test('of a step that writes without end no more is kept than BuildKit tells', async () => {
  const progress = new Progress();
  const vertex = progress.vertex('RUN yes').start();
  for (let turn = 0; turn < 1000; turn++) vertex.log(Buffer.alloc(16 << 10, 'y'));
  progress.end();
  const told: Buffer[] = [];
  for await (const { logs } of progress.messages(new AbortController().signal))
    for (const { msg } of logs ?? []) told.push(Buffer.from(msg!));
  const text = Buffer.concat(told).toString();
  expect(text.length).toBeLessThan((2 << 20) + 100);
  expect(text).toMatch(/y\n\[output clipped, log limit 2MiB reached\]\n$/);
});

test('a step that writes byte by byte makes no message of each, and no byte is lost', async () => {
  const progress = new Progress();
  const vertex = progress.vertex('RUN noise').start();
  for (let turn = 0; turn < 100_000; turn++) vertex.log('oe'[turn % 2]!, turn % 2 === 0 ? 1 : 2);
  vertex.done();
  progress.end();
  const told: Array<Sent<'VertexLog'>> = [];
  for await (const { logs } of progress.messages(new AbortController().signal)) told.push(...(logs ?? []));
  expect(told.length).toBeLessThan(20_000);
  for (const [stream, letter] of ['o', 'e'].entries()) {
    const ofStream = told.filter((log) => log.stream === stream + 1).map(({ msg }) => Buffer.from(msg!));
    expect(Buffer.concat(ofStream).toString()).toBe(letter.repeat(50_000));
  }
});

test('of numbers that follow each other at once only some are kept, and the last', async () => {
  const progress = new Progress();
  const vertex = progress.vertex('load build context').start();
  for (let bytes = 1; bytes <= 100_000; bytes++) vertex.status('transferring context:', bytes);
  vertex.status('transferring context:', 100_000, 0, true);
  progress.end();
  const told: Array<Sent<'VertexStatus'>> = [];
  for await (const { statuses } of progress.messages(new AbortController().signal))
    told.push(...(statuses ?? []));
  expect(told.length).toBeLessThan(1000);
  expect(told.at(-1)).toMatchObject({ current: 100_000, completed: expect.anything() });
});
