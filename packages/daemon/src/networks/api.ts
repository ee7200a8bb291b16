import type { LaunchRecord } from '@berth/native';

/** EndpointSettings of the API: asked for (input members) and effective. */
export interface EndpointSettings {
  IPAMConfig: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: string[] } | null;
  Links: string[] | null;
  Aliases: string[] | null;
  DriverOpts: Record<string, string> | null;
  GwPriority: number;
  NetworkID: string;
  EndpointID: string;
  Gateway: string;
  IPAddress: string;
  MacAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  DNSNames: string[] | null;
}

/** Ways of networks that the client of a create knows, by the version of its API. */
export interface NetworkClient {
  /** A network that asks for IPv6 and names no subnet gets one of the daemon's own; `0.0.0.0/24` is any of that size. */
  hasIpv6Pool: boolean;
  /** A macvlan or ipvlan network has a gateway only where one is given. */
  givenGateways: boolean;
}

/** Bindings on the host by a container's port, `80/tcp`. */
export type PortMap = Record<string, Array<{ HostIp: string; HostPort: string }> | null>;

/** A container's request to this room, from HostConfig and NetworkingConfig. */
export interface NetworkRequest {
  id: string;
  name: string; // without slash
  hostname: string;
  domainname: string;
  /** HostConfig.NetworkMode as normalised: bridge, host, none, a network's name or id. (`container:` never comes here.) */
  mode: string;
  endpoints: Record<string, Partial<EndpointSettings>>;
  macAddress?: string;
  exposedPorts: string[]; // "80/tcp"
  portBindings: PortMap;
  publishAll: boolean;
  dns: string[];
  dnsSearch: string[];
  dnsOptions: string[];
  extraHosts: string[];
  links: string[];
  /** Records of the user namespace that is to own its network namespace: see c/container/spec/spec.h. */
  userMaps?: LaunchRecord[];
  /** The folder where hosts, hostname, resolv.conf are written (the container's own folder). */
  folder: string;
  labels: Record<string, string>;
  /** Addresses of subnets that nobody asked for may be asked for, too. */
  anySubnet?: boolean;
}

/** The effective state that inspect shows and that is kept with the container's record. */
export interface NetworkState {
  endpoints: Record<string, EndpointSettings>; // by network name
  ports: PortMap;
  sandboxId: string;
  sandboxKey: string;
}

/** A network as it is shown, with the members of all API versions. */
export interface NetworkInspect {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  IPAM: {
    Driver: string;
    Options: Record<string, string> | null;
    /** Subnets: those that were asked for, and those that the pools gave. */
    Config: Array<{
      Subnet?: string;
      IPRange?: string;
      Gateway?: string;
      AuxiliaryAddresses?: Record<string, string>;
    }> | null;
  };
  /** Gateways by the subnet that they are of, also where none was asked for; '' for a subnet without one. */
  gateways: Record<string, string>;
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  /** The containers that run on it, by id. */
  Containers: Record<
    string,
    { Name: string; EndpointID: string; MacAddress: string; IPv4Address: string; IPv6Address: string }
  >;
  Options: Record<string, string> | null;
  Labels: Record<string, string> | null;
  /** How many addresses of each subnet are in use. */
  Status?: Record<string, unknown>;
}

/** A rule of the firewall as nft prints it, with its counter where it has one. */
export interface FirewallRule {
  Table: string;
  Chain: string;
  Rule: string;
  /** The rule's comment in the table, which says what it is for. */
  Meaning?: string;
  Packets?: number;
  Bytes?: number;
}

/** The part that a network has in the way of packets. */
interface WayNetwork {
  Network: string;
  NetworkId: string;
  Driver: string;
  /** The bridge or parent interface on the host. */
  Link: string;
  Mtu: number;
  Internal: boolean;
  /** Containers of the network reach each other (`com.docker.network.bridge.enable_icc`). */
  Icc: boolean;
  /** Packets that leave it have the host's address. */
  Masquerade: boolean;
  Masquerade6: boolean;
}

/** The way of packets through a network, as this room arranged it. */
export interface NetworkWay extends WayNetwork {
  Subnets: Array<{ Subnet: string; Gateway: string }>;
  Table: string;
  Rules: FirewallRule[];
  NameService: boolean;
}

/** A container's interface on one network. */
export interface WayEndpoint extends WayNetwork {
  Interface: string;
  /** The end on the host; '' for macvlan and ipvlan. */
  HostInterface: string;
  Mac: string;
  IPv4: string;
  IPv6: string;
  Gateway: string;
  Gateway6: string;
}

/** A published port on that way. */
export interface WayPort {
  Protocol: string;
  ContainerPort: number;
  HostIp: string;
  HostPort: number;
  /** The container's address that the firewall translates to; '': the listener of its supervisor carries it. */
  Leads: string;
  /** The element of the firewall's map. */
  Element: string;
}

