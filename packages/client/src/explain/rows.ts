import type { ResponseOf } from '@berth/api-spec';
import { humanSize } from '../format/sizes.ts';
import { alignColumns } from '../format/table.ts';

export type Container = ResponseOf<'ExplainContainer'>;
export type Image = ResponseOf<'ExplainImage'>;
export type Network = ResponseOf<'ExplainNetwork'>;
export type Why = ResponseOf<'ExplainContainerWhy'>;

/** One part of an explanation: a title, and rows of cells. */
export interface Part {
  title: string;
  rows: string[][];
  /** A share of 0 to 1 for rows that are drawn as a bar in pictures. */
  bars?: Array<number | undefined>;
}

/** A cell may hold what a container, an image or a label made it: it stays one cell of one line. */
export const cell = (text: string) => text.replaceAll(/[\t\n\r\v\f\u2028\u2029]/g, ' ');

/** The parts as text, columns aligned. */
export function partsText(title: string, parts: readonly Part[]): string {
  const sections = parts
    .filter(({ rows }) => rows.length > 0)
    .map(({ title: head, rows }) => {
      const lines = rows.map((row) => `  ${row.map(cell).join('\t')}\n`).join('');
      return `\n${head}\n${alignColumns(lines, 4, 2)}`;
    });
  return `${cell(title)}\n${sections.join('')}`;
}

const share = (usage: number, limit: number | null) => (limit ? Math.min(1, usage / limit) : undefined);
/** A size in powers of 1000, three digits of it. */
export const bytes = (size: number) => humanSize(size, 3);
const ofLimit = (usage: string, limit: string | null) => `${usage} of ${limit ?? 'no limit'}`;
/** The first 12 digits of an id, as Docker shortens it. */
export const short = (id: string) => id.replace(/^sha256:/, '').slice(0, 12);

/** The parts of a container's explanation. */
export function containerParts(container: Container): Part[] {
  return [
    namespaces(container),
    processes(container),
    ...(container.Limits ? [limits(container.Limits)] : []),
    ...root(container.Root),
    ...world(container.Network),
    users(container.Users),
    confinement(container.Confinement),
  ];
}

/** The heading of a container's explanation: name, image, state and process. */
export function containerTitle({ Name, Id, Image, Status, Pid }: Container): string {
  return `${Name} (${short(Id)}) of ${Image}: ${Status}${Pid ? `, process ${Pid} of the host` : ''}`;
}

function namespaces({ Namespaces }: Container): Part {
  return {
    title: 'Namespaces',
    rows: Namespaces.map(({ Type, Id, Kind, SharedWith, Meaning }) => [
      Type,
      Kind === 'host' ? "the host's" : Kind === 'shared' ? 'shared' : 'its own',
      Id === undefined ? '' : String(Id),
      SharedWith.length > 0 ? `with ${SharedWith.join(', ')}` : Meaning,
    ]),
  };
}

function processes({ Processes, ProcessCount }: Container): Part {
  const depths = new Map<number, number>();
  const rows = Processes.map((process) => {
    const depth = (depths.get(process.Parent) ?? -1) + 1;
    depths.set(process.Pid, depth);
    return [
      String(process.Inside),
      String(process.Pid),
      process.InsideUid === process.Uid ? String(process.Uid) : `${process.InsideUid} (${process.Uid})`,
      process.State,
      bytes(process.Memory),
      `${'  '.repeat(Math.min(depth, 20))}${process.Command}`,
    ];
  });
  if (rows.length > 0) rows.unshift(['INSIDE', 'HOST', 'USER', 'STATE', 'MEMORY', 'COMMAND']);
  if (ProcessCount > Processes.length) rows.push([`and ${ProcessCount - Processes.length} more`]);
  return { title: 'Processes, as numbered inside and by the host', rows };
}

