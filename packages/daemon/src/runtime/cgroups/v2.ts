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
import { type CgroupWrite, limitsV2 } from './limits.ts';
import { blkioStatsV2, cpuStatsV2, memoryStatsV2, parseValue, pidsStats } from './stats.ts';
import type { CgroupFolder, Cgroups } from './types.ts';
import { viewV2 } from './view.ts';

/** Version 2: one folder in one hierarchy. */
export class CgroupsV2 implements Cgroups {
  readonly version = 2;
  readonly #root: string;

  constructor({ root }: Hierarchies) {
    this.#root = root;
  }

  folders(path: string): CgroupFolder[] {
    return [{ name: '', path: join(this.#root, path) }];
  }

  writes(resources: OciResources): CgroupWrite[] {
    return limitsV2(resources);
  }

  exists(path: string): boolean {
    return existsSync(join(this.#root, path));
  }

  async update(path: string, resources: OciResources): Promise<WayBack> {
    return writeAll(
      limitsV2(resources).map(({ file, value }) => ({ path: join(this.#root, path, file), value })),
    );
  }

  async freeze(path: string, frozen: boolean): Promise<void> {
    const folder = join(this.#root, path);
    await writeText(join(folder, 'cgroup.freeze'), frozen ? '1' : '0').catch((error) => {
      // All in it may have ended meanwhile, and the folder be gone: nothing is frozen any more.
      if (frozen || existsSync(folder)) throw error;
    });
    const wanted = `frozen ${frozen ? 1 : 0}`;
    await eventually(
      `the cgroup ${path} could not be ${frozen ? 'frozen' : 'thawed'}`,
      async () =>
        (!frozen && !existsSync(folder)) ||
        (await readText(join(folder, 'cgroup.events'))).split('\n').includes(wanted),
    );
  }

  async frozen(path: string): Promise<boolean> {
    return (await readText(join(this.#root, path, 'cgroup.freeze'))).trim() === '1';
  }

  async kill(path: string): Promise<void> {
    const folder = join(this.#root, path);
    try {
      await writeText(join(folder, 'cgroup.kill'), '1');
    } catch {
      // Before Linux 5.14: one by one, and a frozen one dies only when it is thawed.
      for (const pid of await this.processes(path)) killProcess(pid);
      if (existsSync(folder)) await writeText(join(folder, 'cgroup.freeze'), '0');
    }
  }

  async stats(path: string): Promise<CgroupStats> {
    const file = (name: string) => readText(join(this.#root, path, name));
    const [cpuStat, stat, usage, limit, events, pids, pidsMax, io, swap] = await Promise.all([
      file('cpu.stat'),
      file('memory.stat'),
      file('memory.current'),
      file('memory.max'),
      file('memory.events'),
      file('pids.current'),
      file('pids.max'),
      file('io.stat'),
      file('memory.swap.current'),
    ]);
    return {
      cpu: cpuStatsV2(cpuStat),
      memory: memoryStatsV2({ stat, usage, limit, events }),
      pids: pidsStats(pids, pidsMax),
      blkio: blkioStatsV2(io),
      ...(swap && { swap: parseValue(swap) }),
    };
  }

  view(path: string): Promise<CgroupView> {
    return viewV2(path, join(this.#root, path));
  }

  processes(path: string): Promise<number[]> {
    return processesBelow(join(this.#root, path));
  }

  async remove(path: string): Promise<void> {
    const folder = join(this.#root, path);
    if (!existsSync(folder)) return;
    await this.kill(path).catch(() => undefined); // what is left is found below
    await removeFolder(folder);
  }

  async children(parent: string): Promise<string[]> {
    return (await foldersIn(join(this.#root, parent))).map((name) => join(parent, name));
  }

  find(name: string): Promise<string | undefined> {
    return findFolder(this.#root, name);
  }
}
