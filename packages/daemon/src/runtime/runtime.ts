import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { LaunchRecord } from '@berth/native';
import type { Settings } from '../config/settings.ts';
import type {
  CgroupStats,
  CgroupView,
  ExecRequest,
  LaunchOptions,
  Resources,
  Runtime,
  RuntimeInfo,
  RuntimeRequest,
  RuntimeSpec,
  WayBack,
} from './api.ts';
import { DEFAULT_APPARMOR_PROFILE, ensureDefaultProfile } from './apparmor.ts';
import { type Cgroups, findHierarchies, openCgroups } from './cgroups/index.ts';
import { CgroupPlaces, parentPath } from './cgroups/places.ts';
import { type CompileContext, compileExec, compileSpec, mapRecords } from './compile.ts';
import { featureWarnings, type KernelFeatures, probeFeatures } from './features.ts';
import { bundleExec, bundleLaunch } from './oci/bundle.ts';
import { Handlers } from './oci/handlers.ts';
import { ownOf } from './oci/own.ts';
import { ownerMark, readOwner } from './owner.ts';
import { ociResources } from './resources.ts';
import { runtimeFeatures } from './runtime-features.ts';
import { Seccomp } from './seccomp/index.ts';
import { parseSecurityOptions } from './security.ts';
import {
  apparmorProfile,
  buildSpec,
  containerProcess,
  hasKcore,
  type SpecContext,
  seccompFilter,
} from './spec.ts';
import { readRemapping } from './userns.ts';
import { supportedResources, validateRequest } from './validate.ts';

export interface RuntimeOptions {
  settings: Pick<
    Settings,
    | 'dataRoot'
    | 'cdiSpecDirs'
    | 'execRoot'
    | 'cgroupParent'
    | 'seccompProfile'
    | 'noNewPrivileges'
    | 'usernsRemap'
    | 'defaultCgroupnsMode'
    | 'defaultRuntime'
    | 'runtimes'
  >;
}

/** Berth's own runtime: specifications and launch records of containers, and their cgroups. */
export class NativeRuntime implements Runtime {
  readonly cgroupDriver = 'cgroupfs';
  readonly handlers: Handlers;
  readonly cdi: Runtime['cdi'];
  readonly #settings: RuntimeOptions['settings'];
  readonly #cgroups: Cgroups;
  readonly #features: KernelFeatures;
  readonly #seccomp: Seccomp;
  readonly #spec: SpecContext;
  readonly #compile: CompileContext;
  readonly #places: CgroupPlaces;

  constructor(settings: RuntimeOptions['settings']) {
    this.#settings = settings;
    const hierarchies = findHierarchies();
    this.#cgroups = openCgroups(hierarchies);
    this.#places = new CgroupPlaces(this.#cgroups, settings.cgroupParent);
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
      cgroupPath: (request) => this.#places.pathFor(request.id, request.resources.CgroupParent),
      supported: (resources) => this.supported(resources),
    };
    this.cdi = {
      devices: async () => (await import('./devices/cdi.ts')).cdiDevices(settings.cdiSpecDirs),
      edits: async (names) => (await import('./devices/cdi.ts')).cdiEdits(settings.cdiSpecDirs, names),
    };
    this.handlers = new Handlers(settings, () => this.features());
    this.#compile = {
      cgroups: this.#cgroups,
      seccompFile: (filter) => this.#seccomp.file(filter),
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

  idMaps(remapped: boolean): ReturnType<Runtime['idMaps']> {
    return (remapped && this.#spec.remapping) || { uids: [], gids: [] };
  }

  userMaps(): LaunchRecord[] {
    const { uids, gids } = this.#spec.remapping ?? { uids: [], gids: [] };
    return mapRecords({ uidMappings: uids, gidMappings: gids });
  }

  cgroupFolders(name: string, parent: string): string[] {
    const path = this.#places.pathFor(name, parent);
    this.#places.note(name, path);
    const folders = this.#cgroups.folders(path);
    const counting = folders.filter((folder) => ['', 'memory', 'pids', 'freezer'].includes(folder.name));
    return counting.map((folder) => folder.path);
  }

  async parentStats(parent: string): Promise<CgroupStats | undefined> {
    const path = parentPath(parent);
    return this.#cgroups.exists(path) ? this.#cgroups.stats(path) : undefined;
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

  compile(spec: RuntimeSpec, { program, bundle, restore }: LaunchOptions = {}): LaunchRecord[] {
    this.#places.note(ownOf(spec).id, spec.linux.cgroupsPath);
    return program && bundle !== undefined
      ? bundleLaunch(spec, program, bundle, this.#compile, restore)
      : compileSpec(spec, this.#compile);
  }

  compileExec(request: RuntimeRequest, exec: ExecRequest, foreign = false): LaunchRecord[] {
    const process = containerProcess(request, this.#spec, {
      ...exec,
      cwd: exec.cwd || request.cwd,
    });
    const { id, groupAdd: groups, groupsPolicy } = request;
    const own = { id, user: exec.user || request.user, groups, ...(groupsPolicy && { groupsPolicy }) };
    return foreign
      ? bundleExec(process, own)
      : compileExec(process, own, seccompFilter(request, this.#spec), this.#compile);
  }

  supported(resources: Resources): Resources {
    return supportedResources(resources, this.#features);
  }

  async update(id: string, resources: Resources): Promise<WayBack> {
    const path = await this.#places.find(id);
    if (!path) return async () => {}; // it has ended, and nobody was told yet
    try {
      return await this.#cgroups.update(path, ociResources(this.supported(resources), true));
    } catch (error) {
      // A container that has ended meanwhile has no cgroup left to be limited.
      if ((await this.#cgroups.processes(path)).length > 0) throw error;
      return async () => {};
    }
  }

  async pause(id: string): Promise<void> {
    await this.#cgroups.freeze(await this.#places.existing(id), true);
  }

  async unpause(id: string): Promise<void> {
    await this.#cgroups.freeze(await this.#places.existing(id), false);
  }

  async isPaused(id: string): Promise<boolean> {
    const path = await this.#places.find(id);
    return path !== undefined && this.#cgroups.frozen(path);
  }

  async killAll(id: string): Promise<void> {
    await this.#cgroups.kill(await this.#places.existing(id));
  }

  async stats(id: string): Promise<CgroupStats> {
    return this.#cgroups.stats(await this.#places.existing(id));
  }

  async view(id: string): Promise<CgroupView> {
    return this.#cgroups.view(await this.#places.existing(id));
  }

  async processes(id: string): Promise<number[]> {
    return this.#cgroups.processes(await this.#places.existing(id));
  }

  async removeCgroup(id: string): Promise<void> {
    const path = await this.#places.noted(id);
    if (path) await this.#cgroups.remove(path);
    this.#places.forget(id);
  }

  async reconcile(known: Set<string>): Promise<void> {
    for (const path of await this.#cgroups.children(this.#places.parent)) {
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
