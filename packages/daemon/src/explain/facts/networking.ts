import type { ContainerSnapshot } from '../../containers/api.ts';
import type { ExplainedNetworking } from '../api.ts';
import type { ExplainRooms } from '../rooms.ts';
import { readBeginning } from './proc.ts';
import { routesOf, trafficOf } from './routes.ts';
import { listening } from './sockets.ts';

const HOSTS_LINES = 64;
const NO_WAY = { Table: '', Endpoints: [], Ports: [], Rules: [], NameService: false };

/** The container whose network namespace it is in: itself, unless it shares another's. */
export function networkOwner(
  { containers }: Pick<ExplainRooms, 'containers'>,
  container: ContainerSnapshot,
): ContainerSnapshot | undefined {
  let owner: ContainerSnapshot | undefined = container;
  const seen = new Set<string>();
  while (owner?.record.hostConfig.NetworkMode.startsWith('container:')) {
    if (seen.has(owner.record.id)) return undefined;
    seen.add(owner.record.id);
    owner = containers.find(owner.record.hostConfig.NetworkMode.slice('container:'.length));
  }
  return owner;
}

/** The container's way to the world: as the engine arranged it, and as the kernel has it. */
export async function networkingOf(
  rooms: ExplainRooms,
  container: ContainerSnapshot,
): Promise<ExplainedNetworking> {
  const { record, state } = container;
  const owner = networkOwner(rooms, container);
  const running = state.pid > 0;
  const [way, inspected] = await Promise.all([
    running && owner ? rooms.networks.way(owner.record.id) : NO_WAY,
    rooms.containers.inspect(record.id),
  ]);
  const sockets = running ? listening(state.pid) : [];
  const traffic = running ? trafficOf(state.pid) : new Map<string, { in: number; out: number }>();
  const { NameService, Endpoints, Ports, Table, ...rest } = way;
  return {
    ...rest,
    ...(Table && { Table }),
    Mode: record.hostConfig.NetworkMode,
    ...(owner && owner !== container && { Owner: owner.record.name }),
    Endpoints: Endpoints.map((endpoint) => ({
      ...endpoint,
      ReceivedBytes: traffic.get(endpoint.Interface)?.in ?? 0,
      SentBytes: traffic.get(endpoint.Interface)?.out ?? 0,
    })),
    Ports: Ports.map((port) => ({
      ...port,
      ...(running && {
        Listening: sockets.some(
          ({ Protocol, Port }) => Protocol === port.Protocol && Port === port.ContainerPort,
        ),
      }),
    })),
    // The host's sockets are not the container's.
    Listening: record.hostConfig.NetworkMode === 'host' ? [] : sockets,
    Routes: running ? routesOf(state.pid) : [],
    Names: {
      ...resolverOf(inspected.ResolvConfPath),
      Service: NameService,
      Hosts: hostsOf(inspected.HostsPath),
    },
  };
}

function resolverOf(path: string): { Servers: string[]; Search: string[] } {
  const Servers: string[] = [];
  let Search: string[] = [];
  for (const line of (path ? (readBeginning(path) ?? '') : '').split('\n')) {
    const [word, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (word === 'nameserver' && values[0]) Servers.push(values[0]);
    else if (word === 'search' || word === 'domain') Search = values;
  }
  return { Servers, Search };
}

function hostsOf(path: string): string[] {
  return (path ? (readBeginning(path) ?? '') : '')
    .split('\n')
    .filter((line) => /^\s*[^#\s]/.test(line))
    .slice(0, HOSTS_LINES);
}
