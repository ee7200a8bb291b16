import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { systemError } from '../../base/errors.ts';

/** Bytes read at a time. */
const CHUNK = 256 * 1024;

/** The position of bytes in the pack, and their digest. */
export interface Packed {
  offset: number;
  digest: string;
}

/** One file that holds the bytes of all files of a tree, one after another. */
export class Pack {
  private readonly file: FileHandle;
  private end = 0;

  private constructor(file: FileHandle) {
    this.file = file;
  }

  /** Makes an empty one; its file must not exist, and goes with its folder. */
  static async create(path: string): Promise<Pack> {
    return new Pack(await open(path, 'wx+', 0o600));
  }

  /** Appends what comes, as much as it is; nothing else may be written meanwhile. */
  async append(chunks: AsyncIterable<Buffer>): Promise<Packed & { size: number }> {
    const hash = createHash('sha256');
    const offset = this.end;
    for await (const chunk of chunks) {
      hash.update(chunk);
      await this.write(chunk, this.end);
      this.end += chunk.length;
    }
    return { offset, digest: hash.digest('hex'), size: this.end - offset };
  }

  /**
   * Writes a number of bytes that is known before they come; several may be written at once.
   * @returns undefined when another number of bytes came.
   */
  async fill(size: number, chunks: AsyncIterable<Buffer>): Promise<Packed | undefined> {
    const offset = this.end;
    this.end += size;
    const hash = createHash('sha256');
    let at = 0;
    for await (const chunk of chunks) {
      if (at + chunk.length > size) return undefined;
      hash.update(chunk);
      await this.write(chunk, offset + at);
      at += chunk.length;
    }
    return at === size ? { offset, digest: hash.digest('hex') } : undefined;
  }

  /** Bytes of the pack, whose place is asked for when they are read first. */
  read(size: number, place: () => number | Promise<number>): Readable {
    if (size === 0) return Readable.from([]);
    const { file } = this;
    // Not the handle's own stream: that one closes the handle, which is the tree's, when it is destroyed.
    const chunks = async function* () {
      const offset = await place();
      for (let at = 0; at < size; ) {
        const chunk = Buffer.allocUnsafe(Math.min(CHUNK, size - at));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, offset + at);
        if (bytesRead === 0) throw systemError('the build context was cut off');
        at += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    };
    return Readable.from(chunks(), { objectMode: false, highWaterMark: 2 * CHUNK });
  }

  /** All bytes of a file that is small enough to be a text. */
  async readAll(size: number, offset: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.read(size, () => offset)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  /** Writes a whole chunk: a disk that is nearly full takes a part of it first, and refuses the rest. */
  private async write(chunk: Buffer, at: number): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await this.file.write(chunk, done, chunk.length - done, at + done);
      done += bytesWritten;
    }
  }
}
