import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerSnapshot } from '../../containers/api.ts';
import type { ContainerWay } from '../../networks/api.ts';
import type { ExplainedSocket } from '../api.ts';
import { networkOwner } from '../facts/networking.ts';
import { isLoopback, listening, takesIPv6Only, unaccepted } from '../facts/sockets.ts';
import { notReachedFrom } from './from.ts';
import type { Inquiry } from './inquiry.ts';
import { leftBehind, membersLeftBehind } from './left-behind.ts';
import { refusals } from './refusals.ts';
import { stopped } from './stopped.ts';

/** The engine's own name service waits there in a container's namespace. */
const NAME_SERVICE = '127.0.0.11';

/** Why a container is not reached: from the host and other machines by published ports, or from another container. */
export async function whyNotReached(inquiry: Inquiry): Promise<void> {
  const { rooms, container, options } = inquiry;
  const { record, state, network } = container;
  inquiry.looked('its state');
  const wanted = Object.keys(record.hostConfig.PortBindings ?? {}).length > 0;
  if (state.status !== 'running') {
    inquiry.saw('its state', state.status);
    if (state.status === 'paused')
      inquiry.answer(
        'paused',
        'It is paused: connections are accepted by the kernel and nobody answers.',
        '`berth unpause` lets it go on.',
      );
    else if (wanted || inquiry.explicit || options.from !== undefined)
      inquiry.answer(
        'not-running',
        `It does not run (${state.status}).`,
        'Start it; `berth explain --why` says why it ended.',
      );
    return;
  }
  const owner = networkOwner(rooms, container) ?? container;
  if (leftBehind(inquiry, owner)) return;
  const way = await rooms.networks.way(owner.record.id);
  inquiry.looked('sockets in its network namespace');
  const sockets = listening(state.pid).filter(({ Address }) => Address !== NAME_SERVICE);
  if (options.from !== undefined)
    return notReachedFrom(inquiry, rooms.containers.get(options.from), way, sockets);
  if (record.hostConfig.NetworkMode === 'host') return onHost(inquiry, wanted);
  if (stopped(inquiry, 'Its program is stopped by a signal (SIGSTOP): it answers nobody.')) return;
  inquiry.looked('its published ports');
  if (way.Ports.length > 0) {
    for (const port of publishedPorts(way)) await aboutPort(inquiry, way, sockets, port);
    return;
  }
  if (owner !== container && wanted) {
    inquiry.answer(
      'shares-network',
      `It shares the network of ${owner.record.name}, where ports are published, not here.`,
      `Publish the port of ${owner.record.name}.`,
    );
    return;
  }
  if (wanted && way.Endpoints.every(({ Internal }) => Internal)) {
    inquiry.saw('its networks', Object.keys(network.endpoints).join(', ') || 'none');
    const none = way.Endpoints.length === 0;
    inquiry.answer(
      none ? 'no-network' : 'internal',
      none
        ? 'It has no network, so its ports are not published.'
        : 'All its networks are internal, so its ports are not published.',
      'Connect it to a network with a way out.',
    );
    return;
  }
  if (wanted && withoutListener(inquiry, way)) return;
  unpublished(inquiry, container, way, sockets);
}

/** One on the network of the host, which has no published ports. */
function onHost(inquiry: Inquiry, wanted: boolean): void {
  if (!wanted) return;
  inquiry.saw('its settings', 'NetworkMode host, with ports to publish');
  inquiry.answer(
    'host-network',
    'It is on the network of the host, where no ports are published: what it listens at is a port of the host, by the same number.',
    'Use that number, or start it on a network of its own (without --network host).',
    { sure: inquiry.explicit },
  );
}

