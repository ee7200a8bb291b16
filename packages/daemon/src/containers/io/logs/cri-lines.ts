const NEWLINE = 0x0a;
/** `TIME STREAM TAG `, before the text. */
const HEAD = /^(\S+) (stdout|stderr) ([FP])\S* /;
/** Bytes in which a head ends. */
const HEAD_MAX = 64;

/** Whole lines of the Container Runtime Interface's log format as those of json-file; what is none of them is left out. */
export function jsonLines(block: Buffer): Buffer {
  const lines: string[] = [];
  for (let start = 0; start < block.length; ) {
    const newline = block.indexOf(NEWLINE, start);
    const end = newline === -1 ? block.length : newline;
    const head = HEAD.exec(block.toString('latin1', start, Math.min(end, start + HEAD_MAX)));
    if (head) {
      const [whole, time, stream, tag] = head;
      const text = block.toString('utf8', start + whole.length, end);
      // A piece of a line that goes on has no end of its own.
      lines.push(
        `{"log":${JSON.stringify(tag === 'F' ? `${text}\n` : text)},"stream":"${stream}","time":"${time}"}\n`,
      );
    }
    start = end + 1;
  }
  return Buffer.from(lines.join(''));
}
