import { bytes, type Image, layerRows, type Network, type Part, ruleRows, short } from './rows.ts';

/** The heading of an image's explanation: name, size and platform. */
export const imageTitle = ({ Names, Id, Size, Architecture, Os }: Image): string =>
  `${Names[0] ?? short(Id)}: ${bytes(Size)} for ${Os}/${Architecture}`;

/** The parts of an image's explanation. */
export function imageParts(image: Image): Part[] {
  return [
    { title: 'Layers, the topmost first', rows: layerRows(image.Layers) },
    {
      title: 'Its containers would get',
      rows: [
        ['user', image.User || 'root'],
        ['program', [...image.Entrypoint, ...image.Cmd].join(' ') || 'none: name one'],
        ['folder', image.WorkingDir || '/'],
        ['ports', image.Ports.length > 0 ? `${image.Ports.join(' ')} (published by -P or -p alone)` : 'none'],
        ['volumes', image.Volumes.join(' ') || 'none'],
        ['health check', image.Healthcheck.join(' ') || 'none'],
        ['processor', image.Runs ? 'runs on this machine' : 'DOES NOT RUN ON THIS MACHINE'],
      ],
    },
    { title: 'Containers of it', rows: image.Containers.map((name) => [name]) },
    { title: 'Names', rows: [...image.Names, ...image.Digests].map((name) => [name]) },
  ];
}

/** The heading of a network's explanation: name, driver and interface. */
export const networkTitle = ({ Network: name, NetworkId, Driver, Link }: Network): string =>
  `${name} (${short(NetworkId)}): ${Driver}${Link ? ` ${Link}` : ''}`;

/** The parts of a network's explanation. */
export function networkParts(network: Network): Part[] {
  return [
    {
      title: 'Addresses',
      rows: network.Subnets.map(({ Subnet, Gateway }) => [Subnet, `router ${Gateway}`]),
    },
    {
      title: 'Traffic',
      rows: [
        [
          'outside',
          network.Internal ? 'not reached' : network.Masquerade ? "as the host's address" : 'as it is',
        ],
        ['containers', network.Icc ? 'reach each other' : 'do not reach each other'],
        ['names', network.NameService ? 'containers are found by name' : 'containers are not found by name'],
        ['packets', `up to ${network.Mtu} bytes`],
      ],
    },
    {
      title: 'On it',
      rows: network.Members.map(({ Name, IPv4, IPv6, Mac, HostInterface, Ports }) => [
        Name,
        [IPv4, IPv6].filter(Boolean).join(' '),
        Mac,
        HostInterface,
        Ports.join(' '),
      ]),
    },
    { title: `Firewall rules (${network.Table ?? 'none'})`, rows: ruleRows(network.Rules) },
  ];
}
