import { existsSync } from 'node:fs';
import type { Resources, RuntimeRequest } from './api.ts';
import { ambientCapabilities, availableCapabilities, containerCapabilities } from './capabilities.ts';
import { containerDevices } from './devices/devices.ts';
import { idMapWord } from './id-map.ts';
import { maskedPaths, READONLY_PATHS } from './masks.ts';
import { containerMounts } from './mounts.ts';
import type { OciMount, OciNamespace, OciProcess, OciSeccomp, RuntimeSpec } from './oci/config.ts';
import { ownAnnotation, ROOT_PATH } from './oci/own.ts';
import { ociResources } from './resources.ts';
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
  /** The limits that the kernel can apply. */
  supported(resources: Resources): Resources;
}

/** dockerd sets a container's domain name by this parameter: runtimes older than the spec's `domainname` know it, too. */
export const DOMAIN_NAME = 'kernel.domainname';

const OCI_VERSION = '1.2.0';

/**
 * The OCI spec of a container: complete, with every default in it.
 * @throws invalid-parameter, system: in dockerd's words, what of the request can't be done.
 */
export function buildSpec(request: RuntimeRequest, context: SpecContext): RuntimeSpec {
  checkSysctls(request);
  const security = parseSecurityOptions(request.securityOpt);
  const { devices, rules } = containerDevices(request);
  const { mounts, prepared, forcedReadOnly } = containerMounts(request);
  const filter = seccompFilter(request, context);
  const remapping = request.namespaces.user === 'private' ? context.remapping : undefined;
  const { uts } = request.namespaces;
  const idmapped = request.mounts.flatMap(({ destination, idmap }) =>
    idmap ? [[destination, idMapWord(idmap.map, idmap.recursive, remapping)] as const] : [],
  );
  const ownNames = uts !== 'host' && !uts.startsWith('/');
  return {
    ociVersion: OCI_VERSION,
    process: containerProcess(request, context),
    root: { path: ROOT_PATH, readonly: request.readonlyRootfs },
    ...(ownNames && request.hostname && { hostname: request.hostname }),
    mounts: security.writableCgroups ? mounts.map(writableCgroup) : mounts,
    ...(Object.keys(request.cdi?.hooks ?? {}).length > 0 && { hooks: request.cdi!.hooks }),
    annotations: {
      ...request.annotations,
      ...ownAnnotation({
        id: request.id,
        root: request.rootFilesystem,
        user: request.user,
        groups: request.groupAdd,
        ...(request.groupsPolicy && { groupsPolicy: request.groupsPolicy }),
        ...(idmapped.length > 0 && { idmapped: Object.fromEntries(idmapped) }),
        init: request.init,
        prepared,
        forcedReadOnly,
      }),
    },
    linux: {
      ...(remapping && { uidMappings: remapping.uids, gidMappings: remapping.gids }),
      namespaces: namespaces(request, remapping !== undefined, context),
      devices,
      resources: { devices: rules, ...ociResources(context.supported(request.resources)) },
      cgroupsPath: context.cgroupPath(request),
      sysctl: {
        ...defaultSysctls(request, context.hasPing),
        ...request.sysctls,
        ...(ownNames && request.domainname && { [DOMAIN_NAME]: request.domainname }),
      },
      ...(filter && { seccomp: filter }),
      ...(request.cdi?.intelRdt && { intelRdt: request.cdi.intelRdt }),
      ...(Object.keys(request.cdi?.netDevices ?? {}).length > 0 && {
        netDevices: request.cdi!.netDevices,
      }),
      ...rootPropagation(mounts),
      maskedPaths: request.maskedPaths ?? (request.privileged ? [] : maskedPaths()),
      readonlyPaths: request.readonlyPaths ?? (request.privileged ? [] : READONLY_PATHS),
    },
  };
}

/** A process of a container: the first one's confinement, which an exec has, too, but for what it asks to have of its own. */
export function containerProcess(
  request: RuntimeRequest,
  context: SpecContext,
  own: Pick<RuntimeRequest, 'args' | 'env' | 'cwd' | 'tty' | 'consoleSize'> & {
    privileged?: boolean;
  } = request,
): OciProcess {
  const security = parseSecurityOptions(request.securityOpt);
  const more = own !== request && own.privileged === true;
  const ambient = ambientCapabilities(request);
  const capabilities = more ? availableCapabilities() : containerCapabilities(request);
  const apparmor =
    more && context.hasAppArmor
      ? 'unconfined'
      : apparmorProfile(request.privileged, security.apparmor, context);
  return {
    terminal: own.tty,
    ...(own.consoleSize && { consoleSize: { height: own.consoleSize[0], width: own.consoleSize[1] } }),
    user: { uid: 0, gid: 0 },
    args: own.args,
    env: own.env,
    cwd: own.cwd,
    capabilities: {
      bounding: capabilities,
      effective: capabilities,
      permitted: capabilities,
      inheritable: ambient,
      ambient,
    },
    rlimits: request.ulimits.map(({ Name, Soft, Hard }) => ({
      type: `RLIMIT_${Name.toUpperCase()}`,
      soft: Soft,
      hard: Hard,
    })),
    noNewPrivileges: security.noNewPrivileges ?? context.noNewPrivileges,
    ...(apparmor && { apparmorProfile: apparmor }),
    oomScoreAdj: request.oomScoreAdj,
  };
}

const writableCgroup = (mount: OciMount): OciMount =>
  mount.type === 'cgroup'
    ? { ...mount, options: [...(mount.options ?? []).filter((option) => option !== 'ro'), 'rw'] }
    : mount;

/** The seccomp filter of a container; for a privileged one only a profile that it names itself counts. */
export function seccompFilter(request: RuntimeRequest, context: SpecContext): OciSeccomp | undefined {
  const { seccomp } = parseSecurityOptions(request.securityOpt);
  if (!context.hasSeccomp || (request.privileged && seccomp === '')) return undefined;
  return context.seccomp.filter(seccomp, containerCapabilities(request));
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

/** Mounts pass through a bind as its propagation says only where the root does not stop them. */
function rootPropagation(mounts: OciMount[]): { rootfsPropagation?: string } {
  const has = (...names: string[]) =>
    mounts.some(({ options }) => options?.some((name) => names.includes(name)));
  if (has('shared', 'rshared')) return { rootfsPropagation: 'shared' };
  return has('slave', 'rslave') ? { rootfsPropagation: 'rslave' } : {};
}

function namespaces(request: RuntimeRequest, remapped: boolean, context: SpecContext): OciNamespace[] {
  const { network, pid, ipc, uts, cgroup, user } = request.namespaces;
  const list: OciNamespace[] = [{ type: 'mount' }];
  const add = (type: OciNamespace['type'], asked: string) => {
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
