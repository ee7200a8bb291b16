import { existsSync, readFileSync, readlinkSync, statfsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Launcher, LaunchRecord } from '@berth/native';
import type { PodConfig, PodRecord } from './api.ts';

/** Bytes of a pod's /dev/shm, as Docker gives containers. */
const SHM_SIZE = 64 * 1024 * 1024;
const SIGKILL = 9;
const NSFS_MAGIC = 0x6e736673;

/** Namespaces of pods, each bound to a file below one folder, so that they last without a process. */
export class PodNamespaces {
  readonly folder: string;
  readonly #launcher: Launcher;

  constructor(execRoot: string, launcher: Launcher) {
    this.folder = join(execRoot, 'pods');
    this.#launcher = launcher;
  }

  /** The folder of a pod's namespaces. Short: the id's beginning tells it apart. */
  of(id: string): string {
    return join(this.folder, id.slice(0, 32));
  }

  /**
   * Makes the namespaces of a pod but for a network namespace that somebody else makes (`ownNetwork` false), and sets kernel
   * parameters in them.
   * @returns the pause process, which keeps its PID namespace; 0 where it has none.
   */
  async make(
    id: string,
    config: PodConfig,
    ownNetwork: boolean,
    cgroups: string[],
    sysctls: Record<string, string>,
  ): Promise<number> {
    const { users } = config;
    const records: LaunchRecord[] = [['pod', this.of(id)]];
    const add = (kind: string) => records.push(['namespace', kind]);
    if (ownNetwork) add('net');
    if (config.ipc === 'pod') add('ipc');
    if (config.network === 'pod') add('uts');
    if (config.pid === 'pod') add('pid');
    if (users) {
      add('user');
      for (const { containerID, hostID, size } of users.uids)
        records.push(['uid-map', String(containerID), String(hostID), String(size)]);
      for (const { containerID, hostID, size } of users.gids)
        records.push(['gid-map', String(containerID), String(hostID), String(size)]);
    }
    if (config.pid === 'pod') for (const path of cgroups) records.push(['cgroup', path]);
    if (config.ipc === 'pod')
      records.push(['shm', String(SHM_SIZE), String(hostOf(users?.uids)), String(hostOf(users?.gids))]);
    if (config.network === 'pod' && config.hostname) records.push(['hostname', config.hostname]);
    records.push(...sysctlRecords(sysctls));
    return this.#launcher.pod(records);
  }

  /** Binds a network namespace that was made elsewhere (`path` ''; none), and sets the pod's kernel parameters. */
  async complete(id: string, path: string, sysctls: Record<string, string>): Promise<void> {
    const records: LaunchRecord[] = [['pod', this.of(id)]];
    if (path) records.push(['pin', 'net', path]);
    records.push(...sysctlRecords(sysctls));
    if (records.length > 1) await this.#launcher.pod(records);
  }

  /** Has the ports of a pod listened on; returns the process that does it. */
  async listen(id: string, ports: LaunchRecord[]): Promise<number> {
    return this.#launcher.pod([['pod', this.of(id)], ...ports]);
  }

  /** Lets the namespaces go. Succeeds when there are none. */
  async release(id: string): Promise<void> {
    if (existsSync(this.of(id))) await this.#launcher.pod([['pod', this.of(id)], ['release']]);
  }

  /** Whether a pod's namespaces are there. */
  there({ id, config, pause }: PodRecord): boolean {
    if (config.pid === 'pod' && !(pause && runs(pause))) return false;
    const bound = config.network === 'pod' ? 'uts' : config.ipc === 'pod' ? 'ipc' : undefined;
    return bound === undefined || isNamespace(join(this.of(id), bound));
  }

  /** Removes what lies in the folder of no known pod, and ends the pause process of a PID namespace there. */
  async sweep(known: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.folder).catch(() => [] as string[])) {
      const path = join(this.folder, name);
      if (known.has(path)) continue;
      await endPauseOf(join(path, 'pid'));
      await this.#launcher.pod([['pod', path], ['release']]);
    }
  }
}

/** The kernel parameters that let any user of a pod listen on low ports and ping. */
export function defaultSysctls({ network, users }: PodConfig): Record<string, string> {
  if (network === 'node') return {};
  return {
    'net.ipv4.ip_unprivileged_port_start': '0',
    // Group 2147483647 can be written only where it is mapped.
    ...(!users && { 'net.ipv4.ping_group_range': '0 2147483647' }),
  };
}

const sysctlRecords = (sysctls: Record<string, string>): LaunchRecord[] =>
  Object.entries(sysctls).map(([key, value]) => ['sysctl', key, value]);

const hostOf = (ranges: Array<{ containerID: number; hostID: number }> | undefined): number =>
  ranges?.find(({ containerID }) => containerID === 0)?.hostID ?? 0;

/** Whether a namespace is bound to a file: an exec root that outlasts the machine's run has the bare files. */
function isNamespace(file: string): boolean {
  try {
    return statfsSync(file).type === NSFS_MAGIC;
  } catch {
    return false;
  }
}

/** The start time of a process, in clock ticks since boot (proc_pid_stat(5), field 22); '' when there is no such process. */
export function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** Whether a process still runs, and its number is not another's by now: `started` is from `startOf`. */
export const runs = ({ pid, started }: { pid: number; started: string }): boolean =>
  started !== '' && startOf(pid) === started;

/** Kills a process, unless its number is another's by now. */
export function end(process_: { pid: number; started: string } | undefined): void {
  if (!process_ || !runs(process_)) return;
  try {
    process.kill(process_.pid, SIGKILL);
  } catch {
    // It has gone by itself.
  }
}

/** Kills the pause process of a PID namespace that is bound to a file: the rest of it goes with that. */
async function endPauseOf(file: string): Promise<void> {
  if (!existsSync(file)) return;
  const { stat } = await import('node:fs/promises');
  const { ino } = await stat(file);
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readlinkSync(`/proc/${name}/ns/pid`) === `pid:[${ino}]`) process.kill(Number(name), SIGKILL);
    } catch {
      // It has ended.
    }
  }
}
