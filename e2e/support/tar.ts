/** One entry of a tar that a test writes byte by byte. */
export interface TarEntry {
  name: string;
  body?: Buffer | string;
  /** `0` a file (the default), `1` a hard link, `2` a symbolic link, `3` and `4` devices, `5` a folder. */
  type?: string;
  link?: string;
  mode?: number;
  /** Of a device. */
  major?: number;
  minor?: number;
}

/** A tar of just these entries, in their order: also such as no program would write. */
export function tarOfEntries(entries: TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const { name, body = '', type = '0', link = '', mode = 0o644, major, minor } of entries) {
    const content = Buffer.from(body);
    const head = Buffer.alloc(512);
    head.write(name, 0, 100);
    head.write(mode.toString(8).padStart(7, '0'), 100);
    head.write('0000000', 108);
    head.write('0000000', 116);
    head.write(content.length.toString(8).padStart(11, '0'), 124);
    head.write('00000000000', 136);
    head.write('        ', 148);
    head.write(type, 156);
    head.write(link, 157, 100);
    head.write('ustar\u000000', 257);
    if (major !== undefined) head.write(major.toString(8).padStart(7, '0'), 329);
    if (minor !== undefined) head.write(minor.toString(8).padStart(7, '0'), 337);
    const sum = head.reduce((total, byte) => total + byte, 0);
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    parts.push(head, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** A tar of files by name. */
export const tarOf = (files: Record<string, Buffer | string>): Buffer =>
  tarOfEntries(Object.entries(files).map(([name, body]) => ({ name, body })));
