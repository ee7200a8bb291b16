import { visible } from '../../base/text.ts';
import type { Container, Network } from '../../store/engine.ts';
import type { Wired } from '../../store/wiring.ts';
import { link } from '../../widgets/route.ts';
import { nameOf, runs } from '../containers/actions.tsx';
import { portsOf } from '../containers/list.tsx';
import { addressesIn } from './places.ts';

/** Containers of one network that are drawn, and of the whole picture: with more, nothing is seen any more. */
const MOST_OF_ONE = 24;
const MOST = 120;
/** Networks that are drawn. */
const MOST_NETWORKS = 40;
/** Characters of a line in a box. */
const WIDEST = 30;

export interface Box {
  id: string;
  kind: 'outside' | 'host' | 'network' | 'internal' | 'veth' | 'container' | 'more';
  lines: string[];
  /** The address in the page of what it is. */
  href?: string;
}

export interface Wire {
  from: string;
  to: string;
  label?: string;
  /** Packets do not pass to the outside. */
  closed?: boolean;
}

export interface Picture {
  boxes: Box[];
  wires: Wire[];
}

const short = (text: string): string => {
  const shown = [...visible(text)];
  return shown.length > WIDEST ? `${shown.slice(0, WIDEST - 1).join('')}…` : shown.join('');
};

/** Running containers by the id of each network that they are on. */
function membersOf(containers: readonly Container[]): Map<string, Container[]> {
  const members = new Map<string, Container[]>();
  for (const one of containers)
    for (const place of Object.values(one.NetworkSettings?.Networks ?? {})) {
      const id = place?.NetworkID ?? '';
      const there = members.get(id);
      if (there) there.push(one);
      else members.set(id, [one]);
    }
  return members;
}

/** Draws up who is wired to whom: the outside, the host, links, veths and running containers. */
export function pictureOf(
  networks: readonly Network[],
  containers: Iterable<Container>,
  wired: ReadonlyMap<string, Wired>,
): Picture {
  const running = [...containers].filter(runs);
  const boxes = new Map<string, Box>();
  const wires: Wire[] = [];
  const put = (box: Box): void => void (boxes.has(box.id) || boxes.set(box.id, box));
  put({ id: 'outside', kind: 'outside', lines: ['outside'] });
  put({ id: 'host', kind: 'host', lines: ['host'], href: '#/host' });
  wires.push({ from: 'outside', to: 'host' });
  let drawn = 0;
  const members = membersOf(running);

  const box = (one: Container): string => {
    const id = `container ${one.Id}`;
    if (!boxes.has(id)) drawn++;
    put({
      id,
      kind: 'container',
      lines: [short(nameOf(one)), ...portsOf(one).slice(0, 4).map(short)],
      href: link('containers', one.Id.slice(0, 12)),
    });
    return id;
  };

  const join = (network: Network, from: string, closed: boolean): void => {
    const there = members.get(network.Id) ?? [];
    const shown = there.slice(0, Math.max(0, Math.min(MOST_OF_ONE, MOST - drawn)));
    const ends = new Map(wired.get(network.Id)?.Members.map((one) => [one.Id, one]));
    for (const one of shown) {
      const end = ends.get(one.Id);
      const lines = addressesIn(one, network.Id);
      if (end?.HostInterface || lines.length > 0) {
        const veth = `veth ${network.Id} ${one.Id}`;
        put({ id: veth, kind: 'veth', lines: [end?.HostInterface || 'interface', ...lines].map(short) });
        wires.push({ from, to: veth, closed }, { from: veth, to: box(one), closed });
      } else wires.push({ from, to: box(one), closed });
    }
    if (there.length > shown.length) {
      const more = `more ${network.Id}`;
      put({
        id: more,
        kind: 'more',
        lines: [`${there.length - shown.length} more`],
        href: link('networks', network.Name),
      });
      wires.push({ from, to: more, closed });
    }
  };

  for (const network of networks.slice(0, MOST_NETWORKS)) {
    const { Id, Name, Driver, Internal } = network;
    const ways = wired.get(Id);
    if (Driver === 'host') {
      join(network, 'host', false);
      continue;
    }
    // A network without a way to anything is drawn with those who are on it.
    if (Driver === 'null' && !members.has(Id)) continue;
    const id = `network ${Id}`;
    const closed = Internal || Driver === 'null';
    put({
      id,
      kind: closed ? 'internal' : 'network',
      lines: [
        short(Name),
        ...(ways?.Link ? [short(ways.Link)] : []),
        ...(ways?.Subnets ?? []).slice(0, 3).map(({ Subnet }) => short(Subnet)),
        ...(Driver === 'null' ? ['no network'] : Internal ? ['internal: no way out'] : []),
      ],
      href: link('networks', Name),
    });
    if (Driver !== 'null') {
      const label = closed
        ? 'closed'
        : ways?.Masquerade
          ? 'masquerade'
          : Driver === 'bridge'
            ? 'routed'
            : Driver;
      wires.push({ from: 'host', to: id, label, closed });
    }
    join(network, id, closed);
  }

  for (const one of running) {
    const owner = /^container:(.+)$/.exec(one.HostConfig?.NetworkMode ?? '')?.[1];
    if (!owner || !boxes.has(`container ${owner}`) || drawn >= MOST) continue;
    wires.push({ from: `container ${owner}`, to: box(one), label: 'shares its network' });
  }
  return { boxes: [...boxes.values()], wires };
}

/** The words for a box, for those who do not see it. */
export function saidOf({ kind, lines }: Box): string {
  const [name, ...rest] = lines;
  const said = kind === 'internal' ? 'network' : kind;
  return [said === name ? name : `${said} ${name}`, ...rest].join(', ');
}
