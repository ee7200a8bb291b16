import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { LaunchRecord } from '@berth/native';
import { notFound } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import type { CgroupStats, Resources, Runtime, RuntimeInfo, RuntimeRequest, RuntimeSpec } from './api.ts';
import { DEFAULT_APPARMOR_PROFILE, ensureDefaultProfile } from './apparmor.ts';
import { availableCapabilities, containerCapabilities } from './capabilities.ts';
import { type Cgroups, findHierarchies, openCgroups } from './cgroups/index.ts';
import { type CompileContext, compileExecRecords, compileSpec, mapRecords } from './compile.ts';
import { featureWarnings, type KernelFeatures, probeFeatures } from './features.ts';
import { ownerMark, readOwner } from './owner.ts';
import { runtimeFeatures } from './runtime-features.ts';
import { Seccomp, type SeccompFilter } from './seccomp/index.ts';
import { parseSecurityOptions } from './security.ts';
import { apparmorProfile, buildSpec, hasKcore, type SpecContext } from './spec.ts';
import { readRemapping } from './userns.ts';
import { supportedResources, validateRequest } from './validate.ts';

export type * from './api.ts';
export { describeLaunchError, launchExitCode } from './launch-errors.ts';
export { maskedPaths, READONLY_PATHS } from './masks.ts';

/** Where containers are below each hierarchy's root; monitoring tools look for Docker's there. */
const DEFAULT_PARENT = '/docker';

export interface RuntimeOptions {
  settings: Pick<
    Settings,
    | 'dataRoot'
    | 'execRoot'
    | 'cgroupParent'
    | 'seccompProfile'
    | 'noNewPrivileges'
    | 'usernsRemap'
    | 'defaultCgroupnsMode'
  >;
}

/**
 * The runtime of this machine.
 * @throws system when cgroups are not mounted, or a daemon option (seccomp profile, user remapping) can't be used.
 */
export function openRuntime({ settings }: RuntimeOptions): Runtime {
  return new NativeRuntime(settings);
}

class NativeRuntime implements Runtime {
  readonly cgroupDriver = 'cgroupfs';
  readonly #settings: RuntimeOptions['settings'];
  readonly #cgroups: Cgroups;
  readonly #features: KernelFeatures;
  readonly #seccomp: Seccomp;
  readonly #spec: SpecContext;
  readonly #compile: CompileContext;
  /** Cgroups of containers that this daemon has started, below the hierarchies' roots. */
  readonly #paths = new Map<string, string>();

