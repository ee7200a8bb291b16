import type { ExplainRooms } from '../rooms.ts';

const LINES = 200;
const MOST = 128 * 1024;
/** Characters of a line that are looked at: it is what a program likes to write, and is searched for many things. */
const LONGEST = 4096;
const HEADER = 8;

/** The last lines of a container's log, without the frames of its streams; none where its driver keeps none. */
export async function logTail(
  { containers }: Pick<ExplainRooms, 'containers'>,
  id: string,
): Promise<string[]> {
  const end = new AbortController();
  try {
    const { tty, stream } = await containers.logs(id, {
      stdout: true,
      stderr: true,
      follow: false,
      timestamps: false,
      details: false,
      since: 0n,
      until: 0n,
      tail: LINES,
      signal: end.signal,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size >= MOST) break;
    }
    const bytes = Buffer.concat(chunks);
    return (tty ? bytes.toString() : withoutFrames(bytes))
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => line.slice(0, LONGEST));
  } catch {
    return [];
  } finally {
    end.abort();
  }
}

function withoutFrames(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const size = bytes.readUInt32BE(at + 4);
    text += bytes.toString('utf8', at + HEADER, Math.min(bytes.length, at + HEADER + size));
    at += HEADER + size;
  }
  return text;
}
