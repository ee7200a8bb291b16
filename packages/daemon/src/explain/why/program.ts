import type { ExplainRooms } from '../rooms.ts';

const BLOCK = 512;
const WANTED = 2 * BLOCK;

/** The beginning of a file in a container's root, and its owner and mode. */
export interface InRoot {
  mode: number;
  uid: number;
  gid: number;
  folder: boolean;
  /** The first bytes of a file. */
  head: Buffer;
}

/** Looks at a path of the container as its archive has it: resolved in its root by the helper. undefined: not there. */
export async function lookInRoot(
  { containers }: Pick<ExplainRooms, 'containers'>,
  id: string,
  path: string,
): Promise<InRoot | undefined> {
  try {
    const { tar } = await containers.archiveGet(id, path);
    let bytes = Buffer.alloc(0);
    try {
      for await (const chunk of tar) {
        bytes = Buffer.concat([bytes, chunk as Buffer]);
        if (bytes.length >= WANTED) break;
      }
    } finally {
      tar.destroy();
    }
    if (bytes.length < BLOCK) return undefined;
    const octal = (from: number, to: number) =>
      Number.parseInt(bytes.toString('latin1', from, to).replace(/\0.*$/s, '').trim(), 8) || 0;
    const size = octal(124, 136);
    return {
      mode: octal(100, 108),
      uid: octal(108, 116),
      gid: octal(116, 124),
      folder: bytes[156] === 0x35,
      head: bytes.subarray(BLOCK, BLOCK + Math.min(size, BLOCK)),
    };
  } catch {
    return undefined;
  }
}

/** ELF's numbers of machines (elf.h), by Go's names. */
const MACHINES: Record<number, string> = {
  3: '386',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'amd64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
};

/** The kind of a program, told by its first bytes. */
export function programKind(
  head: Buffer,
): { kind: 'elf'; machine: string } | { kind: 'script'; interpreter: string } | { kind: 'unknown' } {
  if (head.length >= 20 && head.readUInt32BE(0) === 0x7f454c46) {
    const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
    return { kind: 'elf', machine: MACHINES[machine] ?? `machine ${machine}` };
  }
  if (head.toString('latin1', 0, 2) === '#!')
    return { kind: 'script', interpreter: head.toString('utf8', 2).split('\n')[0]!.trimStart() };
  return { kind: 'unknown' };
}
