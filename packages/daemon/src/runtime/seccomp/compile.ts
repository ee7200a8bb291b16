import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFfi } from '@berth/native/ffi.ts';
import { withNewSyscalls } from './newcalls.ts';
import { nativeArchitecture, type SeccompFilter } from './profile.ts';

/* libseccomp's numbers (seccomp.h); actions are the kernel's own. */
export const ACTIONS: Record<string, number> = {
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};
export const COMPARISONS: Record<string, number> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};
export const ARCHITECTURES: Record<string, number> = {
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_ARM: 0x40000028,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_MIPS: 0x00000008,
  SCMP_ARCH_MIPS64: 0x80000008,
  SCMP_ARCH_MIPS64N32: 0xa0000008,
  SCMP_ARCH_MIPSEL: 0x40000008,
  SCMP_ARCH_MIPSEL64: 0xc0000008,
  SCMP_ARCH_MIPSEL64N32: 0xe0000008,
  SCMP_ARCH_PPC: 0x00000014,
  SCMP_ARCH_PPC64: 0x80000015,
  SCMP_ARCH_PPC64LE: 0xc0000015,
  SCMP_ARCH_S390: 0x00000016,
  SCMP_ARCH_S390X: 0x80000016,
  SCMP_ARCH_RISCV64: 0xc00000f3,
};
const FILTER_ATTRIBUTE_BAD_ARCH = 2;
const FILTER_ATTRIBUTE_NO_NEW_PRIVILEGES = 3;
const FILTER_ATTRIBUTE_OPTIMIZE = 8;
const BINARY_TREE = 2;
const UNKNOWN_SYSCALL = -1;
const EPERM = 1;
const EEXIST = 17;

type Call = (...values: unknown[]) => number;
interface Library {
  init(action: number): unknown;
  release: Call;
  archAdd: Call;
  attrSet: Call;
  resolve: Call;
  resolveFor: Call;
  ruleAdd: Call;
  exportBpf: Call;
}

let library: Library | undefined;

/** libseccomp through the FFI; loaded when a profile is compiled, which a cached one need not be. */
function load(): Library {
  if (library) return library;
  const koffi = openFfi();
  const lib = koffi.load('libseccomp.so.2');
  koffi.struct('scmp_arg_cmp', { arg: 'uint', op: 'int', datum_a: 'uint64', datum_b: 'uint64' });
  library = {
    init: lib.func('void *seccomp_init(uint32 action)') as (action: number) => unknown,
    release: lib.func('void seccomp_release(void *ctx)'),
    archAdd: lib.func('int seccomp_arch_add(void *ctx, uint32 arch)'),
    attrSet: lib.func('int seccomp_attr_set(void *ctx, int attribute, uint32 value)'),
    resolve: lib.func('int seccomp_syscall_resolve_name(str name)'),
    resolveFor: lib.func('int seccomp_syscall_resolve_name_arch(uint32 arch, str name)'),
    ruleAdd: lib.func(
      'int seccomp_rule_add_array(void *ctx, uint32 action, int syscall, uint count, scmp_arg_cmp *args)',
    ),
    exportBpf: lib.func('int seccomp_export_bpf(void *ctx, int fd)'),
  };
  return library;
}

/** The number of a name that comes from a user, who may write `constructor`, too. */
function named(table: Record<string, number>, name: string): number | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function actionOf(name: string, errnoRet: number | undefined): number {
  if (name === 'SCMP_ACT_NOTIFY') throw new Error('SCMP_ACT_NOTIFY needs a listener, which berthd has not');
  const action = named(ACTIONS, name);
  if (action === undefined) throw new Error(`string ${name} is not a valid action for seccomp`);
  return name === 'SCMP_ACT_ERRNO' || name === 'SCMP_ACT_TRACE'
    ? action | ((errnoRet ?? EPERM) & 0xffff)
    : action;
}

function check(status: number, what: string): void {
  if (status < 0 && status !== -EEXIST) throw new Error(`seccomp: ${what}: error ${-status}`);
}

/**
 * Turns a filter into BPF instructions, as the kernel takes them.
 * @throws Error naming what is wrong in the filter, or that libseccomp can't be loaded.
 */
export function compileFilter(filter: SeccompFilter): Buffer {
  const lib = load();
  const context = lib.init(actionOf(filter.defaultAction, filter.defaultErrnoRet));
  if (!context) throw new Error('seccomp: no filter could be made');
  try {
    // Whether privileges may be gained is decided apart from the filter.
    check(lib.attrSet(context, FILTER_ATTRIBUTE_NO_NEW_PRIVILEGES, 0), 'attributes');
    check(
      lib.attrSet(context, FILTER_ATTRIBUTE_BAD_ARCH, actionOf(filter.defaultAction, filter.defaultErrnoRet)),
      'attributes',
    );
    lib.attrSet(context, FILTER_ATTRIBUTE_OPTIMIZE, BINARY_TREE); // from libseccomp 2.5 on
    for (const name of filter.architectures) {
      const architecture = named(ARCHITECTURES, name);
      if (architecture === undefined) throw new Error(`string ${name} is not a valid arch for seccomp`);
      check(lib.archAdd(context, architecture), `architecture ${name}`);
    }
    for (const rule of filter.syscalls) addRule(lib, context, rule, filter);
    return withNewSyscalls(exportInstructions(lib, context), filter, nativeArchitecture(), (arch, name) =>
      lib.resolveFor(ARCHITECTURES[arch], name),
    );
  } finally {
    lib.release(context);
  }
}

function addRule(
  lib: Library,
  context: unknown,
  rule: SeccompFilter['syscalls'][number],
  filter: SeccompFilter,
): void {
  const action = actionOf(rule.action, rule.errnoRet ?? filter.defaultErrnoRet);
  // libseccomp refuses rules that say what is so anyway.
  if (action === actionOf(filter.defaultAction, filter.defaultErrnoRet)) return;
  const args = rule.args.map(({ index, op, value, valueTwo }) => {
    const comparison = named(COMPARISONS, op);
    if (comparison === undefined) throw new Error(`string ${op} is not a valid operator for seccomp`);
    return { arg: index, op: comparison, datum_a: BigInt(value), datum_b: BigInt(valueTwo ?? 0) };
  });
  // Several conditions on one argument are alternatives to libseccomp's callers, each a rule of its own.
  const sets = new Set(args.map(({ arg }) => arg)).size === args.length ? [args] : args.map((one) => [one]);
  for (const name of rule.names) {
    const number = lib.resolve(name);
    if (number === UNKNOWN_SYSCALL) continue; // not of this libseccomp
    for (const set of sets) check(lib.ruleAdd(context, action, number, set.length, set), `rule for ${name}`);
  }
}

/** seccomp_export_bpf writes to an fd; a file is one that every version of the library takes. */
function exportInstructions(lib: Library, context: unknown): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'berth-seccomp-'));
  const path = join(folder, 'filter');
  try {
    const fd = openSync(path, 'w', 0o600);
    try {
      check(lib.exportBpf(context, fd), 'export');
    } finally {
      closeSync(fd);
    }
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
