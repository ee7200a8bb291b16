import type { OciSeccomp } from '../oci/config.ts';

/** A profile in the format of Docker's `--security-opt seccomp=FILE`. */
export interface SeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  /** Either these, or `archMap`: the machine's own entry is taken with its companions. */
  architectures?: string[];
  archMap?: Array<{ architecture: string; subArchitectures: string[] | null }>;
  flags?: string[];
  syscalls?: SeccompRule[];
}

export interface SeccompRule {
  name?: string;
  names?: string[];
  action: string;
  errnoRet?: number;
  args?: SeccompArgument[] | null;
  comment?: string;
  includes?: Condition;
  excludes?: Condition;
}

export interface SeccompArgument {
  index: number;
  value: number;
  valueTwo?: number;
  op: string;
}

/** The conditions under which a rule counts; all given members have to hold. */
export interface Condition {
  caps?: string[];
  arches?: string[];
  minKernel?: string;
}

/** A profile resolved for one container: `linux.seccomp` of the OCI spec. */
export type SeccompFilter = OciSeccomp;

/** The machine that a profile's conditions are held against. */
export interface Machine {
  /** As Go names it: amd64, arm64. */
  arch: string;
  kernel: string;
}

const GO_ARCH: Record<string, string> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', riscv64: 'riscv64' };
const NATIVE: Record<string, string> = {
  amd64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
  arm: 'SCMP_ARCH_ARM',
  riscv64: 'SCMP_ARCH_RISCV64',
};

/** libseccomp's name of this machine's architecture; '' for one that is not known here. */
export const nativeArchitecture = (): string => NATIVE[goArch(process.arch)] ?? '';

/** Go's name of an architecture, by which seccomp profiles name it, for Node's name; others are the same in both. */
export const goArch = (arch: string): string => GO_ARCH[arch] ?? arch;

/**
 * Resolves a profile's conditions for a container.
 * @param capabilities the container's bounding set.
 * @throws Error in dockerd's words for a profile that contradicts itself.
 */
export function resolveProfile(
  profile: SeccompProfile,
  capabilities: string[],
  machine: Machine,
): SeccompFilter {
  if (profile.architectures?.length && profile.archMap?.length)
    throw new Error(
      "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  const filter: SeccompFilter = {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet !== undefined && { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: architectures(profile, machine),
    flags: profile.flags ?? [],
    syscalls: [],
  };
  for (const rule of profile.syscalls ?? []) {
    if (rule.name && rule.names?.length)
      throw new Error(
        "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'",
      );
    if (!applies(rule, capabilities, machine)) continue;
    filter.syscalls.push({
      names: rule.name ? [rule.name] : (rule.names ?? []),
      action: rule.action,
      ...(rule.errnoRet !== undefined && { errnoRet: rule.errnoRet }),
      args: rule.args ?? [],
    });
  }
  return filter;
}

function architectures(profile: SeccompProfile, machine: Machine): string[] {
  if (profile.architectures?.length) return profile.architectures;
  const native = NATIVE[machine.arch];
  const entry = profile.archMap?.find(({ architecture }) => architecture === native);
  return entry ? [entry.architecture, ...(entry.subArchitectures ?? [])] : [];
}

function applies({ includes, excludes }: SeccompRule, capabilities: string[], machine: Machine): boolean {
  if (excludes?.arches?.includes(machine.arch)) return false;
  if (excludes?.caps?.some((name) => capabilities.includes(name))) return false;
  if (excludes?.minKernel && atLeast(machine.kernel, excludes.minKernel)) return false;
  if (includes?.arches?.length && !includes.arches.includes(machine.arch)) return false;
  if (includes?.caps?.some((name) => !capabilities.includes(name))) return false;
  return !includes?.minKernel || atLeast(machine.kernel, includes.minKernel);
}

function atLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