function limits(view: NonNullable<Container['Limits']>): Part {
  const { Memory, Cpu, Pids, Io, Pressure, PressureOf } = view;
  const limit = (value: number | null) => (value === null ? null : bytes(value));
  const pressure = Object.entries(Pressure).map(([name, { Some }]) => `${name.toLowerCase()} ${Some.Avg10}%`);
  const rows: Array<[string[], (number | undefined)?]> = [
    [
      [
        'memory',
        ofLimit(bytes(Memory.Usage), limit(Memory.Limit)),
        `at most ${bytes(Memory.Peak)}, ${bytes(Memory.Cache)} of it files; met the limit ${Memory.LimitHits} times, ${Memory.OomKills} processes killed for memory`,
      ],
      share(Memory.Usage, Memory.Limit),
    ],
    [
      [
        'processors',
        ofLimit(`${(Cpu.Usage / 1e9).toFixed(2)}s used`, Cpu.Limit === null ? null : `${Cpu.Limit} at once`),
        `on ${Cpu.Cpus || 'any'}; throttled in ${Cpu.Throttled} of ${Cpu.Periods} periods, for ${(Cpu.ThrottledTime / 1e9).toFixed(2)}s`,
      ],
      Cpu.Periods > 0 ? Cpu.Throttled / Cpu.Periods : undefined,
    ],
    [
      [
        'processes',
        ofLimit(String(Pids.Usage), Pids.Limit === null ? null : String(Pids.Limit)),
        `${Pids.LimitHits} refused`,
      ],
      share(Pids.Usage, Pids.Limit),
    ],
    [['disks', `${bytes(Io.ReadBytes)} read`, `${bytes(Io.WrittenBytes)} written`]],
  ];
  if (pressure.length > 0)
    rows.push([
      [
        'waiting',
        pressure.join(', '),
        PressureOf === 'host'
          ? 'of the last 10 seconds, on the whole machine (cgroup v1 knows no other)'
          : 'of the last 10 seconds',
      ],
    ]);
  return {
    title: `Limits (cgroup v${view.Version}, ${view.Path})`,
    rows: rows.map(([row]) => row),
    bars: rows.map(([, bar]) => bar),
  };
}

/** A row for each layer, the topmost first: number, size, id, and the instruction that made it. */
export function layerRows(layers: Container['Root']['Layers']): string[][] {
  return layers
    .map(({ DiffId, Size, CreatedBy, Files, Wasted }, index) => [
      String(index),
      bytes(Size),
      short(DiffId),
      [
        CreatedBy.slice(0, 100),
        Files === undefined
          ? ''
          : `(${Files} files${Wasted ? `, ${bytes(Wasted)} hidden by later layers` : ''})`,
      ]
        .filter(Boolean)
        .join(' '),
    ])
    .toReversed();
}

function root({ ReadOnly, Layers, Written, Mounts }: Container['Root']): Part[] {
  const { Size, Limit, Added, Changed, Deleted, Paths } = Written;
  return [
    {
      title: `Root, the topmost layer first${ReadOnly ? ' (read-only)' : ''}`,
      rows: [
        [
          'own',
          Limit === undefined ? bytes(Size) : ofLimit(bytes(Size), bytes(Limit)),
          '',
          `written by the container: ${Added} added, ${Changed} changed, ${Deleted} deleted`,
        ],
        ...Paths.map((path) => ['', '', '', `  ${path}`]),
        ...layerRows(Layers),
      ],
      bars: [share(Size, Limit ?? null)],
    },
    {
      title: 'Mounts',
      rows: Mounts.map(({ Type, Name, Source, Destination, RW }) => [
        Destination,
        Type,
        RW ? 'rw' : 'ro',
        Name ? `${Name} (${Source})` : Source,
      ]),
    },
  ];
}

/** A row for each firewall rule: chain, packets that met it, and the rule with its meaning. */
export function ruleRows(rules: Network['Rules']): string[][] {
  return rules.map(({ Chain, Rule, Meaning, Packets }) => [
    Chain,
    Packets === undefined ? '' : `${Packets} packets`,
    Meaning ? `${Rule}   # ${Meaning}` : Rule,
  ]);
}

