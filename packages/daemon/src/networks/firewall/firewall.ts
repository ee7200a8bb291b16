import type { LaunchRecord } from '@berth/native';
import { parseAddress } from '../addresses/addresses.ts';

/** The desired state of the firewall; `ruleset` turns it into nftables' language. All rules are a function of it. */
export interface FirewallState {
  table: string;
  networks: FirewallNetwork[];
  ports: FirewallPort[];
  guards: FirewallGuard[];
  egress: FirewallEgress[];
  links: FirewallLink[];
}

/** A port of one container that another may reach although their network keeps its containers apart. */
export interface FirewallLink {
  from: string;
  to: string;
  protocol: FirewallPort['protocol'];
  port: number;
}

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
  /** New connections from outside straight to a container's address are let in (routed networks). */
  open4: boolean;
  open6: boolean;
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

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 };
const isSix = (address: string) => address.includes(':');
const isAny = (address: string) => address === '0.0.0.0' || address === '::';

/** Where the element of a published port goes: `map` and the element itself. */
export function portElement(port: FirewallPort): { map: string; key: string; element: string } {
  const six = isSix(port.hostIp) ? '6' : '4';
  const service = `${PROTOCOLS[port.protocol]} . ${port.hostPort}`;
  const any = isAny(port.hostIp);
  const key = any ? service : `${port.hostIp} . ${service}`;
  if (!port.address) return { map: `carried${any ? '' : 'at'}${six}`, key, element: key };
  return {
    map: `${any ? 'anywhere' : 'publish'}${six}`,
    key,
    element: `${key} : ${port.address} . ${port.port}`,
  };
}

/** One transaction that adds or deletes elements of published ports. */
export function portChange(table: string, add: FirewallPort[], remove: FirewallPort[]): string {
  let text = '';
  for (const port of remove) {
    const { map, key } = portElement(port);
    text += `delete element inet ${table} ${map} { ${key} }\n`;
    const held = loopbackElement(port);
    if (held) text += `delete element inet ${table} ${held}\n`;
  }
  for (const port of add) {
    const { map, element } = portElement(port);
    text += `add element inet ${table} ${map} { ${element} }\n`;
    const held = loopbackElement(port);
    if (held) text += `add element inet ${table} ${held}\n`;
  }
  return text;
}

const hex = (...bytes: number[]) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
/** Parts of a key or value take multiples of four bytes. */
const hexPort = (port: number) => hex(port >> 8, port & 255, 0, 0);

function hexAddress(text: string): string {
  const { value, bits } = parseAddress(text)!;
  return value.toString(16).padStart(bits / 4, '0');
}

/** The same change as the worker's operation `elements` takes it: keys and values as the kernel has them. */
export function portOperation(table: string, add: FirewallPort[], remove: FirewallPort[]): LaunchRecord {
  const operation: LaunchRecord = ['elements', table];
  for (const [word, ports] of [
    ['delete', remove],
    ['add', add],
  ] as const)
    for (const port of ports) {
      const { map } = portElement(port);
      const service = hex(PROTOCOLS[port.protocol], 0, 0, 0) + hexPort(port.hostPort);
      const full = isAny(port.hostIp) ? service : hexAddress(port.hostIp) + service;
      const value = port.address && `/${hexAddress(port.address)}${hexPort(port.port)}`;
      operation.push(`${word}=${map}/${full}${word === 'add' ? value : ''}`);
      if (port.hostIp.startsWith('127.')) operation.push(`${word}=loopback4/${full}`);
    }
  return operation;
}

/** A port of the host's loopback is for the host alone, whatever `route_localnet` says. */
function loopbackElement({ protocol, hostIp, hostPort }: FirewallPort): string | undefined {
  return hostIp.startsWith('127.')
    ? `loopback4 { ${hostIp} . ${PROTOCOLS[protocol]} . ${hostPort} }`
    : undefined;
}

/** A set or map with its elements. */
function set(kind: 'set' | 'map', name: string, body: string, elements: string[]): string {
  const list = elements.length > 0 ? `elements = { ${[...new Set(elements)].join(', ')} }` : '';
  return `  ${kind} ${name} { ${body} ${list} }\n`;
}