/** Ports wished at IPv6 addresses alone, of a container without IPv6: only a listener of the engine leads there. */
function withoutListener(inquiry: Inquiry, way: ContainerWay): boolean {
  const { rooms, container } = inquiry;
  if (rooms.settings.userlandProxy || way.Endpoints.some(({ IPv6 }) => IPv6 !== '')) return false;
  const wishes = Object.values(container.record.hostConfig.PortBindings ?? {}).flatMap((wish) => wish ?? []);
  const addresses = [...new Set(wishes.map(({ HostIp }) => HostIp || '0.0.0.0'))];
  if (addresses.length === 0 || !addresses.every((address) => address.includes(':'))) return false;
  inquiry.saw('its settings', `published at ${addresses.join(', ')}`);
  inquiry.saw('its networks', 'it has no address of IPv6');
  inquiry.saw('the settings of the engine', 'userland-proxy is off');
  inquiry.answer(
    'no-ipv6',
    `Its ports are to be published at ${addresses.join(', ')}, and are not: it has no IPv6, and without its userland proxy the engine leads nobody from IPv6 to IPv4.`,
    'Connect it to a network with IPv6 (`berth network create --ipv6`), publish at an IPv4 address, or start the engine with --userland-proxy.',
  );
  return true;
}

interface Port {
  protocol: string;
  port: number;
  at: Array<{ ip: string; port: number }>;
}

function publishedPorts({ Ports }: ContainerWay): Port[] {
  const ports = new Map<string, Port>();
  for (const { Protocol, ContainerPort, HostIp, HostPort } of Ports) {
    const key = `${ContainerPort}/${Protocol}`;
    const port = ports.get(key) ?? { protocol: Protocol, port: ContainerPort, at: [] };
    port.at.push({ ip: HostIp, port: HostPort });
    ports.set(key, port);
  }
  return [...ports.values()];
}

const shown = ({ Address, Port, Protocol }: ExplainedSocket) =>
  `${Address.includes(':') ? `[${Address}]` : Address}:${Port}/${Protocol}`;
const listed = (sockets: readonly ExplainedSocket[]) => sockets.map(shown).join(', ') || 'none';

async function aboutPort(
  inquiry: Inquiry,
  way: ContainerWay,
  sockets: readonly ExplainedSocket[],
  { protocol, port, at }: Port,
): Promise<void> {
  const here = sockets.filter((socket) => socket.Port === port && socket.Protocol === protocol);
  const where = `${at[0]!.ip}:${at[0]!.port}`;
  if (here.length === 0 && protocol !== 'sctp') {
    inquiry.saw('sockets in its network namespace', listed(sockets));
    inquiry.saw('its published ports', `${where} leads to ${port}/${protocol}`);
    const published = new Set(way.Ports.map(({ ContainerPort }) => ContainerPort));
    const other = sockets.find(
      (socket) => socket.Protocol === protocol && !isLoopback(socket.Address) && !published.has(socket.Port),
    );
    if (membersLeftBehind(inquiry)) return;
    const kin = sockets.find((socket) => socket.Port === port && socket.Protocol !== protocol);
    if (kin) {
      inquiry.answer(
        'other-protocol',
        `It listens at ${port}/${kin.Protocol}, and ${port}/${protocol} is published, where ${where} leads.`,
        `Publish that one: -p ${at[0]!.port}:${port}${kin.Protocol === 'tcp' ? '' : `/${kin.Protocol}`}.`,
      );
      return;
    }
    inquiry.answer(
      'not-listening',
      `Nothing in it listens at ${port}/${protocol}, where ${where} leads${other ? `; it listens at ${other.Port}/${protocol}` : ''}.`,
      other
        ? `Publish that port: -p ${at[0]!.port}:${other.Port}.`
        : 'Have the program listen at that port; it may still be starting, or have failed: see its log.',
    );
    return;
  }
  if (here.length > 0 && here.every(({ Address }) => isLoopback(Address))) {
    inquiry.saw('sockets in its network namespace', listed(here));
    inquiry.answer(
      'loopback',
      `What listens at ${port}/${protocol} does so at ${here[0]!.Address} only, which is reached from inside alone.`,
      'Have the program listen at 0.0.0.0 (or ::).',
    );
    return;
  }
  const byIPv4 = at.some(({ ip }) => !ip.includes(':'));
  if (
    byIPv4 &&
    protocol === 'tcp' &&
    here.length > 0 &&
    here.every(({ Address }) => Address.includes(':')) &&
    (here.every(({ Address }) => Address !== '::') ||
      (await takesIPv6Only(inquiry.container.state.pid, port)))
  ) {
    inquiry.saw('sockets in its network namespace', `${listed(here)}, by IPv6 alone`);
    inquiry.answer(
      'ipv6-only',
      `What listens at ${port}/${protocol} takes connections by IPv6 alone; ${where} leads to it by IPv4.`,
      'Have the program listen at 0.0.0.0 too, or at :: without IPV6_V6ONLY (net.ipv6.bindv6only=0).',
    );
    return;
  }
  if (protocol === 'tcp' && (await notAccepted(inquiry, port))) return;
  await refusals(inquiry, way, { protocol, port, at });
  if (at.every(({ ip }) => isLoopback(ip))) {
    inquiry.saw('its published ports', at.map(({ ip, port: number }) => `${ip}:${number}`).join(', '));
    inquiry.answer(
      'published-on-loopback',
      `${port}/${protocol} is published at ${at[0]!.ip} of the host only: other machines do not reach it.`,
      `Publish it at all addresses (-p ${at[0]!.port}:${port}) if they should.`,
      { sure: inquiry.explicit },
    );
  } else if (at.every(({ ip }) => ip !== '0.0.0.0' && ip !== '::')) {
    inquiry.saw('its published ports', at.map(({ ip, port: number }) => `${ip}:${number}`).join(', '));
    inquiry.answer(
      'published-elsewhere',
      `${port}/${protocol} is published at ${at.map(({ ip }) => ip).join(', ')} only: not at the host's other addresses, nor at localhost.`,
      `Use that address, or publish it at all (-p ${at[0]!.port}:${port}).`,
      { sure: inquiry.explicit },
    );
  }
}

