import { Readable } from 'node:stream';
import { pack } from 'tar-stream';

export type TarWriter = ReturnType<typeof pack>;
type Header = Parameters<TarWriter['entry']>[0];

/**
 * A tar that `write` fills as it is read. Its failure, whenever it comes, is the reader's error; a reader that stops
 * makes the next entry fail, so that the writing ends with it.
 */
export function writtenTar(write: (out: TarWriter) => Promise<void>): Readable {
  const out = pack();
  let failure: Error | undefined;
  write(out).then(
    () => out.finalize(),
    (error: Error) => {
      failure = error;
      out.destroy(error);
    },
  );
  // An error may come before anybody reads: the reader would be told of a destroyed stream, and not of the reason.
  out.on('error', () => undefined);
  const chunks = async function* () {
    try {
      yield* out as AsyncIterable<Buffer>;
    } catch (error) {
      throw failure ?? error;
    }
  };
  const tar = Readable.from(chunks(), { objectMode: false });
  // An iteration that never began does not destroy what it would have read.
  tar.once('close', () => out.destroy());
  return tar;
}

/** Writes an entry whose bytes are read from a stream. @throws what either side fails with. */
export function writeBody(out: TarWriter, header: Header, body: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    const sink = out.entry(header, (error) => (error ? reject(error) : resolve()));
    // A pipe makes an error of its own of one that nobody listens for.
    sink.on('error', reject);
    body.on('error', reject);
    body.pipe(sink);
  });
}
