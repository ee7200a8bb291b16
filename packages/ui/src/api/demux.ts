/** The header before each piece of output: which stream (1 is standard output, 2 standard error), and how many bytes. */
const HEADER = 8;

export type Output = 1 | 2;

/** Takes the two outputs of a program apart again, wherever the bytes are cut. `take` has each piece when it comes. */
export function demux(take: (output: Output, bytes: Uint8Array) => void): (chunk: Uint8Array) => void {
  const header = new Uint8Array(HEADER);
  let known = 0;
  let left = 0;
  let output: Output = 1;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const part = chunk.subarray(at, at + HEADER - known);
        header.set(part, known);
        known += part.length;
        at += part.length;
        if (known < HEADER) return;
        known = 0;
        output = header[0] === 2 ? 2 : 1;
        left = new DataView(header.buffer).getUint32(4);
        continue;
      }
      const part = chunk.subarray(at, at + left);
      left -= part.length;
      at += part.length;
      take(output, part);
    }
  };
}
