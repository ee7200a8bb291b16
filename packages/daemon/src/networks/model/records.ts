import type { IpamConfig } from '../addresses/ipam.ts';
import type { EndpointSettings, NetworkRequest, PortMap } from '../api.ts';

/** A network as it is kept; the kernel's objects follow from it. */
export interface NetworkRecord {
  id: string;
  name: string;
  /** RFC 3339 with nanoseconds. */
  created: string;
  driver: 'bridge' | 'macvlan' | 'ipvlan' | 'host' | 'null';
  ipv4: boolean;
  ipv6: boolean;
  internal: boolean;
  attachable: boolean;
  configOnly: boolean;
  /** As it was asked for, where it is not `local`: it is told and nothing else, all networks are this host's. */
  scope?: string;
  configFrom: string;
  labels: Record<string, string>;
  /** As asked for. */
  options: Record<string, string>;
  ipamDriver: string;
  ipamOptions: Record<string, string> | null;
  /** As asked for, or as chosen for the client: what inspect shows. */
  ipamConfig: IpamConfig[];
  /** The subnets in force, with their gateways. */
  subnets: SubnetRecord[];
  /** The bridge's name, or the parent's of a macvlan or ipvlan network. */
  link: string;
  /** The bridge's own address: kept, so that a bridge made anew is the same to its neighbours. */
  mac: string;
  /** The gateway of containers instead of the bridge's own address (`--default-gateway`). */
  defaultGateway?: { 4?: string; 6?: string };
  /** The bridge or VLAN interface was there before: it stays when the network goes. */
  foreignLink: boolean;
}

export interface SubnetRecord {
  subnet: string;
  range: string;
  /** The gateway's address on the bridge. */
  gateway: string;
  /** Addresses that no container gets (auxiliary ones). */
  reserved: string[];
  /** True: the client asked for this subnet, so that its containers may ask for addresses. */
  asked: boolean;
}

/** A container's request to one network: the part of EndpointSettings that a client sets. */
export type EndpointConfig = Pick<
  EndpointSettings,
  'IPAMConfig' | 'Links' | 'Aliases' | 'DriverOpts' | 'GwPriority'
> & { MacAddress: string };

/** An endpoint that exists in the kernel. */
export interface LiveEndpoint {
  networkId: string;
  endpointId: string;
  /** The interface in the container: eth0. */
  interface: string;
  /** The end on the host; '' for macvlan and ipvlan. */
  host: string;
  mac: string;
  ipv4: string; // '' or address without prefix
  ipv6: string;
}

/** A published port that holds. */
export interface LivePort {
  protocol: 'tcp' | 'udp' | 'sctp';
  containerPort: number;
  hostIp: string;
  hostPort: number;
}

/** A container, as far as networks go. Keyed by its id. */
export interface ContainerRecord {
  request: NetworkRequest;
  /** By network name, in the order they were connected; the main one first. */
  configured: Array<{
    network: string;
    config: EndpointConfig;
    networkId: string;
    /** Connected after the container was created: its names are settled then, not by the next start. */
    connected?: true;
  }>;
  /** Undefined while it does not run. */
  live?: {
    sandboxId: string;
    endpoints: LiveEndpoint[];
    ports: LivePort[];
    portMap: PortMap;
  };
  sandboxId: string;
  sandboxKey: string;
  /** The resolv.conf we wrote last: one that differs was changed by the user and stays. */
  resolvHash: string;
}