/** The whole table as one transaction that replaces the one that is there. */
export function ruleset(state: FirewallState): string {
  const { table, networks } = state;
  const bridges = (choose: (network: FirewallNetwork) => boolean) =>
    networks.filter(choose).map(({ bridge }) => `"${bridge}"`);
  let text = `table inet ${table} {}\ndelete table inet ${table}\ntable inet ${table} {\n`;
  text += set(
    'set',
    'bridges',
    'type ifname;',
    bridges(() => true),
  );
  text += set(
    'set',
    'internal',
    'type ifname;',
    bridges(({ internal }) => internal),
  );
  text += set(
    'map',
    'inside',
    'type ifname . ifname : verdict;',
    networks.map(({ bridge, icc }) => `"${bridge}" . "${bridge}" : ${icc ? 'accept' : 'drop'}`),
  );
  for (const family of ['4', '6'] as const) text += familySets(state, family);
  text += set(
    'set',
    'loopback4',
    'type ipv4_addr . inet_proto . inet_service;',
    state.ports
      .filter(({ hostIp }) => hostIp.startsWith('127.'))
      .map(({ hostIp, protocol, hostPort }) => `${hostIp} . ${PROTOCOLS[protocol]} . ${hostPort}`),
  );
  const carried = state.ports.filter(({ address }) => !address).map(portElement);
  for (const [name, type] of [
    ['carried6', 'inet_proto . inet_service'],
    ['carriedat6', 'ipv6_addr . inet_proto . inet_service'],
  ] as const)
    text += set(
      'set',
      name,
      `type ${type};`,
      carried.filter(({ map }) => map === name).map(({ element }) => element),
    );
  text += set(
    'set',
    'linked',
    'type ipv4_addr . ipv4_addr . inet_proto . inet_service;',
    state.links.map(({ from, to, protocol, port }) => `${from} . ${to} . ${PROTOCOLS[protocol]} . ${port}`),
  );
  text += set(
    'set',
    'guarded',
    'type inet_proto . inet_service;',
    state.guards.map(({ protocol, hostPort }) => `${PROTOCOLS[protocol]} . ${hostPort}`),
  );
  return `${text}${CHAINS}}\n`;
}

function familySets({ networks, ports, guards, egress }: FirewallState, family: '4' | '6'): string {
  const type = `ipv${family}_addr`;
  const mine = (address: string) => isSix(address) === (family === '6');
  const subnet = (network: FirewallNetwork) => (family === '4' ? network.subnet4 : network.subnet6);
  const source = (network: FirewallNetwork) => (family === '4' ? network.source4 : network.source6);
  const masqueraded = networks.filter(
    (network) => subnet(network) && (family === '4' ? network.masquerade4 : network.masquerade6),
  );
  const elements = ports.filter(({ hostIp }) => mine(hostIp)).map(portElement);
  const allowed = egress.flatMap(({ source: from, allow }) =>
    allow
      .filter(({ cidr }) => mine(cidr) && mine(from))
      .map(({ cidr, protocol, port }) =>
        [from, cidr, protocol ? PROTOCOLS[protocol] : '0-255', port ?? '0-65535'].join(' . '),
      ),
  );
  return [
    set(
      'set',
      `own${family}`,
      `type ${type} . ifname; flags interval;`,
      networks.filter(subnet).map((network) => `${subnet(network)} . "${network.bridge}"`),
    ),
    set('set', `masquerade${family}`, `type ${type}; flags interval;`, masqueraded.map(subnet)),
    set(
      'map',
      `source${family}`,
      `type ${type} : ${type}; flags interval;`,
      masqueraded.filter(source).map((network) => `${subnet(network)} : ${source(network)}`),
    ),
    set(
      'set',
      `open${family}`,
      'type ifname;',
      networks
        .filter(({ open4, open6 }) => (family === '4' ? open4 : open6))
        .map(({ bridge }) => `"${bridge}"`),
    ),
    set(
      'map',
      `publish${family}`,
      `type ${type} . inet_proto . inet_service : ${type} . inet_service;`,
      elements.filter(({ map }) => map.startsWith('publish')).map(({ element }) => element),
    ),
    set(
      'map',
      `anywhere${family}`,
      `type inet_proto . inet_service : ${type} . inet_service;`,
      elements.filter(({ map }) => map.startsWith('anywhere')).map(({ element }) => element),
    ),
    set(
      'set',
      `sources${family}`,
      `type ${type} . inet_proto . inet_service; flags interval;`,
      guards.flatMap(({ protocol, hostPort, sources }) =>
        sources.filter(mine).map((cidr) => `${cidr} . ${PROTOCOLS[protocol]} . ${hostPort}`),
      ),
    ),
    set(
      'set',
      `restricted${family}`,
      `type ${type}; flags interval; auto-merge;`,
      egress.filter(({ source: from }) => mine(from)).map(({ source: from }) => from),
    ),
    set(
      'set',
      `allowed${family}`,
      `type ${type} . ${type} . inet_proto . inet_service; flags interval;`,
      allowed,
    ),
    set(
      'set',
      `named${family}`,
      `type ${type} . ${type} . inet_proto . inet_service; flags interval,timeout;`,
      [],
    ),
    set('set', `refused${family}`, `type ${type}; size 65535; flags dynamic; counter;`, []),
  ].join('');
}

