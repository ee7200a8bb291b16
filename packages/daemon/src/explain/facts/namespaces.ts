import type { ContainerSnapshot } from '../../containers/api.ts';
import type { ExplainedNamespace } from '../api.ts';
import { breathe, namespaceId } from './proc.ts';

const MEANINGS: Record<string, string> = {
  cgroup: 'the cgroups it sees',
  ipc: 'shared memory, semaphores and message queues',
  mnt: 'the files and mounts it sees',
  net: 'interfaces, addresses, ports and firewall',
  pid: 'the processes it sees',
  time: 'the clocks since the start of the machine',
  user: 'users and what root may do',
  uts: 'the host name',
};
/** So many containers' namespaces are read in one turn of the event loop. */
const SLICE = 32;

/** The namespaces of a container, each with those who are in it as well. */
export async function namespacesOf(
  container: ContainerSnapshot,
  all: readonly ContainerSnapshot[],
): Promise<ExplainedNamespace[]> {
  const { pid } = container.state;
  const types = Object.keys(MEANINGS).filter((type) => namespaceId('self', type) !== undefined);
  if (pid === 0) return types.map((type) => asConfigured(type, container));
  const own = new Map(types.map((type) => [type, namespaceId(pid, type)]));
  const sharers = new Map<string, string[]>(types.map((type) => [type, []]));
  const others = all.filter(({ record, state }) => state.pid > 0 && record.id !== container.record.id);
  for (const [index, { record, state }] of others.entries()) {
    if (index % SLICE === SLICE - 1) await breathe();
    for (const type of types)
      if (namespaceId(state.pid, type) === own.get(type)) sharers.get(type)!.push(record.name);
  }
  return types.map((Type) => {
    const id = own.get(Type);
    const host = id === namespaceId('self', Type);
    const with_ = host ? [] : sharers.get(Type)!;
    return {
      Type,
      ...(id !== undefined && { Id: id }),
      Kind: host ? 'host' : with_.length > 0 ? 'shared' : 'own',
      SharedWith: with_,
      Meaning: MEANINGS[Type]!,
    };
  });
}

/** The namespaces that the settings of a container ask for, which does not run. */
function asConfigured(Type: string, { record: { hostConfig } }: ContainerSnapshot): ExplainedNamespace {
  const modes: Record<string, string> = {
    net: hostConfig.NetworkMode,
    pid: hostConfig.PidMode,
    ipc: hostConfig.IpcMode,
    uts: hostConfig.UTSMode,
    cgroup: hostConfig.CgroupnsMode,
    user: hostConfig.UsernsMode,
    time: 'host',
  };
  const mode = modes[Type] ?? '';
  return {
    Type,
    Kind: mode === 'host' ? 'host' : mode.startsWith('container:') ? 'shared' : 'own',
    SharedWith: [],
    Meaning: MEANINGS[Type]!,
  };
}
