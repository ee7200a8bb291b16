import { compileFilter } from './compile.ts';
import { withNewSyscalls } from './newcalls.ts';
import { nativeArchitecture, type SeccompFilter } from './profile.ts';

const ALLOW = 0x7fff0000;
const ENOSYS = 0x00050026;
const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const X32_BIT = 0x40000000;

/** The verdict of a filter on a call, by running the instructions that libseccomp and this daemon made. */
function verdict(program: Buffer, arch: number, number: number): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(arch, 4);
  let loaded = 0;
  for (let at = 0; ; at++) {
    const code = program.readUInt16LE(at * 8);
    const jumps = [program[at * 8 + 2]!, program[at * 8 + 3]!] as const;
    const value = program.readUInt32LE(at * 8 + 4);
    const jump = (taken: boolean) => (at += taken ? jumps[0] : jumps[1]);
    if (code === 0x20) loaded = data.readUInt32LE(value);
    else if (code === 0x54) loaded = (loaded & value) >>> 0;
    else if (code === 0x05) at += value;
    else if (code === 0x15) jump(loaded === value);
    else if (code === 0x25) jump(loaded > value);
    else if (code === 0x35) jump(loaded >= value);
    else if (code === 0x45) jump((loaded & value) !== 0);
    else if (code === 0x06) return value;
    else throw new Error(`instruction ${code}`);
  }
}

const filter = (extra: Partial<SeccompFilter> = {}): SeccompFilter => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  flags: [],
  syscalls: [{ names: ['read', 'openat2'], action: 'SCMP_ACT_ALLOW', args: [] }],
  ...extra,
});

const numbers: Record<string, number> = { read: 3, openat2: 437 };
const resolve = (arch: string, name: string) => numbers[name]! + (arch === 'SCMP_ARCH_X32' ? X32_BIT : 0);
/** Stands for the filter itself. */
const rest = Buffer.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f]);

test('calls newer than a profile are refused with ENOSYS, of every architecture in it', () => {
  const program = withNewSyscalls(rest, filter(), 'SCMP_ARCH_X86_64', resolve);
  for (const arch of [X86_64, I386]) {
    expect(verdict(program, arch, 437)).toBe(ALLOW);
    expect(verdict(program, arch, 438)).toBe(ENOSYS);
    expect(verdict(program, arch, 0)).toBe(ALLOW);
  }
  expect(verdict(program, X86_64, X32_BIT + 437)).toBe(ALLOW);
  expect(verdict(program, X86_64, X32_BIT + 438)).toBe(ENOSYS);
  expect(verdict(program, 0xc00000b7, 1000)).toBe(ALLOW); // none of the profile's: left to the filter
});

test('without x32 its numbers are left to the filter; killing profiles refuse newer calls too', () => {
  const only = { architectures: [] };
  const program = withNewSyscalls(rest, filter(only), 'SCMP_ARCH_X86_64', resolve);
  expect(verdict(program, X86_64, 438)).toBe(ENOSYS);
  expect(verdict(program, X86_64, X32_BIT + 438)).toBe(ALLOW);
  expect(verdict(program, I386, 438)).toBe(ALLOW);
  const killing = withNewSyscalls(
    rest,
    filter({ defaultAction: 'SCMP_ACT_KILL' }),
    'SCMP_ARCH_X86_64',
    resolve,
  );
  expect(verdict(killing, X86_64, 438)).toBe(ENOSYS);
  for (const open of [
    { defaultAction: 'SCMP_ACT_ALLOW' },
    { defaultAction: 'SCMP_ACT_LOG' },
    { defaultErrnoRet: 38 },
  ])
    expect(withNewSyscalls(rest, filter(open), 'SCMP_ARCH_X86_64', resolve)).toBe(rest);
});

test('with the numbers of libseccomp', () => {
  const program = compileFilter(filter({ architectures: [] }));
  const audit = nativeArchitecture() === 'SCMP_ARCH_X86_64' ? X86_64 : 0xc00000b7;
  expect(verdict(program, audit, 437)).toBe(ALLOW);
  expect(verdict(program, audit, 436)).toBe(0x00050001);
  expect(verdict(program, audit, 438)).toBe(ENOSYS);
});

test.each(['constructor', '__proto__', 'SCMP_ACT_X'])('%s is told to be no name of seccomp', (name) => {
  const rule = { names: ['mkdir'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: name, value: 1 }] };
  const refused = (given: object) => () => compileFilter({ ...filter(), ...given } as SeccompFilter);
  expect(refused({ defaultAction: name })).toThrow(`string ${name} is not a valid action for seccomp`);
  expect(refused({ architectures: [name] })).toThrow(`string ${name} is not a valid arch for seccomp`);
  expect(refused({ syscalls: [rule] })).toThrow(`string ${name} is not a valid operator for seccomp`);
});