/*
 * The rules are always these, whatever the number of networks and containers; what differs is in the sets.
 *
 * guard: a port published on the host's loopback is not reached from elsewhere; sources of guarded ports.
 * publish: the destination is rewritten, the source stays what it is.
 * postrouting: a container that reaches itself or a neighbour through the host's address gets its answer through the
 *   host; what leaves to elsewhere leaves with the host's address.
 * forward: into a network come answers, ports opened by a link, published ports and (routed networks) anything; networks do not see each other;
 *   an internal network is alone. Egress policies come first.
 * Rules that decide about much of the traffic count it, for those who ask why something is not reached.
 * inner: what a listener of ours would carry out of an internal network, where `forward` does not see it.
 */
const CHAINS = `  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" ip daddr . meta l4proto . th dport @loopback4 counter drop comment "a port published on the loopback is for the host alone"
    meta l4proto . th dport @guarded fib daddr type local jump sources
  }
  chain sources {
    ip saddr . meta l4proto . th dport @sources4 return
    ip6 saddr . meta l4proto . th dport @sources6 return
    iifname "lo" return
    counter drop comment "a source that may not reach a guarded published port"
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local goto publish
  }
  chain output {
    type nat hook output priority dstnat; policy accept;
    ip daddr 127.0.0.0/8 return
    ip6 daddr ::1 return
    fib daddr type local goto publish
  }
  chain publish {
    dnat ip to ip daddr . meta l4proto . th dport map @publish4
    dnat ip to meta l4proto . th dport map @anywhere4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6
    dnat ip6 to meta l4proto . th dport map @anywhere6
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr . oifname @own4 ct status dnat masquerade
    ip saddr . oifname @own4 return
    ip6 saddr . oifname @own6 ct status dnat masquerade
    ip6 saddr . oifname @own6 return
    ip daddr 224.0.0.0/4 return
    snat ip to ip saddr map @source4
    snat ip6 to ip6 saddr map @source6
    ip saddr @masquerade4 counter masquerade comment "what leaves goes with the address of the host"
    ip6 saddr @masquerade6 counter masquerade comment "what leaves goes with the address of the host"
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related counter accept comment "answers, and what goes on"
    ip saddr . ip daddr . meta l4proto . th dport @linked accept
    iifname . oifname vmap @inside
    iifname @bridges jump egress
    oifname @internal counter drop comment "nothing from elsewhere into an internal network"
    iifname @internal counter drop comment "nothing from an internal network to elsewhere"
    oifname @bridges ct status dnat counter accept comment "new connections to published ports"
    oifname @open4 meta nfproto ipv4 iifname != @bridges accept
    oifname @open6 meta nfproto ipv6 iifname != @bridges accept
    oifname @bridges counter drop comment "into a network from elsewhere only what is published"
    iifname @bridges counter accept comment "from a network to elsewhere"
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname @internal ct state new jump inner
    iifname @bridges ct state new jump egress
  }
  chain inner {
    meta nfproto ipv6 meta l4proto . th dport @carried6 drop
    ip6 daddr . meta l4proto . th dport @carriedat6 drop
  }
  chain egress {
    ip saddr @restricted4 goto policy4
    ip6 saddr @restricted6 goto policy6
  }
  chain policy4 {
    ip saddr . ip daddr . meta l4proto . th dport @allowed4 return
    ip saddr . ip daddr . meta l4proto . th dport @named4 return
    update @refused4 { ip saddr }
    reject with icmp admin-prohibited
  }
  chain policy6 {
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } return
    ip6 saddr . ip6 daddr . meta l4proto . th dport @allowed6 return
    ip6 saddr . ip6 daddr . meta l4proto . th dport @named6 return
    update @refused6 { ip6 saddr }
    reject with icmpv6 admin-prohibited
  }
`;
