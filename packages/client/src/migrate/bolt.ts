import { readFileSync } from 'node:fs';

/** A value of a bolt database, with the buckets that it stands in and its key. */
export interface BoltEntry {
  path: string[];
  value: Buffer;
}

const MAGIC = 0xed0cdaed;
const BRANCH = 1;
const LEAF = 2;
const BUCKET = 1;
/** The header of a page, and of each element on it. */
const HEADER = 16;
const DEEPEST = 100;

/**
 * Every value of a bolt database, read without opening it for writing: its owner may be running, in which case what is
 * read is one of its last states.
 * @throws when the file is none.
 */
export function readBolt(file: string): BoltEntry[] {
  const bytes = readFileSync(file);
  const metas = [0, 1]
    .map((page) => page * pageSize(bytes) + HEADER)
    .filter((at) => at + 64 <= bytes.length && bytes.readUInt32LE(at) === MAGIC)
    .sort((a, b) => Number(bytes.readBigUInt64LE(b + 48) - bytes.readBigUInt64LE(a + 48)));
  if (metas[0] === undefined) throw new Error(`${file} is no database of bolt`);
  const size = pageSize(bytes);
  const damaged = () => new Error(`${file} is damaged`);
  const entries: BoltEntry[] = [];
  // No byte belongs to two elements: pages that lead back to each other, or lie upon each other, use the file up.
  let left = bytes.length;
  const use = (count: number) => {
    left -= count;
    if (left < 0) throw damaged();
  };
  const page = (id: bigint, path: string[], depth: number) => walk(Number(id) * size, path, depth);
  const walk = (at: number, path: string[], depth: number): void => {
    if (depth > DEEPEST || at + HEADER > bytes.length) throw damaged();
    use(HEADER);
    const kind = bytes.readUInt16LE(at + 8);
    for (let index = 0; index < bytes.readUInt16LE(at + 10); index++) {
      const element = at + HEADER + index * 16;
      if (element + 16 > bytes.length) throw damaged();
      if (kind & BRANCH) {
        page(bytes.readBigUInt64LE(element + 8), path, depth + 1);
        continue;
      }
      if (!(kind & LEAF)) throw damaged();
      const key = element + bytes.readUInt32LE(element + 4);
      const value = key + bytes.readUInt32LE(element + 8);
      const end = value + bytes.readUInt32LE(element + 12);
      if (end > bytes.length) throw damaged();
      use(HEADER + value - key);
      const name = [...path, bytes.toString('utf8', key, value)];
      if (!(bytes.readUInt32LE(element) & BUCKET)) {
        use(end - value);
        entries.push({ path: name, value: bytes.subarray(value, end) });
        continue;
      }
      if (end - value < HEADER) throw damaged();
      // A small bucket's page stands in its place.
      if (bytes.readBigUInt64LE(value) === 0n) walk(value + 16, name, depth + 1);
      else page(bytes.readBigUInt64LE(value), name, depth + 1);
    }
  };
  page(bytes.readBigUInt64LE(metas[0] + 16), [], 0);
  return entries;
}

function pageSize(bytes: Buffer): number {
  const own =
    bytes.length >= HEADER + 16 && bytes.readUInt32LE(HEADER) === MAGIC ? bytes.readUInt32LE(HEADER + 8) : 0;
  return own || 4096;
}
