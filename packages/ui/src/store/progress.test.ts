import { type Pull, withLine } from './progress.ts';

const BEGUN: Pull = { key: 0, image: 'some', state: 'running', said: '', layers: [] };

test('lines of layers move their bars, others tell of the whole', () => {
  const lines = [
    { status: 'Pulling from some', id: 'latest' },
    { status: 'Pulling fs layer', progressDetail: {}, id: 'aa' },
    { status: 'Already exists', progressDetail: {}, id: 'bb' },
    { status: 'Downloading', progressDetail: { current: 5, total: 10 }, id: 'aa' },
    { status: 'Verifying Checksum', progressDetail: {}, id: 'aa' },
  ];
  const pull = lines.reduce(withLine, BEGUN);
  expect(pull.said).toBe('Pulling from some (latest)');
  expect(pull.layers).toEqual([
    { id: 'aa', status: 'Verifying Checksum', current: 0, total: 10, done: false },
    { id: 'bb', status: 'Already exists', current: 0, total: 0, done: true },
  ]);
  expect(withLine(pull, { status: 'Pull complete', id: 'aa' }).layers[0]!.done).toBe(true);
});

test('however much an engine says, a pull keeps a bounded part of it', () => {
  const long = 'x'.repeat(1_000_000);
  let pull = withLine(BEGUN, { status: `Pulling ${long}`, id: long });
  for (let layer = 0; layer < 2000; layer++)
    pull = withLine(pull, { status: `Waiting ${long}`, id: `${layer}` });
  expect(pull.layers).toHaveLength(500);
  expect(JSON.stringify(withLine(pull, { error: long })).length).toBeLessThan(200_000);
});

test('an error in the stream is the end of it', () => {
  expect(withLine(BEGUN, { error: 'no such image' })).toMatchObject({
    state: 'failed',
    said: 'no such image',
  });
});
