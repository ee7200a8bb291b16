import { type BuildKitClient, GrpcError } from '@berth/grpc';
import { BerthError } from '../../../base/errors.ts';

const SERVICE = '/containerd.services.content.v1.Content/';
/** Actions of a write, by number. */
const STAT = 0;
const WRITE = 1;
const COMMIT = 2;
/** Bytes of a message; a receiver takes 4 MiB. */
const PART = 1 << 20;

const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;

const isCode = (error: unknown, code: number) => error instanceof GrpcError && error.code === code;

/** A folder of the client that holds blobs by their digests (an OCI layout), reached through its session. */
export class ClientContent {
  private readonly client: BuildKitClient;
  private readonly metadata: Record<string, string>;

  constructor(client: BuildKitClient, store: string) {
    this.client = client;
    this.metadata = { 'buildkit-attachable-store-id': store };
  }

  /** Bytes of a blob; undefined when it is not there. */
  async size(digest: string): Promise<number | undefined> {
    const call = this.client.call(
      `${SERVICE}Info`,
      'ContentInfoRequest',
      'ContentInfoResponse',
      this.metadata,
    );
    await call.send({ digest });
    call.end();
    try {
      let size: number | undefined;
      for await (const { info } of call.responses) size = info?.size ?? 0;
      return size;
    } catch (error) {
      if (isCode(error, NOT_FOUND)) return undefined;
      throw error;
    }
  }

  /** Writes a blob unless it is there. @throws GrpcError when the client refuses it, or it has another digest. */
  async write(digest: string, size: number, chunks: AsyncIterable<Buffer>): Promise<void> {
    if ((await this.size(digest)) !== undefined) {
      for await (const chunk of chunks) void chunk;
      return;
    }
    const call = this.client.call(
      `${SERVICE}Write`,
      'WriteContentRequest',
      'WriteContentResponse',
      this.metadata,
    );
    const answers = call.responses[Symbol.asyncIterator]();
    const ask = async (message: Parameters<typeof call.send>[0]) => {
      await call.send(message);
      const { done } = await answers.next();
      if (done) throw new BerthError('system', `the client ended the transfer of ${digest}`);
    };
    try {
      await ask({ action: STAT, ref: `berth-${digest}`, total: size, expected: digest });
      let offset = 0;
      for await (const chunk of chunks)
        for (let at = 0; at < chunk.length; at += PART) {
          const data = chunk.subarray(at, at + PART);
          await ask({ action: WRITE, offset, data });
          offset += data.length;
        }
      await ask({ action: COMMIT, total: size, offset, expected: digest });
    } catch (error) {
      if (!isCode(error, ALREADY_EXISTS)) throw error;
    } finally {
      call.end();
    }
  }

  /** A blob's bytes. @throws GrpcError not-found when it is not there. */
  async *read(digest: string): AsyncGenerator<Buffer> {
    const call = this.client.call(
      `${SERVICE}Read`,
      'ReadContentRequest',
      'ReadContentResponse',
      this.metadata,
    );
    await call.send({ digest });
    call.end();
    for await (const { data } of call.responses) yield data;
  }
}
