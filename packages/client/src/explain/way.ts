import type { Container, Network } from './rows.ts';

type Rules = Network['Rules'];

/** The way of a container's packets as boxes from the program to the world, one chain for each interface. */
export function containerWay({ Name, Network: network }: Container): string[][][] {
  return network.Endpoints.map((one) => [
    [Name, ...listeners(network)],
    [one.Interface, one.IPv4, one.IPv6, one.Mac].filter(Boolean),
    ...(one.HostInterface ? [[one.HostInterface, 'on the host']] : []),
    [one.Link || one.Driver, `network ${one.Network}`, one.Gateway && `router ${one.Gateway}`].filter(
      Boolean,
    ),
    ...firewall(network.Rules, one.Internal),
    outside(one.Internal, one.Masquerade, publishedAt(network)),
  ]);
}

/** The containers on a network, and its way out. */
export function networkWay(network: Network): string[][][] {
  if (network.Driver !== 'bridge') return [];
  return [
    [
      [`${network.Members.length} containers`, ...network.Members.slice(0, 6).map(({ Name }) => Name)],
      [network.Link, ...network.Subnets.map(({ Subnet }) => Subnet)],
      ...firewall(network.Rules, network.Internal),
      outside(
        network.Internal,
        network.Masquerade,
        network.Members.flatMap(({ Ports }) => Ports),
      ),
    ],
  ];
}

const listeners = ({ Listening }: Container['Network']) =>
  Listening.slice(0, 4).map(({ Address, Port, Protocol }) => `listens ${Address}:${Port}/${Protocol}`);

const publishedAt = ({ Ports }: Container['Network']) =>
  Ports.map(({ HostIp, HostPort, ContainerPort }) => `${HostIp}:${HostPort} > ${ContainerPort}`);

function firewall(rules: Rules, internal: boolean): string[][] {
  const dropped = rules
    .filter(({ Rule }) => /\bdrop$/.test(Rule))
    .reduce((sum, { Packets }) => sum + (Packets ?? 0), 0);
  if (rules.length === 0) return [];
  return [['firewall', internal ? 'internal' : 'forward', `${dropped} dropped`]];
}

const outside = (internal: boolean, masquerade: boolean, ports: readonly string[]): string[] => [
  internal ? 'no way out' : 'world',
  ...(internal ? [] : [masquerade ? 'masquerade' : 'as it is']),
  ...ports.slice(0, 4),
];
