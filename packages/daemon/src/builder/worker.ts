import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Launcher, LaunchRecord } from '@berth/native';
import { log } from '../base/log.ts';
import type { ImageRunConfig } from '../images/api.ts';
import type { Layer, Layers } from '../layers/api.ts';
import type { Networks } from '../networks/api.ts';
import { defaultRequest } from '../networks/request.ts';
import type { Runtime, RuntimeRequest } from '../runtime/api.ts';
import { type OnOutput, Output } from './steps.ts';
import { missingPlaces, withoutStubs } from './stubs.ts';

/** One mount of a RUN (`--mount`), its source already on disk. */
export interface WorkerMount {
  source?: string;
  destination: string;
  readonly: boolean;
  tmpfsOptions?: string[];
}

export interface WorkerRun {
  diffIds: string[];
  config: Pick<ImageRunConfig, 'User' | 'WorkingDir'>;
  command: string[];
  env: string[];
  mounts: WorkerMount[];
  network: 'default' | 'none' | 'host';
  privileged: boolean;
  hostname: string;
  extraHosts: string[];
  shmSize: number;
  ulimits: RuntimeRequest['ulimits'];
  cgroupParent: string;
  signal: AbortSignal;
  onOutput: OnOutput;
}

export interface WorkerRooms {
  layers: Layers;
  launcher: Launcher;
  runtime: Runtime;
  networks: Networks;
}

/**
 * Runs a step of a build in a container that no list shows: same isolation, same root, no record. What a killed daemon
 * leaves is named after the step's folder, which the next start clears.
 */
export class Worker {
  private readonly rooms: WorkerRooms;
  private readonly folder: string;
  private readonly runFolder: string;

  constructor(rooms: WorkerRooms, folder: string, runFolder: string) {
    this.rooms = rooms;
    this.folder = folder;
    this.runFolder = runFolder;
  }

  /** Ends and removes what an earlier daemon's builds left. */
  async reconcile(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await mkdir(this.runFolder, { recursive: true, mode: 0o700 });
    // The one was made before the other, and what runs may be on a file system that goes with the machine.
    const left = [...(await readdir(this.folder)), ...(await readdir(this.runFolder))];
    for (const id of new Set(left)) {
      const supervisor = await this.rooms.launcher.reconnect(id, join(this.runFolder, id)).catch(() => null);
      if (supervisor) {
        await supervisor.kill(9).catch(() => undefined);
        await supervisor.exited;
        void supervisor.release();
      }
      await this.clear(id);
    }
  }

  private async clear(id: string): Promise<void> {
    await this.rooms.networks.detach(id).catch(() => undefined);
    await this.rooms.networks.forget(id).catch(() => undefined);
    await this.rooms.runtime.removeCgroup(id);
    await rm(join(this.folder, id), { recursive: true, force: true });
    // Its supervisor may be about to put its exit there.
    await rm(join(this.runFolder, id), { recursive: true, force: true, maxRetries: 5 });
  }

