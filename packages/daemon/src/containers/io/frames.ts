/** Takes apart the 8-byte framed stream of output that supervisors send: (stream, size, bytes). */
export class FrameReader {
  private readonly onFrame: (stream: number, bytes: Buffer) => void;
  private held: Buffer = Buffer.alloc(0);

  constructor(onFrame: (stream: number, bytes: Buffer) => void) {
    this.onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let data = this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk;
    while (data.length >= 8) {
      const size = data.readUInt32BE(4);
      if (data.length < 8 + size) break;
      this.onFrame(data[0]!, data.subarray(8, 8 + size));
      data = data.subarray(8 + size);
    }
    this.held = data;
  }
}

/** One frame of the stream (1: stdout, 2: stderr). */
export function frame(stream: 1 | 2, bytes: Buffer | string): Buffer {
  const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}
