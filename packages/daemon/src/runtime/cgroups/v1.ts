import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupStats, CgroupView, WayBack } from '../api.ts';
import type { OciResources } from '../oci/config.ts';
import {
  eventually,
  foldersIn,
  killProcess,
  processesBelow,
  readText,
  removeFolder,
  writeAll,
  writeText,
} from './files.ts';
import { findFolder } from './find.ts';
import type { Hierarchies } from './hierarchies.ts';
import { type CgroupWrite, limitsV1 } from './limits.ts';
import { blkioStatsV1, cpuStatsV1, memoryStatsV1, pidsStats, swapV1 } from './stats.ts';
import type { CgroupFolder, Cgroups } from './types.ts';
import { viewV1 } from './view.ts';

/** Version 1, and hybrid hosts: one folder in each hierarchy. */
export class CgroupsV1 implements Cgroups {
  readonly version = 1;
  readonly #hierarchies: Hierarchies;

  constructor(hierarchies: Hierarchies) {
    this.#hierarchies = hierarchies;
  }

  #path(controller: string, path: string): string {
    return join(this.#hierarchies.mountOf(controller) ?? '/nonexistent', path);
  }

  folders(path: string): CgroupFolder[] {
    return this.#hierarchies.mounts.map((mount) => ({ name: mount.name, path: join(mount.path, path) }));
  }

  writes(resources: OciResources): CgroupWrite[] {
    return limitsV1(resources)
      .filter(({ controller }) => this.#hierarchies.mountOf(controller) !== undefined)
      .map((write) => ({ ...write, controller: this.#hierarchies.nameOf(write.controller)! }));
  }

  exists(path: string): boolean {
    return existsSync(this.#path('pids', path));
  }

  async update(path: string, resources: OciResources): Promise<WayBack> {
    let writes = limitsV1(resources).filter(({ controller }) => this.#hierarchies.mountOf(controller));
    if (await this.#raisesMemory(path, resources)) {
      // Memory may never exceed memory plus swap, so the larger one goes first.
      const swap = writes.filter(({ file }) => file === 'memory.memsw.limit_in_bytes');
      writes = [...swap, ...writes.filter((write) => !swap.includes(write))];
    }
    return writeAll(
      writes.map(({ controller, file, value }) => ({
        path: join(this.#path(controller, path), file),
        value,
      })),
    );
  }

  async #raisesMemory(path: string, { memory }: OciResources): Promise<boolean> {
    const limit = memory?.limit;
    if (!limit) return true;
    const now = Number(await readText(join(this.#path('memory', path), 'memory.limit_in_bytes')));
    return limit < 0 || limit > now;
  }

  async freeze(path: string, frozen: boolean): Promise<void> {
    const file = join(this.#path('freezer', path), 'freezer.state');
    const state = frozen ? 'FROZEN' : 'THAWED';
    const ask = () =>
      writeText(file, state).catch((error) => {
        // All in it may have ended meanwhile, and the folder be gone: nothing is frozen any more.
        if (frozen || existsSync(file)) throw error;
      });
    await ask();
    await eventually(`the cgroup ${path} could not be ${state.toLowerCase()}`, async () => {
      if ((await readText(file)).trim() === state || (!frozen && !existsSync(file))) return true;
      // A task that forks while it is frozen can leave the state at FREEZING until it is asked for again.
      await ask();
      return false;
    });
  }

  async frozen(path: string): Promise<boolean> {
    return (await readText(join(this.#path('freezer', path), 'freezer.state'))).trim() !== 'THAWED';
  }

  async kill(path: string): Promise<void> {
    for (const pid of await this.processes(path)) killProcess(pid);
    // Frozen, they die only now.
    const file = join(this.#path('freezer', path), 'freezer.state');
    if (existsSync(file)) await writeText(file, 'THAWED');
  }

  async stats(path: string): Promise<CgroupStats> {
    const file = (controller: string, name: string) => readText(join(this.#path(controller, path), name));
    const [
      usage,
      perCpu,
      cpuacctStat,
      cpuStat,
      stat,
      memory,
      maximum,
      failures,
      limit,
      pids,
      pidsMax,
      bytes,
      operations,
    ] = await Promise.all([
      file('cpuacct', 'cpuacct.usage'),
      file('cpuacct', 'cpuacct.usage_percpu'),
      file('cpuacct', 'cpuacct.stat'),
      file('cpu', 'cpu.stat'),
      file('memory', 'memory.stat'),
      file('memory', 'memory.usage_in_bytes'),
      file('memory', 'memory.max_usage_in_bytes'),
      file('memory', 'memory.failcnt'),
      file('memory', 'memory.limit_in_bytes'),
      file('pids', 'pids.current'),
      file('pids', 'pids.max'),
      file('blkio', 'blkio.throttle.io_service_bytes_recursive'),
      file('blkio', 'blkio.throttle.io_serviced_recursive'),
    ]);
    return {
      cpu: cpuStatsV1({ usage, perCpu, cpuacctStat, cpuStat }),
      memory: memoryStatsV1({ stat, usage: memory, maximum, failures, limit }),
      pids: pidsStats(pids, pidsMax),
      blkio: blkioStatsV1(bytes, operations),
      ...swapV1(stat),
    };
  }

  view(path: string): Promise<CgroupView> {
    return viewV1(path, (controller, name) => readText(join(this.#path(controller, path), name)));
  }

  processes(path: string): Promise<number[]> {
    return processesBelow(this.#path('pids', path));
  }

  async remove(path: string): Promise<void> {
    const folders = this.folders(path);
    // As a rule the supervisor has removed them. A pod's first process is only in those that count.
    if (!folders.some((folder) => existsSync(folder.path))) return;
    const last = folders.pop();
    await this.kill(path).catch(() => undefined); // what is left is found below
    await Promise.all(folders.map((folder) => removeFolder(folder.path)));
    // The one that tells whose they are, to a daemon that has to go on with this.
    if (last) await removeFolder(last.path);
  }

  async children(parent: string): Promise<string[]> {
    const names = new Set<string>();
    for (const { path } of this.folders(parent)) for (const name of await foldersIn(path)) names.add(name);
    return [...names].map((name) => join(parent, name));
  }

  find(name: string): Promise<string | undefined> {
    return findFolder(this.#path('pids', '/'), name);
  }
}
