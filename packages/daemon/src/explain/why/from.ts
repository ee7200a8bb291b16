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
  inquiry.saw(
    'sockets in its network namespace',
    sockets.map(({ Address, Port }) => `${Address}:${Port}`).join(', ') || 'none',
  );
  if (sockets.every(({ Address }) => isLoopback(Address)))
    inquiry.answer(
      sockets.length === 0 ? 'not-listening' : 'loopback',
      sockets.length === 0
        ? `Nothing in ${own} listens at any port.`
        : `${own} listens at the loopback only, which is reached from inside alone.`,
      'Have the program listen at 0.0.0.0 (or ::).',
    );
  else inquiry.forget();
}
