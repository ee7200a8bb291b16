import { CHAINS } from './chains.ts';
import { isSix, PROTOCOLS, portElement } from './elements.ts';
import type { FirewallDirect, FirewallNetwork, FirewallState } from './state.ts';

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

/** The sets and maps of one family of addresses. */
function familySets({ networks, ports, guards, egress, direct }: FirewallState, family: '4' | '6'): string {
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
  const bridges = (key: 'open4' | 'open6' | 'routed4' | 'routed6') =>
    networks.filter((network) => network[key]).map(({ bridge }) => `"${bridge}"`);
  const service = ({ address, protocol, port }: FirewallDirect) =>
    `${address} . ${PROTOCOLS[protocol]} . ${port}`;
  const reached = direct.filter(({ address }) => mine(address));
  const directly = (by: FirewallDirect['from']) => reached.filter(({ from }) => from === by).map(service);
  const trusted = reached.flatMap((one) =>
    Array.isArray(one.from) ? one.from.map((name) => `"${name}" . ${service(one)}`) : [],
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
    set('set', `open${family}`, 'type ifname;', bridges(family === '4' ? 'open4' : 'open6')),
    set('set', `routed${family}`, 'type ifname;', bridges(family === '4' ? 'routed4' : 'routed6')),
    set('set', `anyone${family}`, `type ${type} . inet_proto . inet_service;`, directly('anywhere')),
    set('set', `outsiders${family}`, `type ${type} . inet_proto . inet_service;`, directly('outside')),
    set('set', `trusted${family}`, `type ifname . ${type} . inet_proto . inet_service;`, trusted),
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

/** A set or map with its elements. */
function set(kind: 'set' | 'map', name: string, body: string, elements: string[]): string {
  const list = elements.length > 0 ? `elements = { ${[...new Set(elements)].join(', ')} }` : '';
  return `  ${kind} ${name} { ${body} ${list} }\n`;
}
