import { existsSync } from 'node:fs';
import type { RuntimeRequest, RuntimeSpec } from './api.ts';
import { containerCapabilities } from './capabilities.ts';
import { containerDevices } from './devices.ts';
import { maskedPaths, READONLY_PATHS } from './masks.ts';
import { containerMounts } from './mounts.ts';
import type { Seccomp } from './seccomp/index.ts';
import { parseSecurityOptions } from './security.ts';
import { checkSysctls, defaultSysctls } from './sysctls.ts';
import type { Remapping } from './userns.ts';

/** The daemon's settings that decide about a spec. */
export interface SpecContext {
  seccomp: Seccomp;
  hasSeccomp: boolean;
  /** The AppArmor profile of containers that name none; '' where there is no AppArmor. */
  apparmorProfile: string;
  hasAppArmor: boolean;
  noNewPrivileges: boolean;
  remapping: Remapping | undefined;
  hasPing: boolean;
  /** `private` or `host`, where the request does not say. */
  defaultCgroupNamespace: string;
  cgroupPath(request: RuntimeRequest): string;
}

/**
 * The OCI spec of a container, with every default in it.
 * @throws invalid-parameter, system: in dockerd's words, what of the request can't be done.
 */
export function buildSpec(request: RuntimeRequest, context: SpecContext): RuntimeSpec {
  checkSysctls(request);
  const security = parseSecurityOptions(request.securityOpt);
  const capabilities = containerCapabilities(request);
  const { devices, rules } = containerDevices(request);
  const filter = seccompFilter(request, security.seccomp, capabilities, context);
  const apparmor = apparmorProfile(request.privileged, security.apparmor, context);
  const remapping = request.namespaces.user === 'private' ? context.remapping : undefined;
  return {
    ociVersion: '1.2.0',
    process: {
      terminal: request.tty,
      ...(request.consoleSize && {
        consoleSize: { height: request.consoleSize[0], width: request.consoleSize[1] },
      }),
      // Names are known inside only; C looks them up in the container's own files.
      user: { uid: 0, gid: 0, username: request.user },
      args: request.args,
      env: request.env,
      cwd: request.cwd,
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
        inheritable: [],
        ambient: [],
      },
      rlimits: request.ulimits.map(({ Name, Soft, Hard }) => ({
        type: `RLIMIT_${Name.toUpperCase()}`,
        soft: Soft,
        hard: Hard,
      })),
      noNewPrivileges: security.noNewPrivileges ?? context.noNewPrivileges,
      ...(apparmor && { apparmorProfile: apparmor }),
      oomScoreAdj: request.oomScoreAdj,
    },
    root: { path: request.rootFilesystem.upper, readonly: request.readonlyRootfs },
    hostname: request.hostname,
    domainname: request.domainname,
    mounts: writableCgroups(containerMounts(request), security.writableCgroups),
    annotations: request.annotations,
    linux: {
      ...(remapping && { uidMappings: remapping.uids, gidMappings: remapping.gids }),
      namespaces: namespaces(request, remapping !== undefined, context),
      devices,
      resources: { devices: rules },
      cgroupsPath: context.cgroupPath(request),
      sysctl: { ...defaultSysctls(request, context.hasPing), ...request.sysctls },
      ...(filter && { seccomp: filter as unknown as Record<string, unknown> }),
      maskedPaths: request.maskedPaths ?? (request.privileged ? [] : maskedPaths()),
      readonlyPaths: request.readonlyPaths ?? (request.privileged ? [] : READONLY_PATHS),
    },
  };
}

function writableCgroups(mounts: RuntimeSpec['mounts'], writable: boolean): RuntimeSpec['mounts'] {
  if (!writable) return mounts;
  return mounts.map((mount) =>
    mount.type === 'cgroup' ? { ...mount, options: [...(mount.options ?? []), 'rw'] } : mount,
  );
}

/** The seccomp filter of a container; for a privileged one only a profile that it names itself counts. */
function seccompFilter(
  request: RuntimeRequest,
  option: string,
  capabilities: string[],
  context: SpecContext,
) {
  if (!context.hasSeccomp || (request.privileged && option === '')) return undefined;
  return context.seccomp.filter(option, capabilities);
}

/** The profile that a container's processes get; '' for none of its own. */
export function apparmorProfile(
  privileged: boolean,
  option: string,
  context: Pick<SpecContext, 'hasAppArmor' | 'apparmorProfile'>,
): string {
  if (!context.hasAppArmor) return '';
  if (option) return option;
  return privileged ? 'unconfined' : context.apparmorProfile;
}

function namespaces(
  request: RuntimeRequest,
  remapped: boolean,
  context: SpecContext,
): RuntimeSpec['linux']['namespaces'] {
  const { network, pid, ipc, uts, cgroup, user } = request.namespaces;
  const list: RuntimeSpec['linux']['namespaces'] = [{ type: 'mount' }];
  const add = (type: string, asked: string) => {
    if (asked === 'host') return;
    list.push(asked.startsWith('/') ? { type, path: asked } : { type });
  };
  add('network', network);
  add('pid', pid);
  add('ipc', ipc);
  add('uts', uts);
  add('cgroup', cgroup || context.defaultCgroupNamespace);
  if (user.startsWith('/')) list.push({ type: 'user', path: user });
  else if (remapped) list.push({ type: 'user' });
  return list;
}

/** Kernels without it have no file to link to. */
export const hasKcore = (): boolean => existsSync('/proc/kcore');
