import { join } from 'node:path';
import type { NetworkRequest, Networks, PortMap } from '../../networks/api.ts';
import { defaultRequest } from '../../networks/request.ts';
import type { PodRecord } from '../api.ts';
import type { PodAttachment, PodNetwork } from './api.ts';

/** A pod's request to the networks room, in the form of a container's. */
export function networkRequest(
  pod: PodRecord,
  folder: string,
  namespaces: string,
  mode: string,
): NetworkRequest {
  const { config } = pod;
  return defaultRequest({
    id: pod.id,
    name: pod.fullName,
    hostname: config.hostname,
    mode,
    portBindings: published(pod),
    folder,
    ...(config.users && { userMaps: [['user-namespace', join(namespaces, 'user'), '', '']] }),
  });
}

/** The ports that a pod publishes on the machine. */
export function published({ config }: PodRecord): PortMap {
  const map: PortMap = {};
  for (const { protocol, containerPort, hostPort, hostIp } of config.ports) {
    if (hostPort === 0) continue;
    const key = `${containerPort}/${protocol}`;
    map[key] = [...(map[key] ?? []), { HostIp: hostIp, HostPort: String(hostPort) }];
  }
  return map;
}

/** Pods on this engine's own bridge, as containers are that name no network. */
export class OwnNetwork implements PodNetwork {
  readonly name = 'berth';
  readonly needsNamespace = false;
  readonly #networks: Networks;
  readonly #mode: string;

  constructor(networks: Networks, mode: string) {
    this.#networks = networks;
    this.#mode = mode;
  }

  async up(pod: PodRecord, folder: string, namespaces: string): Promise<PodAttachment> {
    const mode = pod.config.network === 'node' ? 'host' : this.#mode;
    const { state, path, launch } = await this.#networks.attach(
      networkRequest(pod, folder, namespaces, mode),
    );
    const addresses = Object.values(state.endpoints).flatMap(({ IPAddress, GlobalIPv6Address }) =>
      [IPAddress, GlobalIPv6Address].filter((address) => address !== ''),
    );
    return {
      addresses: mode === 'host' ? [] : addresses,
      path,
      ports: launch.filter(([name]) => name === 'port'),
    };
  }

  async down({ id }: PodRecord): Promise<void> {
    await this.#networks.detach(id);
  }

  async check(): Promise<void> {
    // The networks room restores what is missing of its own.
  }

  async status(): Promise<{ ready: boolean; reason: string; message: string }> {
    return { ready: true, reason: '', message: '' };
  }
}
