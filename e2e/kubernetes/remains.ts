import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';
import { cgroupRoots } from './place.ts';

const folder = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

/** All that pods have left: none may be there any more. */
export async function remains(daemon: TestDaemon): Promise<string[]> {
  const found: string[] = [];
  const left = (what: string, things: Iterable<string>) => {
    for (const thing of things) found.push(`${what}: ${thing}`);
  };
  const list = async (path: string): Promise<Array<{ Id: string; Names?: string[]; Name?: string }>> =>
    (await daemon.call('GET', path)).json;
  left(
    'container',
    (await list('/containers/json?all=1')).map(({ Id, Names }) => `${Id} ${Names}`),
  );
  left(
    'pod',
    (await list('/pods')).map(({ Id, Name }) => `${Id} ${Name}`),
  );
  for (const part of [
    'exec/pods',
    'exec/c',
    'data/pods',
    'data/containers',
    'data/layers/writable',
    'data/layers/trash',
    'data/layers/made',
  ])
    left(part, folder(join(daemon.folder, part)));
  left('cgroup', cgroupRoots().flatMap(podGroups));
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  left(
    'mount',
    mounts.filter((line) => line.includes(daemon.folder) || line.includes('/var/lib/kubelet/pods/')),
  );
  left(
    'interface',
    folder('/sys/class/net').filter((name) => existsSync(`/sys/class/net/${name}/master`)),
  );
  left('process', processes());
  return found;
}

/** The cgroups of pods and of containers below a kubelet's. */
function podGroups(root: string): string[] {
  const below = (path: string): string[] =>
    existsSync(path)
      ? readdirSync(path, { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .flatMap(({ name }) => [join(path, name), ...below(join(path, name))])
      : [];
  return below(root).filter((path) => !/\/(kubepods|besteffort|burstable)$/.test(path));
}

/** Supervisors of containers, pause processes of pods and those that listen on their ports: this PID namespace has only the node's. */
function processes(): string[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const comm = /^Name:\s+(.*)/m.exec(status)?.[1] ?? '';
      // The first process of this namespace takes no notice of those that end: they are not the engine's any more.
      if (/^State:\s+Z/m.test(status)) return [];
      return /^berth:|^berth-pod/.test(comm) ? [`${name} ${comm}`] : [];
    } catch {
      return [];
    }
  });
}