/** The way of a running container's packets, as this room arranged it. */
export interface ContainerWay {
  /** The firewall's table; '' without a firewall. */
  Table: string;
  Endpoints: WayEndpoint[];
  Ports: WayPort[];
  /** The rules that its packets may meet. */
  Rules: FirewallRule[];
  /** Other containers are found by name. */
  NameService: boolean;
  /** The container's egress policies, as they were written. */
  Egress?: string;
  PublishAllow?: string;
}

/** The networks of this daemon, and containers' endpoints on them. An `id` is a container's. */
export interface Networks {
  /** @throws conflict for a name that is taken, invalid-parameter, forbidden for a subnet or parent that is taken */
  create(options: Record<string, unknown>, client?: NetworkClient): Promise<{ id: string; warning: string }>;
  /** By name, id or unique id prefix. @throws not-found (`network x not found`). */
  inspect(reference: string): NetworkInspect;
  /** Packets that egress policies refused since the daemon's start, by the network's members; undefined: no policy. */
  refused(reference: string): Promise<Record<string, number> | undefined>;
  /** @throws invalid-parameter for filters that there are not */
  list(filters: Record<string, string[]>): Promise<NetworkInspect[]>;
  /** `nameEndpoints`: the error of one that is in use says by whom. @throws forbidden, not-found */
  remove(reference: string, options?: { nameEndpoints?: boolean }): Promise<void>;
  /** Removes the networks that no container is connected to. @throws invalid-parameter */
  prune(filters: Record<string, string[]>): Promise<{ NetworksDeleted: string[] }>;

  /** Checks what a create asks of its endpoints, also for a container that has another's network. @throws invalid-parameter, forbidden */
  check(request: NetworkRequest): void;
  /** Checks what can be checked at create (addresses fit, ports parse); returns the stopped state. */
  prepare(request: NetworkRequest): NetworkState;
  /**
   * Makes the sandbox for a start: namespace, veths, addresses, routes, published ports, name service, /etc files.
   * `path` is the network namespace to join; `launch` are records for the supervisor (port listeners, name service).
   * All is undone when it throws. @throws conflict for a port in use (`Bind for 0.0.0.0:80 failed: port is already allocated`).
   */
  attach(request: NetworkRequest): Promise<{ state: NetworkState; path: string; launch: LaunchRecord[] }>;
  /** The container runs as that process: its sandbox key leads there. An earlier version's key becomes one of now. */
  running(id: string, pid: number): void;
  /** After the container's exit: gives back addresses, rules. Quick and idempotent. */
  detach(id: string): Promise<NetworkState>;
  /** The container is removed: forget everything about it. */
  forget(id: string): Promise<void>;
  /** Live connect/disconnect (running: pid given) or a change of what the next start does. */
  connect(
    network: string,
    request: NetworkRequest,
    endpoint: Partial<EndpointSettings>,
    pid?: number,
  ): Promise<NetworkState>;
  /**
   * Publishes the ports that a request asks for now: at once where the container runs, else with its next start.
   * A port whose bindings stay keeps what it has, but for those of `anew` (as `80/tcp`).
   * @throws system for a port that can't be had; the ports whose bindings changed are unpublished then
   */
  publish(request: NetworkRequest, anew?: string[]): Promise<NetworkState>;
  /** The records by which a container's supervisor gives up these ports of it (as `80/tcp`). */
  closing(id: string, ports: string[]): LaunchRecord[];
  /** Ends an endpoint, at once where the container runs (`pid` given). @throws not-found, forbidden */
  disconnect(network: string, id: string, options: { force: boolean; pid?: number }): Promise<NetworkState>;
  /**
   * After a connect or disconnect of a running container: records that its supervisor must take in
   * (`Supervisor.control`), each given once.
   */
  takeControls(id: string): LaunchRecord[];
  /** The container has a new name, by which others on its networks find it. */
  renamed(id: string, name: string): void;
  /** The state of a container's endpoints; undefined when it has no sandbox. */
  state(id: string): NetworkState | undefined;
  /** Per-interface counters for stats: name -> rx_bytes ... */
  stats(pid: number): Promise<Record<string, Record<string, number>>>;
  /** How a running container's packets get out and in. */
  way(id: string): Promise<ContainerWay>;
  /** The same of a network. @throws not-found */
  networkWay(reference: string): Promise<NetworkWay>;
  /** The host's end of a running container's interface on a network; '' where there is none. */
  hostInterface(id: string, networkId: string): string;
  /** Rules of other programs' tables that refuse packets; not `complete` where a table is too large to be read. */
  otherRules(): Promise<{ rules: FirewallRule[]; complete: boolean; closed: string[] }>;
  /** The same of the network namespace at a path. */
  statsAt(path: string): Promise<Record<string, Record<string, number>>>;
  /** At start-up: the running containers (with pids); everything else that is ours in the kernel goes. */
  reconcile(running: Array<{ request: NetworkRequest; pid: number }>): Promise<void>;
  /** Stops the worker; networks and containers go on. */
  close(): void;
}
