import type { Output } from '../base/output.ts';

/**
 * Splits the daemon's multiplexed stream (8 bytes of header: stream, 0, 0, 0, length; then the bytes) into its
 * parts. Frames and chunks of the connection need not agree.
 */
class Demultiplexer {
  private readonly header = Buffer.alloc(8);
  private filled = 0;
  private left = 0;
  private stream = 1;

  /** Calls `take` for each piece: stream 1 is standard output, 2 standard error, 3 an error of the daemon. */
  feed(chunk: Buffer, take: (stream: number, piece: Buffer) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.left === 0) {
        const part = Math.min(8 - this.filled, chunk.length - at);
        chunk.copy(this.header, this.filled, at, at + part);
        this.filled += part;
        at += part;
        if (this.filled < 8) return;
        this.filled = 0;
        this.stream = this.header[0]!;
        if (this.stream > 3) throw new Error(`Unrecognized input header: ${this.stream}`);
        this.left = this.header.readUInt32BE(4);
        continue;
      }
      const part = Math.min(this.left, chunk.length - at);
      take(this.stream, chunk.subarray(at, at + part));
      this.left -= part;
      at += part;
    }
  }
}

/** The targets of a container's streams; a missing one is thrown away. */
export interface Sinks {
  out?: Output;
  err?: Output;
}

/** A function that writes what comes in; it resolves when the bytes are written. */
export function writer(sinks: Sinks, multiplexed: boolean): (chunk: Buffer) => Promise<void> {
  if (!multiplexed) return (chunk) => sinks.out?.writeAll(chunk) ?? Promise.resolve();
  const frames = new Demultiplexer();
  return async (chunk) => {
    const writes: Promise<void>[] = [];
    let failure: string | undefined;
    frames.feed(chunk, (stream, piece) => {
      if (stream === 3) failure = (failure ?? '') + piece.toString();
      else {
        const sink = stream === 2 ? sinks.err : sinks.out;
        if (sink) writes.push(sink.writeAll(piece));
      }
    });
    for (const write of writes) await write;
    if (failure !== undefined) throw new Error(`error from daemon in stream: ${failure}`);
  };
}
