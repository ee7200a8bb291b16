/** The desired state of the firewall; `ruleset` turns it into nftables' language. All rules are a function of it. */
export interface FirewallState {
  table: string;
  networks: FirewallNetwork[];
  ports: FirewallPort[];
  guards: FirewallGuard[];
  egress: FirewallEgress[];
  links: FirewallLink[];
  direct: FirewallDirect[];
}

/** A bridge network. */
export interface FirewallNetwork {
  bridge: string;
  subnet4: string; // '' for none
  subnet6: string;
  internal: boolean;
  icc: boolean;
  masquerade4: boolean;
  masquerade6: boolean;
  /** Masquerade with this address instead of the outgoing interface's own. */
  source4: string;
  source6: string;
  /** New connections from outside straight to a container's address are let in, whatever the port. */
  open4: boolean;
  open6: boolean;
  /** Containers answer to `ping` from elsewhere. */
  routed4: boolean;
  routed6: boolean;
}

/** Packets to a port of the host go to a container. */
export interface FirewallPort {
  protocol: 'tcp' | 'udp' | 'sctp';
  /** 0.0.0.0 and ::, or one address of the host. */
  hostIp: string;
  hostPort: number;
  /** '' where the container has no IPv6: its supervisor's listener carries the connections. */
  address: string;
  port: number;
}

/** A port of one container that another may reach although their network keeps its containers apart. */
export interface FirewallLink {
  from: string;
  to: string;
  protocol: FirewallPort['protocol'];
  port: number;
}

/**
 * A published port that is reached at the container's own address: from anywhere, other networks included, from outside of
 * all networks, or by these interfaces of the host.
 */
export interface FirewallDirect {
  address: string;
  protocol: FirewallPort['protocol'];
  port: number;
  from: 'anywhere' | 'outside' | string[];
}

/** A published port that only these sources may reach. */
export interface FirewallGuard {
  protocol: FirewallPort['protocol'];
  hostPort: number;
  sources: string[];
}

/** A container or a network that may only reach these destinations. */
export interface FirewallEgress {
  /** An address or a range. */
  source: string;
  allow: Array<{ cidr: string; protocol?: 'tcp' | 'udp'; port?: number }>;
}
