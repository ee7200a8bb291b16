import type { Output } from '../base/output.ts';
import { writer } from './demux.ts';

/** A target that gathers what is written. */
function target(): { output: Output; text: () => string } {
  const parts: Buffer[] = [];
  const output = {
    writeAll: async (bytes: Buffer) => void parts.push(Buffer.from(bytes)),
  } as Partial<Output>;
  return { output: output as Output, text: () => Buffer.concat(parts).toString() };
}

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

const STREAM = Buffer.concat([
  frame(1, 'one '),
  frame(2, 'wrong '),
  frame(1, ''),
  frame(1, 'two'),
  frame(2, '!'),
]);

test.each([1, 3, 8, 13, STREAM.length])(
  'frames that come in pieces of %d bytes reach their streams',
  async (size) => {
    const [out, err] = [target(), target()];
    const write = writer({ out: out.output, err: err.output }, true);
    for (let at = 0; at < STREAM.length; at += size) await write(STREAM.subarray(at, at + size));
    expect(out.text()).toBe('one two');
    expect(err.text()).toBe('wrong !');
  },
);

test('a stream that nobody wants is thrown away', async () => {
  const out = target();
  await writer({ out: out.output }, true)(STREAM);
  expect(out.text()).toBe('one two');
});

test('the stream of a terminal has no frames', async () => {
  const out = target();
  await writer({ out: out.output }, false)(STREAM);
  expect(out.text()).toBe(STREAM.toString());
});

test("the daemon's own error is thrown, after what came before it was written", async () => {
  const out = target();
  const write = writer({ out: out.output }, true);
  await expect(write(Buffer.concat([frame(1, 'first'), frame(3, 'no room')]))).rejects.toThrow(
    'error from daemon in stream: no room',
  );
  expect(out.text()).toBe('first');
});

test('what is no frame is refused', async () => {
  await expect(writer({}, true)(Buffer.from('HTTP/1.1 200 OK'))).rejects.toThrow(
    'Unrecognized input header: 72',
  );
});
