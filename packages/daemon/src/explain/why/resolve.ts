import { networkingOf, networkOwner } from '../facts/networking.ts';
import { readBeginning } from '../facts/proc.ts';
import { queryServer } from './dns.ts';
import type { Inquiry } from './inquiry.ts';
import { leftBehind } from './left-behind.ts';
import { UNKNOWN_NAMES } from './names.ts';

const SERVICE = '127.0.0.11';

/** Why a name did not resolve: the one that was given, or that its log complains of. */
export async function whyNotResolved(inquiry: Inquiry): Promise<void> {
  const { rooms, container, options } = inquiry;
  const name = options.name ?? nameIn(inquiry, await inquiry.log());
  const { Names, Mode, Endpoints, Egress } = await networkingOf(rooms, container);
  if (name !== undefined && leftBehind(inquiry, networkOwner(rooms, container) ?? container)) return;
  inquiry.looked('its resolv.conf');
  const servers = Names.Servers.join(', ') || 'none';
  if (Mode === 'none' || (container.state.pid > 0 && Endpoints.length === 0 && Mode !== 'host')) {
    if (name === undefined) return;
    inquiry.saw('its network', Mode);
    inquiry.answer(
      'no-network',
      'It has no network, so it asks nobody for names.',
      'Connect it to a network.',
    );
    return;
  }
  if (container.state.pid > 0 && Names.Servers.length === 0) {
    inquiry.saw('its resolv.conf', 'no nameserver');
    inquiry.answer(
      'no-server',
      'Its resolv.conf names no server.',
      'Give it one (--dns), or correct the file.',
    );
    return;
  }
  const asked = upstreamsOf(inquiry, Names.Servers);
  const local = asked.chosen.find((server) => /^127\./.test(server) && server !== SERVICE);
  if (local && Mode !== 'host') {
    inquiry.saw('its resolv.conf', servers);
    inquiry.answer(
      'loopback-server',
      `Its name server is ${local}, which is the container itself.`,
      'Name a server that the container reaches (--dns).',
    );
    return;
  }
  if (name === undefined || onItsHosts(Names.Hosts, name)) return inquiry.forget();
  if (await otherContainer(inquiry, name)) return;
  const internal = Endpoints.length > 0 && Endpoints.every(({ Internal }) => Internal);
  inquiry.saw('its resolv.conf', servers);
  if (internal) {
    inquiry.answer(
      'internal',
      `Its networks are internal: names of the world, such as ${name}, are not asked for.`,
      'Connect it to a network with a way out.',
    );
    return;
  }
  if (Egress !== undefined && !Egress.includes(name)) {
    inquiry.saw('berth.egress.allow', Egress || 'nothing');
    inquiry.answer(
      'egress',
      `Its policy (berth.egress.allow) does not let it reach ${name}.`,
      'Add the name to the policy.',
    );
    return;
  }
  await askServers(inquiry, name, [...asked.chosen, ...asked.hosts]);
}

function nameIn(inquiry: Inquiry, lines: readonly string[]): string | undefined {
  for (const line of lines.toReversed())
    for (const pattern of UNKNOWN_NAMES) {
      const name = pattern.exec(line)?.[1];
      if (name === undefined) continue;
      inquiry.saw('its log', line);
      return name;
    }
  return undefined;
}

const onItsHosts = (lines: readonly string[], name: string) =>
  lines.some((line) => line.split(/\s+/).slice(1).includes(name));

/** Whether the name is that of a container, which is found under conditions. */
async function otherContainer(inquiry: Inquiry, name: string): Promise<boolean> {
  const { rooms, container } = inquiry;
  inquiry.looked('names of containers');
  const other = rooms.containers
    .all()
    .find(
      ({ record, network }) =>
        record.name === name ||
        Object.values(network.endpoints).some(({ Aliases }) => Aliases?.includes(name)) ||
        Object.values(record.endpoints).some(({ Aliases }) => Aliases?.includes(name)),
    );
  if (!other) return false;
  const owner = networkOwner(rooms, container) ?? container;
  const networks = (one: typeof container) => Object.keys(one.network.endpoints);
  inquiry.saw(`the networks of ${container.record.name}`, networks(owner).join(', ') || 'none');
  inquiry.saw(`the networks of ${other.record.name}`, networks(other).join(', ') || 'none');
  if (other.state.pid === 0) {
    inquiry.saw(`the state of ${other.record.name}`, other.state.status);
    inquiry.answer(
      'not-running',
      `${name} is a container that does not run, and has no address.`,
      `Start ${other.record.name}.`,
    );
    return true;
  }
  const shared = networks(owner).filter((network) => networks(other).includes(network));
  if (shared.length === 0)
    inquiry.answer(
      'network-not-shared',
      `${name} is a container on no network of this one.`,
      `Connect both to one: \`berth network connect ${networks(other)[0] ?? 'NETWORK'} ${container.record.name}\`.`,
    );
  else if (shared.every((network) => network === 'bridge'))
    inquiry.answer(
      'default-bridge',
      `${name} is a container on the default network, where containers have no names.`,
      'Create a network (`berth network create`) and connect both to it.',
    );
  else inquiry.forget();
  return true;
}

/**
 * Whom a container's questions come to: the servers that were chosen for it, which are asked from inside, or those of the
 * host. The engine's own name service is no server but the way to them.
 */
function upstreamsOf(
  { rooms, container }: Inquiry,
  servers: readonly string[],
): { chosen: string[]; hosts: string[] } {
  const direct = servers.filter((server) => server !== SERVICE);
  if (direct.length === servers.length) return { chosen: direct, hosts: [] };
  const { Dns } = container.record.hostConfig;
  const own = Dns && Dns.length > 0 ? Dns : rooms.settings.dns;
  return { chosen: [...direct, ...own], hosts: own.length > 0 ? [] : hostServers() };
}

async function askServers(inquiry: Inquiry, name: string, upstreams: readonly string[]): Promise<void> {
  const answers = await Promise.all(
    upstreams.slice(0, 3).map(async (server) => ({ server, result: await queryServer(server, name) })),
  );
  for (const { server, result } of answers) inquiry.saw(`server ${server}, asked from the host`, result);
  if (answers.some(({ result }) => result === 'found')) return inquiry.forget();
  if (answers.some(({ result }) => result === 'no such name'))
    inquiry.answer(
      'no-such-name',
      `There is no name ${name}: a server said so, and no container has it.`,
      'Correct the name; a container is found by its name on a network that both are on.',
    );
  else
    inquiry.answer(
      'server-silent',
      `No name server answered: ${upstreams.join(', ') || 'none is known'}.`,
      'Name a server that answers (--dns), or correct the host’s /etc/resolv.conf.',
    );
}

function hostServers(): string[] {
  return [...(readBeginning('/etc/resolv.conf') ?? '').matchAll(/^\s*nameserver\s+(\S+)/gm)].map(
    ([, server]) => server!,
  );
}
