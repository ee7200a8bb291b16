import { log } from '../../base/log.ts';
import { changesFirewall } from '../firewall/policy.ts';
import { type Context, emitMembership, keepStopped } from '../model/context.ts';
import { hasNames } from '../model/inspect.ts';
import { firewallPorts, forgetFlows, releasePorts } from '../ports/publish.ts';
import { freeAddresses, withInterface } from './reserve.ts';

/**
 * Gives back what a start took. What the kernel deletes slowly is deleted behind the caller's back.
 * `silent`: nobody was told that it was there.
 */
export async function stopSandbox(context: Context, id: string, { silent = false } = {}): Promise<void> {
  const record = context.containers.get(id);
  context.controls.delete(id);
  if (!record?.live) return;
  const { sandboxId, endpoints, ports } = record.live;
  const mapped = firewallPorts(context, record);
  const stopped = keepStopped(context, record);
  context.folder.removeSandbox(id);
  context.folder.removeKey(sandboxId);
  const named: Array<Promise<void>> = [];
  for (const endpoint of endpoints) {
    context.members.delete(id, endpoint.networkId);
    const network = context.catalogue.find(endpoint.networkId);
    if (hasNames(network)) named.push(context.names.changedOrLogged(network!.id));
    if (network && !silent) emitMembership(context, 'disconnect', network, record.request);
  }
  const links = endpoints.flatMap(({ host }) => (host ? [host] : []));
  if (withInterface(endpoints).length > 0) release(context, sandboxId, links);
  const changed = changesFirewall(context, stopped)
    ? context.firewall.apply()
    : context.firewall.ports([], mapped);
  const forgotten = changed.then(() => forgetFlows(context, ports, endpoints));
  forgotten.catch((error) => log.error({ err: error, container: id }, 'the firewall could not be changed'));
  try {
    await Promise.all([releasePorts(context, id, ports), ...named]);
  } finally {
    for (const endpoint of endpoints) freeAddresses(context, endpoint);
  }
}

function release({ worker }: Context, sandboxId: string, links: readonly string[]): void {
  worker.call(['release', sandboxId, ...links]).catch((error) => {
    log.debug(
      { err: error, links: links.join(' ') },
      'links could not be taken away: they go with the network worker',
    );
  });
}