/** Between two looks at a queue, in milliseconds: a program that works takes what waits meanwhile. */
const BETWEEN = 100;

/** Whether connections to a port are accepted by the kernel alone, which is the answer then. */
async function notAccepted(inquiry: Inquiry, port: number): Promise<boolean> {
  const { pid } = inquiry.container.state;
  const before = unaccepted(pid, port);
  if (before === 0) return false;
  await sleep(BETWEEN);
  const after = unaccepted(pid, port);
  if (after < before) return false;
  inquiry.saw('the queue of its socket', `${after} connections wait, ${before} did ${BETWEEN} ms before`);
  inquiry.answer(
    'not-accepting',
    `It listens at ${port}/tcp and does not take the connections: ${after} of them wait. Its program hangs, or has more to do than it can.`,
    'See its log and what it does (`berth top`, `berth explain --why --question slow`).',
  );
  return true;
}

function unpublished(
  inquiry: Inquiry,
  { record }: ContainerSnapshot,
  way: ContainerWay,
  sockets: readonly ExplainedSocket[],
): void {
  const exposed = new Set(Object.keys(record.config.ExposedPorts ?? {}));
  for (const socket of sockets) {
    if (socket.Protocol !== 'tcp') continue;
    const declared = exposed.has(`${socket.Port}/tcp`);
    inquiry.saw('sockets in its network namespace', shown(socket));
    if (isLoopback(socket.Address)) {
      if (declared || inquiry.explicit)
        inquiry.answer(
          'loopback',
          `What listens at ${socket.Port}/tcp does so at ${socket.Address} only, which is reached from inside alone.`,
          'Have the program listen at 0.0.0.0 (or ::).',
        );
      else inquiry.forget();
      continue;
    }
    inquiry.saw('its published ports', 'none');
    const [first] = way.Endpoints;
    if (!first)
      inquiry.answer(
        'no-network',
        `It listens at ${socket.Port}/tcp and has no network.`,
        'Connect it to a network.',
        { sure: inquiry.explicit },
      );
    else
      inquiry.answer(
        'not-published',
        `It listens at ${socket.Port}/tcp, which is not published: the host reaches it at ${first.IPv4 || first.IPv6}:${socket.Port}, containers of ${first.Network} do, other machines do not.`,
        `Publish it (-p ${socket.Port}:${socket.Port}) if they should.`,
        { sure: inquiry.explicit },
      );
  }
  if (sockets.length === 0 && inquiry.explicit) {
    inquiry.saw('sockets in its network namespace', 'none');
    inquiry.answer(
      'not-listening',
      'Nothing in it listens at any port.',
      'See its log: the program may have failed or still be starting.',
    );
  }
}
