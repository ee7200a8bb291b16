import type { ContainerSnapshot } from '../../containers/api.ts';
import { containerCapabilities, DEFAULT_CAPABILITIES, parseSecurityOptions } from '../../runtime/index.ts';
import type { ExplainedConfinement } from '../api.ts';
import type { ExplainRooms } from '../rooms.ts';
import { CAPABILITY_MEANINGS, capabilitiesOf } from './capabilities.ts';
import { readBeginning, statusField } from './proc.ts';

/** The restrictions of a container: of a running one as the kernel has it, else as its next start would have it. */
export function confinementOf(
  rooms: Pick<ExplainRooms, 'runtime' | 'settings'>,
  container: ContainerSnapshot,
): ExplainedConfinement {
  const { hostConfig: host } = container.record;
  const { pid } = container.state;
  const status = pid > 0 ? readBeginning(`/proc/${pid}/status`) : undefined;
  const names = status ? capabilitiesOf(statusField(status, 'CapBnd')) : asConfigured(container);
  const security = securityOf(host.SecurityOpt ?? []);
  const mounted = pid > 0 ? mountPoints(pid) : undefined;
  // A path that this machine does not have needs no mask.
  const there = (path: string) => mounted === undefined || mounted.has(path);
  return {
    Privileged: host.Privileged,
    Capabilities: names.map((Name) => ({
      Name,
      Meaning: CAPABILITY_MEANINGS[Name] ?? 'not known to this version',
      Default: DEFAULT_CAPABILITIES.includes(Name),
    })),
    CapabilitiesBeyond: names.filter((name) => !DEFAULT_CAPABILITIES.includes(name)),
    CapabilitiesWithheld: DEFAULT_CAPABILITIES.filter((name) => !names.includes(name)),
    NoNewPrivileges: status
      ? statusField(status, 'NoNewPrivs') === '1'
      : (security?.noNewPrivileges ?? rooms.settings.noNewPrivileges),
    Seccomp: seccompOf(rooms, host.Privileged, security?.seccomp ?? '', status),
    ...(status && { SeccompFilters: Number(statusField(status, 'Seccomp_filters')) || 0 }),
    AppArmor: apparmorOf(rooms, container),
    MaskedPaths: (host.MaskedPaths ?? []).filter(there),
    ReadonlyPaths: (host.ReadonlyPaths ?? []).filter(there),
    Devices: (host.Devices ?? []).map(
      ({ PathOnHost, PathInContainer, CgroupPermissions }) =>
        `${PathOnHost}:${PathInContainer}:${CgroupPermissions}`,
    ),
  };
}

function asConfigured({ record: { hostConfig } }: ContainerSnapshot): string[] {
  try {
    return containerCapabilities({
      privileged: hostConfig.Privileged,
      capAdd: hostConfig.CapAdd ?? [],
      capDrop: hostConfig.CapDrop ?? [],
    });
  } catch {
    return []; // made on another machine, or by another version
  }
}

function securityOf(options: string[]): ReturnType<typeof parseSecurityOptions> | undefined {
  try {
    return parseSecurityOptions(options);
  } catch {
    return undefined;
  }
}

/** If the kernel tells whether a filter holds, its word counts: 2 is a filter (proc_pid_status(5)). */
function seccompOf(
  { settings }: Pick<ExplainRooms, 'settings'>,
  privileged: boolean,
  option: string,
  status: string | undefined,
): string {
  if (status && statusField(status, 'Seccomp') !== '2') return 'unconfined';
  const chosen = option || (privileged ? 'unconfined' : settings.seccompProfile);
  if (chosen === 'unconfined') return status ? 'custom' : 'unconfined';
  return chosen === '' || chosen === 'builtin' ? 'builtin' : 'custom';
}

function apparmorOf(
  { runtime }: Pick<ExplainRooms, 'runtime'>,
  { record, state }: ContainerSnapshot,
): string {
  const { Privileged: privileged, SecurityOpt } = record.hostConfig;
  let asked = '';
  try {
    asked = runtime.apparmorProfile({ privileged, securityOpt: SecurityOpt ?? [] });
  } catch {
    // an option of another version
  }
  if (asked === '' || state.pid === 0) return asked;
  const current = readBeginning(`/proc/${state.pid}/attr/current`)?.replace(/\0|\s*\(.*\)\s*$|\n/g, '');
  return current || asked;
}

/** The places where something is mounted, as /proc/PID/mountinfo has them. */
export function mountPoints(pid: number): Set<string> {
  const points = new Set<string>();
  for (const line of (readBeginning(`/proc/${pid}/mountinfo`) ?? '').split('\n')) {
    const point = line.split(' ')[4];
    if (point)
      points.add(
        point.replaceAll(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
      );
  }
  return points;
}
