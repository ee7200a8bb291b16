import type { SeccompFilter } from './profile.ts';

/*
 * Calls that are newer than a profile are refused with ENOSYS instead of its default EPERM, as runc does: programs that
 * probe for a call take the old way on ENOSYS, and fail on EPERM.
 */

const AUDIT_ARCH: Record<string, number> = { x64: 0xc000003e, arm64: 0xc00000b7 };
const X32_BIT = 0x40000000;
const ENOSYS = 38;

/* Classic BPF (linux/bpf_common.h). */
const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_GREATER = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
const OFFSET_NUMBER = 0;
const OFFSET_ARCH = 4;

const instruction = (code: number, value: number, ifTrue = 0, ifFalse = 0): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(value >>> 0, 4);
  return bytes;
};

/** The numbers of a call that every profile can be taken to know: the newest one named. */
function newestKnown(filter: SeccompFilter, resolve: (name: string) => number): number {
  let newest = 0;
  for (const { names } of filter.syscalls) for (const name of names) newest = Math.max(newest, resolve(name));
  return newest;
}

/** Puts the check for newer calls of the machine's own architecture before a filter that refuses by default. */
export function withNewSyscalls(
  program: Buffer,
  filter: SeccompFilter,
  resolve: (name: string) => number,
  arch: string = process.arch,
): Buffer {
  const audit = AUDIT_ARCH[arch];
  const newest = newestKnown(filter, resolve);
  if (filter.defaultAction !== 'SCMP_ACT_ERRNO' || audit === undefined || newest === 0) return program;
  return Buffer.concat([
    instruction(LOAD_WORD, OFFSET_ARCH),
    instruction(JUMP_EQUAL, audit, 0, 4),
    instruction(LOAD_WORD, OFFSET_NUMBER),
    instruction(JUMP_GREATER, X32_BIT - 1, 2, 0),
    instruction(JUMP_GREATER, newest, 0, 1),
    instruction(RETURN, 0x00050000 | ENOSYS),
    program,
  ]);
}