  /** Returns the exit code and, for 0, what the command changed as a layer. */
  async run(step: WorkerRun): Promise<{ exitCode: number; layer: Layer | null }> {
    const { layers, launcher, runtime, networks } = this.rooms;
    const id = randomBytes(32).toString('hex');
    const folder = join(this.folder, id);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await layers.createWritable(id, step.diffIds, { marked: true });
      const stubs = await missingPlaces(
        layers.archive(id, {}),
        step.mounts.map(({ destination }) => destination),
      );
      step.signal.throwIfAborted();
      const userMaps = this.userMaps(step);
      const attached = await networks.attach(
        defaultRequest({
          ...(userMaps.length > 0 && { userMaps }),
          id,
          name: `build-${id.slice(0, 12)}`,
          hostname: step.hostname,
          mode: step.network === 'default' ? 'bridge' : step.network,
          extraHosts: step.extraHosts,
          folder,
        }),
      );
      const request = this.request(id, folder, step, attached.path, layers.rootFilesystem(id));
      const spec = runtime.spec(request);
      const supervisor = await launcher.start({
        id,
        runFolder: join(this.runFolder, id),
        launch: [...runtime.compile(spec), ...attached.launch],
        log: { driver: 'none', path: join(folder, 'log'), maxSize: 0, maxFile: 1, compress: false },
        openStdin: false,
        stdinOnce: false,
        tty: false,
        attach: [{ stdin: false, stdout: true, stderr: true }],
      });
      const stop = () => void supervisor.kill(9).catch(() => undefined);
      step.signal.addEventListener('abort', stop, { once: true });
      if (step.signal.aborted) stop();
      const output = new Output(step.onOutput);
      const drained = new Promise<void>((resolve) => output.once('finish', () => resolve()));
      supervisor.early[0]!.on('error', () => output.end());
      supervisor.early[0]!.pipe(output);
      const { code } = await supervisor.exited;
      await drained;
      void supervisor.release();
      step.signal.removeEventListener('abort', stop);
      step.signal.throwIfAborted();
      if (code !== 0) return { exitCode: code, layer: null };
      const diff = await layers.diffTar(id);
      return { exitCode: 0, layer: await layers.add(stubs.size > 0 ? withoutStubs(diff, stubs) : diff) };
    } finally {
      // A layer that was made is not lost for that.
      const kept = (error: unknown) =>
        log.warn({ err: error }, 'files of a build step stay until the next start');
      await this.clear(id).catch(kept);
      await layers.removeWritable(id).catch(kept);
    }
  }

  /** The user namespace of a step, if it has one: what is mounted from the machine belongs to the machine's root. */
  private userMaps(step: WorkerRun): LaunchRecord[] {
    const shares = step.privileged || step.network === 'host' || step.mounts.some(({ source }) => source);
    return shares ? [] : this.rooms.runtime.userMaps();
  }

  private request(
    id: string,
    folder: string,
    step: WorkerRun,
    network: string,
    rootFilesystem: RuntimeRequest['rootFilesystem'],
  ): RuntimeRequest {
    return {
      id,
      rootFilesystem,
      readonlyRootfs: false,
      args: step.command,
      env: step.env,
      cwd: step.config.WorkingDir || '/',
      user: step.config.User ?? '',
      groupAdd: [],
      tty: false,
      hostname: step.hostname,
      domainname: '',
      init: false,
      privileged: step.privileged,
      capAdd: [],
      capDrop: [],
      securityOpt: [],
      maskedPaths: null,
      readonlyPaths: null,
      ulimits: step.ulimits,
      sysctls: {},
      resources: step.cgroupParent ? { CgroupParent: step.cgroupParent } : {},
      oomScoreAdj: 0,
      shmSize: step.shmSize,
      devices: [],
      deviceCgroupRules: [],
      mounts: step.mounts.map((mount) =>
        mount.tmpfsOptions
          ? {
              type: 'tmpfs',
              destination: mount.destination,
              readonly: mount.readonly,
              options: mount.tmpfsOptions,
            }
          : {
              type: 'bind',
              source: mount.source!,
              destination: mount.destination,
              readonly: mount.readonly,
              options: ['rbind'],
            },
      ),
      networkFiles: ['hosts', 'hostname', 'resolv.conf'].map((name) => ({
        source: join(folder, name),
        destination: `/etc/${name}`,
      })),
      namespaces: {
        network: step.network === 'host' ? 'host' : network,
        pid: 'private',
        ipc: 'private',
        uts: 'private',
        // As BuildKit: with cgroup v1 the paths of the host are seen, `--cgroup-parent` among them.
        cgroup: this.rooms.runtime.cgroupVersion === 2 ? 'private' : 'host',
        user: this.userMaps(step).length > 0 ? 'private' : 'host',
      },
      annotations: {},
    };
  }
}
