import type { ContainerSnapshot } from '../../containers/api.ts';
import { namespaceId } from '../facts/proc.ts';
import type { Inquiry } from './inquiry.ts';

const ADVICE = (name: string) =>
  `Restart ${name}: a container keeps the network namespace that it was started in, and loses its network with the one who owned it.`;

/**
 * Whether a container that shares another's network is in one that its owner has left: by an end, or by a new start, which
 * makes a new namespace. That is the answer then.
 */
export function leftBehind(inquiry: Inquiry, owner: ContainerSnapshot): boolean {
  const { record, state } = inquiry.container;
  if (owner.record.id === record.id || state.pid === 0) return false;
  const [own, theirs] = [
    namespaceId(state.pid, 'net'),
    owner.state.pid && namespaceId(owner.state.pid, 'net'),
  ];
  if (own === undefined || own === theirs) return false;
  inquiry.saw(
    'its network namespace',
    `${own}; that of ${owner.record.name}: ${theirs || owner.state.status}`,
  );
  inquiry.answer(
    'network-left-behind',
    owner.state.pid === 0
      ? `It shares the network of ${owner.record.name}, which does not run any more (${owner.state.status}): nothing leads there.`
      : `It is in the network namespace of an earlier run of ${owner.record.name}, which was started again since and has a new one: nothing leads to the old.`,
    owner.state.pid === 0 ? `Start ${owner.record.name}, then restart this one.` : ADVICE(record.name),
  );
  return true;
}

/** Whether containers that share this one's network are still in the namespace of its earlier run, which is the answer then. */
export function membersLeftBehind(inquiry: Inquiry): boolean {
  const { rooms, container } = inquiry;
  const own = namespaceId(container.state.pid, 'net');
  const left = rooms.containers
    .all()
    .filter(
      ({ record, state }) =>
        state.pid > 0 &&
        record.hostConfig.NetworkMode === `container:${container.record.id}` &&
        namespaceId(state.pid, 'net') !== own,
    )
    .map(({ record }) => record.name);
  if (left.length === 0) return false;
  inquiry.saw('containers that share its network', `${left.join(', ')}: in another namespace`);
  inquiry.answer(
    'network-left-behind',
    `${left.join(', ')}, which shared its network, ${left.length > 1 ? 'are' : 'is'} still in that of its earlier run, where nothing leads.`,
    ADVICE(left.join(' ')),
  );
  return true;
}
