import { createHash } from 'node:crypto';
import { Duplex } from 'node:stream';

/** RFC 6455, section 1.3: what a server mixes with the client's key. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const LARGEST_MESSAGE = 16 * 1024 * 1024;

const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The answer to Sec-WebSocket-Key. */
export function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`).digest('base64');
}

/** The bytes within a WebSocket: what is written goes out as binary messages, what comes in is the messages' content. */
export function overWebSocket(socket: Duplex): Duplex {
  let held: Buffer = Buffer.alloc(0);
  let closed = false;
  const close = (code: number) => {
    if (closed) return;
    closed = true;
    socket.end(message(OPCODES.close, Buffer.from([code >> 8, code & 0xff])));
  };
  const stream = new Duplex({
    read: () => socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      if (closed || socket.destroyed) return done();
      if (socket.write(message(OPCODES.binary, chunk))) done();
      else socket.once('drain', () => done());
    },
    final(done) {
      close(1000);
      done();
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  const take = (chunk: Buffer) => {
    held = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
    for (let frame = parse(held); frame; frame = parse(held)) {
      if (frame === 'broken') return close(1002);
      held = held.subarray(frame.size);
      if (frame.opcode === OPCODES.close) {
        close(1000);
        stream.push(null);
        return;
      }
      if (frame.opcode === OPCODES.ping) socket.write(message(OPCODES.pong, frame.body));
      else if (frame.opcode !== OPCODES.pong && !stream.push(frame.body)) socket.pause();
    }
  };
  socket.on('data', take);
  socket.once('end', () => {
    // There is no half of a close: without a closing message the client has gone. What it typed before counts.
    stream.once('end', () => stream.destroy());
    stream.push(null);
  });
  socket.once('close', () => stream.destroy());
  return stream;
}

function message(opcode: number, body: Buffer): Buffer {
  const { length } = body;
  const header =
    length < 126
      ? Buffer.from([0x80 | opcode, length])
      : length < 65536
        ? Buffer.from([0x80 | opcode, 126, length >> 8, length & 0xff])
        : Buffer.concat([Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0]), sizeBytes(length)]);
  return Buffer.concat([header, body]);
}

function sizeBytes(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

interface Frame {
  opcode: number;
  body: Buffer;
  size: number;
}

/** The first whole frame; undefined when more is needed. A client must mask what it sends. */
function parse(bytes: Buffer): Frame | 'broken' | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  if ((bytes[1]! & 0x80) === 0) return 'broken';
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + extra + 4;
  if (bytes.length < start) return undefined;
  const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (length > LARGEST_MESSAGE) return 'broken';
  if (bytes.length < start + length) return undefined;
  const mask = bytes.subarray(start - 4, start);
  const body = Buffer.from(bytes.subarray(start, start + length));
  for (let index = 0; index < length; index += 1) body[index] = body[index]! ^ mask[index & 3]!;
  return { opcode: bytes[0]! & 0x0f, body, size: start + length };
}
