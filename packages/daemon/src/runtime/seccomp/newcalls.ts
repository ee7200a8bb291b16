import type { SeccompFilter } from './profile.ts';

/*
 * Calls that are newer than a profile are refused with ENOSYS instead of its default EPERM, as runc does: programs that
 * probe for a call take the old way on ENOSYS, and fail on EPERM. Each architecture of the profile has numbers of its own.
 */

/** linux/audit.h, by libseccomp's names. x32 is x86-64 with a bit in the number. */
const AUDIT_ARCH: Record<string, number> = {
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X32: 0xc000003e,
  SCMP_ARCH_ARM: 0x40000028,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_RISCV64: 0xc00000f3,
};
const X32 = 'SCMP_ARCH_X32';
const X32_BIT = 0x40000000;
const ENOSYS = 38;

/* Classic BPF (linux/bpf_common.h). */
const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP = 0x05; // BPF_JMP | BPF_JA
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

type Resolve = (arch: string, name: string) => number;

/** The newest call that a profile names; it can be taken to know those before. 0: none. */
function newestKnown(filter: SeccompFilter, arch: string, resolve: Resolve): number {
  let newest = 0;
  for (const { names } of filter.syscalls)
    for (const name of names) newest = Math.max(newest, resolve(arch, name));
  return newest;
}

/** ENOSYS for numbers above `newest`; 0: for none. Two instructions, or none. */
const above = (newest: number): Buffer[] =>
  newest === 0 ? [] : [instruction(JUMP_GREATER, newest, 0, 1), instruction(RETURN, 0x00050000 | ENOSYS)];

/** Puts the check for newer calls of its architectures before a filter that refuses by default. */
export function withNewSyscalls(
  program: Buffer,
  filter: SeccompFilter,
  native: string,
  resolve: Resolve,
): Buffer {
  const { defaultAction, defaultErrnoRet } = filter;
  if (['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG'].includes(defaultAction) || defaultErrnoRet === ENOSYS)
    return program;
  const names = [...new Set([native, ...filter.architectures])].filter((name) => AUDIT_ARCH[name]);
  const sections: Buffer[][] = [];
  for (const audit of new Set(names.map((name) => AUDIT_ARCH[name]!))) {
    const newest = (wanted: boolean) =>
      Math.max(
        0,
        ...names
          .filter((name) => AUDIT_ARCH[name] === audit && (name === X32) === wanted)
          .map((name) => newestKnown(filter, name, resolve)),
      );
    const usual = above(newest(false));
    const x32 = above(newest(true));
    // Numbers of x32 are higher than all others.
    const body = [
      instruction(LOAD_WORD, OFFSET_NUMBER),
      instruction(JUMP_GREATER, X32_BIT - 1, usual.length + 1, 0),
      ...usual,
      instruction(JUMP, x32.length),
      ...x32,
    ];
    sections.push([instruction(JUMP_EQUAL, audit, 0, body.length + 1), ...body]);
  }
  // Each section ends with a jump over those behind it.
  const behind = (index: number) =>
    sections.slice(index + 1).reduce((sum, section) => sum + section.length + 1, 0);
  return Buffer.concat([
    instruction(LOAD_WORD, OFFSET_ARCH),
    ...sections.flatMap((section, index) => [...section, instruction(JUMP, behind(index))]),
    program,
  ]);
}