function world(network: Container['Network']): Part[] {
  const { Mode, Owner, Endpoints, Ports, Listening, Routes, Names, Rules, Table } = network;
  return [
    {
      title: `Way to the world (${Owner ? `the network of ${Owner}` : Mode})`,
      rows: Endpoints.map((one) => [
        one.Network,
        [one.IPv4, one.IPv6].filter(Boolean).join(' '),
        `${one.Interface} ${one.Mac}`,
        [one.HostInterface, one.Link].filter(Boolean).join(' > '),
        one.Internal
          ? 'internal: no way out'
          : one.Masquerade
            ? "leaves as the host's address"
            : 'leaves as it is',
        `${bytes(one.ReceivedBytes)} in, ${bytes(one.SentBytes)} out`,
      ]),
    },
    {
      title: 'Published ports',
      rows: Ports.map((port) => [
        `${port.HostIp.includes(':') ? `[${port.HostIp}]` : port.HostIp}:${port.HostPort}`,
        `> ${port.Leads || 'listener'}:${port.ContainerPort}/${port.Protocol}`,
        port.Listening === undefined ? '' : port.Listening ? 'listens' : 'NOTHING LISTENS THERE',
        port.Element,
      ]),
    },
    {
      title: 'Listening inside',
      rows: Listening.map(({ Protocol, Address, Port }) => [`${Port}/${Protocol}`, Address]),
    },
    {
      title: 'Routes',
      rows: Routes.map(({ Destination, Gateway, Interface }) => [
        Destination,
        Gateway ? `via ${Gateway}` : 'neighbours',
        Interface,
      ]),
    },
    {
      title: 'Names',
      rows: [
        ['servers', Names.Servers.join(' ') || 'none'],
        ...(Names.Search.length > 0 ? [['search', Names.Search.join(' ')]] : []),
        ['containers', Names.Service ? 'found by name' : 'not found by name'],
        ...Names.Hosts.map((line) => ['hosts', line]),
      ],
    },
    {
      title: `Firewall rules (${Table ?? 'none'})`,
      rows: [
        ...(network.Egress === undefined ? [] : [['may reach', network.Egress || 'nothing']]),
        ...(network.PublishAllow === undefined ? [] : [['reached by', network.PublishAllow || 'nobody']]),
        ...ruleRows(Rules),
      ],
    },
  ];
}

function users({ User, Uid, HostUid, Mapped, Uids, Gids }: Container['Users']): Part {
  const maps = (kind: string, ranges: Container['Users']['Uids']) =>
    ranges.map(({ Inside, Host, Size }) => [
      kind,
      `${Inside}-${Inside + Size - 1} inside`,
      Inside === Host ? 'the same on the host' : `${Host}-${Host + Size - 1} on the host`,
    ]);
  return {
    title: 'Users',
    rows: [
      ['configured', User || 'root'],
      ...(Uid === undefined ? [] : [['runs as', `${Uid} inside`, `${HostUid} on the host`]]),
      ...(Mapped || Uids.length === 0 ? [] : [['', 'not mapped', 'root inside is root of the host']]),
      ...maps('users', Uids),
      ...maps('groups', Gids),
    ],
  };
}

function confinement(own: Container['Confinement']): Part {
  return {
    title: 'Confinement',
    rows: [
      ...(own.Privileged ? [['privileged', 'nearly nothing is withheld']] : []),
      ['seccomp', own.Seccomp],
      ['AppArmor', own.AppArmor || 'not in this kernel'],
      ['no-new-privileges', own.NoNewPrivileges ? 'yes' : 'no'],
      ...own.Capabilities.map(({ Name, Meaning, Default }) => [
        Default ? 'may' : 'MAY (not by default)',
        Name,
        Meaning,
      ]),
      ...(own.CapabilitiesWithheld.length > 0 ? [['withheld', own.CapabilitiesWithheld.join(' ')]] : []),
      ...(own.Devices.length > 0 ? [['devices', own.Devices.join(' ')]] : []),
      ['masked', own.MaskedPaths.join(' ') || 'nothing'],
      ['read-only', own.ReadonlyPaths.join(' ') || 'nothing'],
    ],
  };
}
