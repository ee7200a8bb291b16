import type { ContainerSnapshot } from '../../containers/api.ts';
import type { ContainerWay } from '../../networks/api.ts';
import type { ExplainedSocket } from '../api.ts';
import { isLoopback } from '../facts/sockets.ts';
import type { Inquiry } from './inquiry.ts';

const names = (container: ContainerSnapshot) => Object.keys(container.network.endpoints);

/** Why a container is not reached from another one. */
export async function notReachedFrom(
  inquiry: Inquiry,
  from: ContainerSnapshot,
  way: ContainerWay,
  sockets: readonly ExplainedSocket[],
): Promise<void> {
  const { container } = inquiry;
  const [own, other] = [container.record.name, from.record.name];
  if (from.state.pid === 0) {
    inquiry.saw(`the state of ${other}`, from.state.status);
    inquiry.answer('from-not-running', `${other} does not run.`, `Start ${other}.`);
    return;
  }
  const isHost = (one: ContainerSnapshot) => one.record.hostConfig.NetworkMode === 'host';
  if (isHost(container) !== isHost(from)) return throughHost(inquiry, from, way, sockets);
  inquiry.saw(`the networks of ${own}`, names(container).join(', ') || 'none');
  inquiry.saw(`the networks of ${other}`, names(from).join(', ') || 'none');
  const theirs = (await inquiry.rooms.networks.way(from.record.id)).Endpoints.map(
    ({ NetworkId }) => NetworkId,
  );
  const shared = way.Endpoints.filter(({ NetworkId }) => theirs.includes(NetworkId));
  if (shared.length === 0 && container.network.sandboxId !== from.network.sandboxId) {
    inquiry.answer(
      'network-not-shared',
      `${own} and ${other} share no network, and networks do not reach each other.`,
      `Connect them to one: \`berth network connect ${names(container)[0] ?? 'NETWORK'} ${other}\`.`,
    );
    return;
  }
  if (shared.length > 0 && shared.every(({ Icc }) => !Icc)) {
    inquiry.saw('the network', `${shared[0]!.Network}: enable_icc is false`);
    inquiry.answer(
      'icc',
      `The network ${shared[0]!.Network} keeps its containers apart.`,
      'Connect both to a network without enable_icc=false.',
    );
    return;
  }
  if (!closed(inquiry, sockets)) inquiry.forget();
}

/** Whether nothing in it listens where others come, which is the answer then. */
function closed(inquiry: Inquiry, sockets: readonly ExplainedSocket[]): boolean {
  const own = inquiry.container.record.name;
  const shown = sockets.map(({ Address, Port }) => `${Address}:${Port}`).join(', ') || 'none';
  inquiry.saw('sockets in its network namespace', shown);
  if (!sockets.every(({ Address }) => isLoopback(Address))) return false;
  inquiry.answer(
    sockets.length === 0 ? 'not-listening' : 'loopback',
    sockets.length === 0
      ? `Nothing in ${own} listens at any port.`
      : `${own} listens at the loopback only, which is reached from inside alone.`,
    'Have the program listen at 0.0.0.0 (or ::).',
  );
  return true;
}

/** One of the two is on the network of the host, from where addresses of all networks are reached, and no names. */
function throughHost(
  inquiry: Inquiry,
  from: ContainerSnapshot,
  way: ContainerWay,
  sockets: readonly ExplainedSocket[],
): void {
  const { container } = inquiry;
  const [own, other] = [container.record.name, from.record.name];
  inquiry.saw(`the networks of ${own}`, names(container).join(', ') || 'none');
  inquiry.saw(`the networks of ${other}`, names(from).join(', ') || 'none');
  if (container.record.hostConfig.NetworkMode === 'host') {
    inquiry.answer(
      'host-network',
      `${own} is on the network of the host: ${other} reaches it at an address of the host, such as its gateway, and by no name.`,
      `Use the gateway's address (start ${other} with --add-host host.docker.internal:host-gateway), or put both on one network.`,
      { sure: false },
    );
    return;
  }
  if (!closed(inquiry, sockets))
    inquiry.answer(
      'host-network',
      `${other} is on the network of the host: it reaches ${own} at ${way.Endpoints[0]?.IPv4 || way.Endpoints[0]?.IPv6 || 'no address'} or at a published port, and by no name.`,
      `Publish the port of ${own} and use localhost, or put both on one network.`,
      { sure: false },
    );
}