  constructor(settings: RuntimeOptions['settings']) {
    this.#settings = settings;
    const hierarchies = findHierarchies();
    this.#cgroups = openCgroups(hierarchies);
    this.#features = probeFeatures(hierarchies);
    this.#seccomp = new Seccomp(join(settings.execRoot, 'seccomp'), settings.seccompProfile);
    const apparmor = this.#features.apparmor;
    this.#spec = {
      seccomp: this.#seccomp,
      hasSeccomp: this.#features.seccomp,
      hasAppArmor: apparmor,
      apparmorProfile: apparmor && ensureDefaultProfile() ? DEFAULT_APPARMOR_PROFILE : '',
      noNewPrivileges: settings.noNewPrivileges,
      remapping: readRemapping(settings.usernsRemap),
      hasPing: existsSync('/proc/sys/net/ipv4/ping_group_range'),
      defaultCgroupNamespace: this.#defaultCgroupNamespace(),
      cgroupPath: (request) => this.#pathFor(request.id, request.resources.CgroupParent),
    };
    this.#compile = {
      cgroups: this.#cgroups,
      resources: (resources) => supportedResources(resources, this.#features),
      seccompFile: (spec) =>
        spec.linux.seccomp && this.#seccomp.file(spec.linux.seccomp as unknown as SeccompFilter),
      seccompFlags: (spec) => seccompFlags(spec.linux.seccomp as unknown as SeccompFilter | undefined),
      owner: ownerMark(settings.dataRoot),
      hasKcore: hasKcore(),
    };
  }

  get cgroupVersion(): 1 | 2 {
    return this.#cgroups.version;
  }

  #defaultCgroupNamespace(): string {
    return this.#settings.defaultCgroupnsMode || (this.#cgroups.version === 2 ? 'private' : 'host');
  }

  #pathFor(id: string, parent: string | undefined): string {
    // Resolved below the root, whatever dots are in it.
    return join(resolve('/', parent || this.#settings.cgroupParent || DEFAULT_PARENT), id);
  }

  /** The cgroup of a container, also of one that an earlier daemon started; undefined when there is none. */
  async #locate(id: string): Promise<string | undefined> {
    const known = this.#paths.get(id) ?? this.#pathFor(id, undefined);
    if (this.#cgroups.exists(known)) return known;
    return this.#cgroups.find(id);
  }

  async #existing(id: string): Promise<string> {
    const path = await this.#locate(id);
    if (!path) throw notFound(`no cgroup of container ${id}`);
    this.#paths.set(id, path);
    return path;
  }

  warnings(): string[] {
    return featureWarnings(this.#features, this.#cgroups.version);
  }

  features(): Record<string, unknown> {
    return runtimeFeatures(this.#features, this.#cgroups.version);
  }

  info(): RuntimeInfo {
    const features = this.#features;
    const options: string[] = [];
    if (features.apparmor) options.push('name=apparmor');
    if (features.seccomp) options.push(`name=seccomp,profile=${this.#settings.seccompProfile || 'builtin'}`);
    if (this.#spec.remapping) options.push('name=userns');
    if (features.cgroupNamespaces && this.#spec.defaultCgroupNamespace === 'private')
      options.push('name=cgroupns');
    if (this.#settings.noNewPrivileges) options.push('name=no-new-privileges');
    return {
      MemoryLimit: features.memoryLimit,
      SwapLimit: features.swapLimit,
      KernelMemoryTCP: this.#cgroups.version === 1 && features.memoryLimit,
      CpuCfsPeriod: features.cpuCfs,
      CpuCfsQuota: features.cpuCfs,
      CPUShares: features.cpuShares,
      CPUSet: features.cpuset,
      PidsLimit: features.pidsLimit,
      OomKillDisable: features.oomKillDisable,
      SecurityOptions: options,
      DefaultCgroupnsMode: this.#spec.defaultCgroupNamespace,
    };
  }

  validate(request: Parameters<Runtime['validate']>[0], options: { update?: boolean } = {}): string[] {
    return validateRequest(request, this.#features, options.update === true);
  }

  root(): { uid: number; gid: number } {
    const { uids, gids } = this.#spec.remapping ?? { uids: [], gids: [] };
    return { uid: uids[0]?.hostID ?? 0, gid: gids[0]?.hostID ?? 0 };
  }

  userMaps(): LaunchRecord[] {
    const { uids, gids } = this.#spec.remapping ?? { uids: [], gids: [] };
    return mapRecords({ uidMappings: uids, gidMappings: gids });
  }

  apparmorProfile(request: Parameters<Runtime['apparmorProfile']>[0]): string {
    return apparmorProfile(
      request.privileged,
      parseSecurityOptions(request.securityOpt).apparmor,
      this.#spec,
    );
  }

  spec(request: RuntimeRequest): RuntimeSpec {
    return buildSpec(request, this.#spec);
  }

  compile(spec: RuntimeSpec, request: RuntimeRequest): LaunchRecord[] {
    this.#paths.set(request.id, spec.linux.cgroupsPath);
    return compileSpec(spec, request, this.#compile);
  }

  compileExec(request: RuntimeRequest, exec: Parameters<Runtime['compileExec']>[1]): LaunchRecord[] {
    const spec = this.#execSpec(request);
    const capabilities = exec.privileged ? availableCapabilities() : spec.process.capabilities!.bounding;
    const apparmor = exec.privileged && this.#features.apparmor ? 'unconfined' : spec.process.apparmorProfile;
    return compileExecRecords(spec, request, { ...exec, capabilities, apparmor }, this.#compile);
  }

  /** The part of a spec that execs are confined by; cheaper than the whole. */
  #execSpec(request: RuntimeRequest): RuntimeSpec {
    const security = parseSecurityOptions(request.securityOpt);
    const capabilities = containerCapabilities(request);
    const filtered = this.#features.seccomp && !(request.privileged && security.seccomp === '');
    const filter = filtered ? this.#seccomp.filter(security.seccomp, capabilities) : undefined;
    const apparmor = apparmorProfile(request.privileged, security.apparmor, this.#spec);
    return {
      ociVersion: '1.2.0',
      process: {
        terminal: false,
        user: { uid: 0, gid: 0 },
        args: [],
        env: [],
        cwd: request.cwd,
        capabilities: {
          bounding: capabilities,
          effective: capabilities,
          permitted: capabilities,
          inheritable: [],
          ambient: [],
        },
        rlimits: request.ulimits.map(({ Name, Soft, Hard }) => ({ type: Name, soft: Soft, hard: Hard })),
        noNewPrivileges: security.noNewPrivileges ?? this.#settings.noNewPrivileges,
        ...(apparmor && { apparmorProfile: apparmor }),
        oomScoreAdj: request.oomScoreAdj,
      },
      root: { path: '/', readonly: false },
      mounts: [],
      linux: {
        namespaces: [],
        cgroupsPath: '',
        ...(filter && { seccomp: filter as unknown as Record<string, unknown> }),
      },
    };
  }

  supported(resources: Resources): Resources {
    return supportedResources(resources, this.#features);
  }

  async update(id: string, resources: Resources): Promise<void> {
    const path = await this.#locate(id);
    if (!path) return; // it has ended, and nobody was told yet
    try {
      await this.#cgroups.update(path, supportedResources(resources, this.#features));
    } catch (error) {
      // Of one that has ended meanwhile nothing is limited any more.
      if ((await this.#cgroups.processes(path)).length > 0) throw error;
    }
  }

  async pause(id: string): Promise<void> {
    await this.#cgroups.freeze(await this.#existing(id), true);
  }

  async unpause(id: string): Promise<void> {
    await this.#cgroups.freeze(await this.#existing(id), false);
  }

  async isPaused(id: string): Promise<boolean> {
    const path = await this.#locate(id);
    return path !== undefined && this.#cgroups.frozen(path);
  }

  async killAll(id: string): Promise<void> {
    await this.#cgroups.kill(await this.#existing(id));
  }

  async stats(id: string): Promise<CgroupStats> {
    return this.#cgroups.stats(await this.#existing(id));
  }

  async processes(id: string): Promise<number[]> {
    return this.#cgroups.processes(await this.#existing(id));
  }

  async removeCgroup(id: string): Promise<void> {
    const path = this.#paths.get(id) ?? (await this.#locate(id));
    if (path) await this.#cgroups.remove(path);
    this.#paths.delete(id);
  }

  async reconcile(known: Set<string>): Promise<void> {
    const parent = resolve('/', this.#settings.cgroupParent || DEFAULT_PARENT);
    for (const path of await this.#cgroups.children(parent)) {
      const id = basename(path);
      if (!/^[0-9a-f]{64}$/.test(id) || known.has(id) || !this.#isOwn(path)) continue;
      await this.#cgroups.remove(path);
    }
  }

  /** Other engines may keep theirs in the same place. */
  #isOwn(path: string): boolean {
    return this.#cgroups.folders(path).some((folder) => readOwner(folder.path) === this.#compile.owner);
  }
}

function seccompFlags(filter: SeccompFilter | undefined): string[] {
  if (!filter) return [];
  const named = filter.flags.map((flag) =>
    flag.replace('SECCOMP_FILTER_FLAG_', '').toLowerCase().replaceAll('_', '-'),
  );
  // Without word of its own a filter does not slow the processor down (runc's default).
  return filter.flags.length > 0 ? named.filter((flag) => flag !== 'tsync') : ['spec-allow'];
}
