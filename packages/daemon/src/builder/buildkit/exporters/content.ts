import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import type { Session } from '../session/session.ts';

/** The name by which clients offer the folder that an OCI layout goes into. */
const STORE = 'export';

/** Writes the blobs of an OCI layout's tar into the client's folder; the client writes its index. */
export async function sendLayout(session: Session, tar: Readable): Promise<void> {
  const reader = extract();
  tar.on('error', (error) => reader.destroy(error));
  tar.pipe(reader);
  const content = session.content(STORE);
  for await (const entry of reader) {
    const { name, size = 0, type } = entry.header;
    const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
    if (type !== 'file' || hex === undefined) {
      entry.resume();
      continue;
    }
    await content.write(`sha256:${hex}`, size, entry as AsyncIterable<Buffer>);
  }
}
