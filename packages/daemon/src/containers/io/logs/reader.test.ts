import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { FrameReader } from '../frames.ts';
import { type ReadOptions, readSource } from './reader.ts';
import { openSource } from './source.ts';
import { Transcoder, timeKey } from './transcode.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-logs-'));
  path = join(folder, 'x-json.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const line = (text: string, second: number, stream = 'stdout') =>
  `${JSON.stringify({ log: text, stream, time: `2026-01-01T00:00:${String(second).padStart(2, '0')}.5Z` })}\n`;
const nanos = (second: number) => BigInt(Date.UTC(2026, 0, 1, 0, 0, second)) * 1_000_000n;

const options = (changes: Partial<ReadOptions> = {}): ReadOptions => ({
  stdout: true,
  stderr: true,
  timestamps: false,
  details: false,
  raw: false,
  since: '',
  until: '',
  tail: -1,
  follow: false,
  growing: () => false,
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  ...changes,
});

async function* readLog(wanted: ReadOptions): AsyncGenerator<Buffer> {
  yield* readSource(path, await openSource(path, wanted.tail), wanted);
}

async function read(changes: Partial<ReadOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  const reader = new FrameReader((stream, bytes) => lines.push(`${stream}:${bytes}`));
  for await (const block of readLog(options(changes))) reader.push(block);
  return lines;
}

test('frames carry stream and bytes, escapes undone', async () => {
  const odd = 'tab\t "quoted" \\ ünï \u2028 \u{1f600} \u0001\r\n';
  writeFileSync(path, line('out\n', 1) + line(odd, 2, 'stderr') + line('no newline', 3));
  expect(await read()).toEqual(['1:out\n', `2:${odd}`, '1:no newline']);
  expect(await read({ stderr: false })).toEqual(['1:out\n', '1:no newline']);
});

test('escapes of every kind', () => {
  const block = Buffer.from(
    '{"log":"\\u00e9\\ud83d\\ude00\\u003c\\/\\b\\f\\ufffd","stream":"stdout","time":"2026-01-01T00:00:00Z"}\n',
  );
  const { stdout, stderr, timestamps, details, since, until } = options();
  const coder = new Transcoder({ stdout, stderr, timestamps, details, since, until, raw: true });
  expect(coder.push(block).toString()).toBe('é😀</\b\f\ufffd');
});

test('a line of another shape, and one that is broken', async () => {
  const other = '{"time":"2026-01-01T00:00:01Z","stream":"stderr","log":"other\\n"}\n';
  writeFileSync(path, `${line('a\n', 1)}${other}{"log":"cut\n${line('b\n', 2)}`);
  expect(await read()).toEqual(['1:a\n', '2:other\n', '1:b\n']);
});

test('timestamps have nine digits', async () => {
  writeFileSync(path, line('a\n', 1));
  expect(await read({ timestamps: true })).toEqual(['1:2026-01-01T00:00:01.500000000Z a\n']);
});

test('details come from the attributes', async () => {
  writeFileSync(
    path,
    '{"log":"a\\n","stream":"stdout","attrs":{"b":"2","a":"1"},"time":"2026-01-01T00:00:01Z"}\n',
  );
  expect(await read({ details: true })).toEqual(['1:a=1,b=2 a\n']);
  expect(await read()).toEqual(['1:a\n']);
});

test('since and until are inclusive', async () => {
  writeFileSync(path, [1, 2, 3, 4].map((second) => line(`${second}`, second)).join(''));
  const at = (second: number) => timeKey(nanos(second) + 500_000_000n);
  expect(await read({ since: at(3) })).toEqual(['1:3', '1:4']);
  expect(await read({ until: at(2) })).toEqual(['1:1', '1:2']);
  expect(await read({ since: timeKey(nanos(2)), until: timeKey(nanos(4)) })).toEqual(['1:2', '1:3']);
  expect(await read({ since: timeKey(nanos(3) + 500_000_001n) })).toEqual(['1:4']);
});

test('tail reaches into rotated files, packed ones too', async () => {
  writeFileSync(`${path}.2.gz`, gzipSync(line('a\n', 1) + line('b\n', 2)));
  writeFileSync(`${path}.1`, line('c\n', 3));
  writeFileSync(path, line('d\n', 4) + line('e\n', 5));
  const tails = [-1, 0, 1, 2, 3, 4, 5, 9].map(async (tail) =>
    (await read({ tail })).map((frame) => frame[2]).join(''),
  );
  expect(await Promise.all(tails)).toEqual(['abcde', '', 'e', 'de', 'cde', 'bcde', 'abcde', 'abcde']);
});

test('a long log comes whole and in order', async () => {
  let text = '';
  for (let index = 0; index < 60_000; index += 1)
    text += line(`line number ${index} \t with some text in it\n`, 1);
  writeFileSync(path, text);
  const lines = await read();
  expect(lines).toHaveLength(60_000);
  expect(lines.every((entry, index) => entry === `1:line number ${index} \t with some text in it\n`)).toBe(
    true,
  );
  expect(await read({ tail: 20_000 })).toEqual(lines.slice(-20_000));
});

test('without following, what is written while it is read is not waited for, nor over a rotation', async () => {
  const block = Array.from({ length: 500 }, (_, index) => line(`${index} ${'x'.repeat(1000)}\n`, 1)).join('');
  for (const rotated of [false, true]) {
    writeFileSync(path, block);
    let lines = 0;
    const reader = new FrameReader(() => lines++);
    for await (const frames of readLog(options({ tail: 300 }))) {
      reader.push(frames);
      // More than was read just now.
      if (lines < 5000) appendFileSync(path, block);
      if (rotated && lines < 500) {
        renameSync(path, `${path}.1`);
        writeFileSync(path, block);
      }
    }
    expect(lines).toBe(300);
  }
});

test('following goes on over a rotation and ends when the log does', async () => {
  writeFileSync(path, line('a\n', 1));
  let growing = true;
  const seen: string[] = [];
  const reader = new FrameReader((_, bytes) => seen.push(bytes.toString().trim()));
  const done = (async () => {
    for await (const block of readLog(options({ follow: true, growing: () => growing }))) reader.push(block);
  })();
  const until = async (count: number) => {
    while (seen.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await until(1);
  appendFileSync(path, line('b\n', 2));
  await until(2);
  // Half a line is not shown until it is whole.
  const half = line('c\n', 3);
  appendFileSync(path, half.slice(0, 20));
  appendFileSync(path, half.slice(20));
  renameSync(path, `${path}.1`);
  writeFileSync(path, line('d\n', 4));
  await until(4);
  growing = false;
  appendFileSync(path, line('e\n', 5));
  await done;
  expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('following sees what is written between the end of a file is met and its rotation', async () => {
  writeFileSync(path, line('a\n', 1));
  const source = await openSource(path, -1);
  const file = source.file!;
  const readFile = file.read.bind(file) as (...from: unknown[]) => Promise<{ bytesRead: number }>;
  let growing = true;
  file.read = (async (...from: unknown[]) => {
    const result = await readFile(...from);
    if (result.bytesRead === 0 && growing) {
      growing = false;
      appendFileSync(path, line('b\n', 2));
      renameSync(path, `${path}.1`);
      writeFileSync(path, line('c\n', 3));
    }
    return result;
  }) as typeof file.read;
  const seen: string[] = [];
  const reader = new FrameReader((_, bytes) => seen.push(bytes.toString().trim()));
  for await (const block of readSource(path, source, options({ follow: true, growing: () => growing })))
    reader.push(block);
  expect(seen).toEqual(['a', 'b', 'c']);
});

test('following goes on with the oldest that is left where its file is rotated away', async () => {
  writeFileSync(path, line('a\n', 1));
  const wanted = options({ follow: true });
  const source = await openSource(path, -1);
  rmSync(path);
  writeFileSync(`${path}.2`, line('c\n', 3));
  writeFileSync(`${path}.1`, line('d\n', 4));
  writeFileSync(path, line('e\n', 5));
  const seen: string[] = [];
  const reader = new FrameReader((_, bytes) => seen.push(bytes.toString().trim()));
  for await (const block of readSource(path, source, wanted)) reader.push(block);
  expect(seen).toEqual(['a', 'c', 'd', 'e']);
});

test('following ends when the client goes', async () => {
  writeFileSync(path, line('a\n', 1));
  const client = new AbortController();
  const seen: string[] = [];
  // Gone once it has the line.
  const reader = new FrameReader((stream, bytes) => {
    seen.push(`${stream}:${bytes}`);
    setTimeout(() => client.abort(), 10);
  });
  const follow = options({ follow: true, growing: () => true, signal: client.signal });
  for await (const block of readLog(follow)) reader.push(block);
  expect(seen).toEqual(['1:a\n']);
});
