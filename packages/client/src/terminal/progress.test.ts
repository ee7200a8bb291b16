import type { Output } from '../base/output.ts';
import type { Body } from '../transport/body.ts';
import { type ProgressMessage, progressBar, StreamError, showProgress } from './progress.ts';

const MB = 1_000_000;

test('a bar has the share, the bytes and the time that is left', () => {
  // `  1.2MB/4.8MB` of github.com/docker/docker/pkg/jsonmessage: a quarter is 12 of 50 signs.
  expect(progressBar({ current: 1.2 * MB, total: 4.8 * MB }, 200)).toBe(
    `[${'='.repeat(12)}>${' '.repeat(38)}]    1.2MB/4.8MB`,
  );
  expect(progressBar({ current: 1.2 * MB, total: 4.8 * MB }, 80)).toBe('   1.2MB/4.8MB');
  expect(progressBar({ current: MB, total: 4 * MB, start: 1000 }, 80, 1_025_000)).toBe('     1MB/4MB 1m15s');
  expect(progressBar({ current: 3, total: 9, units: 'layers' }, 80)).toBe('3/9 layers');
});

test('a bar without an end shows what there is; one without anything is empty', () => {
  expect(progressBar({ current: 2 * MB }, 200)).toBe('     2MB');
  expect(progressBar({ current: 7, units: 'files' }, 200)).toBe('7 files');
  expect(progressBar({}, 200)).toBe('');
  // More than was said beforehand.
  expect(progressBar({ current: 9 * MB, total: 4 * MB }, 80)).toBe('     9MB');
});

async function shown(
  messages: ProgressMessage[],
  terminal?: { width: number },
  aux?: (value: unknown) => void,
): Promise<string> {
  let text = '';
  const output = {
    print(part: string) {
      text += part;
    },
  } as Partial<Output>;
  const body = (async function* () {
    for (const message of messages) yield Buffer.from(`${JSON.stringify(message)}\r\n`);
  })() as AsyncIterable<Buffer> as Body;
  await showProgress(body, output as Output, terminal, aux);
  return text;
}

const PULL: ProgressMessage[] = [
  { status: 'Pulling from library/x', id: 'latest' },
  { status: 'Downloading', progressDetail: { current: MB, total: 2 * MB }, id: 'a' },
  { status: 'Downloading', progressDetail: { current: MB, total: 2 * MB }, id: 'b' },
  { status: 'Pull complete', progressDetail: {}, id: 'a' },
  { status: 'Status: done' },
];

test('without a terminal only whole steps are told', async () => {
  expect(await shown(PULL)).toBe('latest: Pulling from library/x\na: Pull complete\nStatus: done\n');
});

test('on a terminal each layer has a line that is written anew', async () => {
  const clear = '\x1b[2K\r';
  expect(await shown(PULL, { width: 80 })).toBe(
    [
      'latest: Pulling from library/x\n',
      `\n\x1b[1A${clear}a: Downloading      1MB/2MB\r\x1b[1B`,
      `\n\x1b[1A${clear}b: Downloading      1MB/2MB\r\x1b[1B`,
      `\x1b[2A${clear}a: Pull complete \r\x1b[2B`,
      'Status: done\n',
    ].join(''),
  );
});

test('values that are not for display go to `aux`; an error ends the stream with its code', async () => {
  const values: unknown[] = [];
  const failed = shown(
    [
      { aux: { ID: 'sha256:1' } },
      { error: 'short', errorDetail: { code: 3, message: 'the step ended with 3' } },
    ],
    undefined,
    (value) => values.push(value),
  );
  await expect(failed).rejects.toThrow(new StreamError('the step ended with 3', 3));
  await expect(failed).rejects.toMatchObject({ code: 3 });
  expect(values).toEqual([{ ID: 'sha256:1' }]);
});
