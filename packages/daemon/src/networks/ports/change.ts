import type { NetworkRequest } from '../api.ts';
import { changesFirewall } from '../firewall/policy.ts';
import { type Context, control, keep } from '../model/context.ts';
import type { ContainerRecord, LivePort } from '../model/records.ts';
import { type PortWish, portWishes } from './ports.ts';
import {
  closeRecords,
  firewallPorts,
  forgetFlows,
  portRecords,
  releasePorts,
  shownPorts,
  takePorts,
} from './publish.ts';

/**
 * Publishes the ports that a running container's request asks for now in place of those it asked for before. A port of the
 * container whose bindings stay as they are keeps what it has on the host, but for those of `anew`.
 * @throws system for a port that can't be had; the ports whose bindings changed are unpublished then
 */
export async function changePorts(
  context: Context,
  before: ContainerRecord,
  request: NetworkRequest,
  anew: string[] = [],
): Promise<ContainerRecord> {
  const [old, wanted] = [wishesByPort(before.request), wishesByPort(request)];
  const same = (key: string) => !anew.includes(key) && old.get(key) === wanted.get(key);
  const held = before.live!.ports;
  const kept = held.filter((port) => same(keyOf(port)));
  const gone = held.filter((port) => !same(keyOf(port)));
  const mapped = firewallPorts(context, before);
  await releasePorts(context, request.id, gone);
  control(context, request.id, ...closeRecords(gone));
  const settle = async (ports: LivePort[]) => {
    const record = keep(context, before, { request, live: { ...before.live!, ports } });
    const now = keep(context, record, {
      live: { ...record.live!, portMap: shownPorts(context, record, ports) },
    });
    control(context, request.id, ...portRecords(context, { ...now, live: { ...now.live!, ports: added } }));
    if (changesFirewall(context, now)) await context.firewall.apply();
    else await context.firewall.ports(firewallPorts(context, now), mapped);
    await forgetFlows(context, [...gone, ...added], now.live!.endpoints);
    return now;
  };
  let added: LivePort[] = [];
  try {
    added = await takePorts(context, { ...before, request: onlyChanged(request, same) });
  } catch (error) {
    await settle(kept);
    throw error;
  }
  return settle([...kept, ...added]);
}

const keyOf = ({ containerPort, protocol }: Pick<PortWish, 'containerPort' | 'protocol'>) =>
  `${containerPort}/${protocol}`;

/** The wishes for each port of a container, as text that can be compared. */
function wishesByPort(request: NetworkRequest): Map<string, string> {
  const wishes = new Map<string, string>();
  for (const wish of portWishes(request)) {
    const key = keyOf(wish);
    wishes.set(key, `${wishes.get(key) ?? ''}${JSON.stringify(wish)}`);
  }
  return wishes;
}

function onlyChanged(request: NetworkRequest, same: (key: string) => boolean): NetworkRequest {
  const changed = portWishes(request).filter((wish) => !same(keyOf(wish)));
  const portBindings: NetworkRequest['portBindings'] = {};
  for (const wish of changed) {
    const { hostIp, from, to } = wish;
    const HostPort = to === 0 ? '' : from === to ? `${from}` : `${from}-${to}`;
    portBindings[keyOf(wish)] = [...(portBindings[keyOf(wish)] ?? []), { HostIp: hostIp, HostPort }];
  }
  return { ...request, portBindings, publishAll: false };
}
