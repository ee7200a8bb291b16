import { log } from '../../base/log.ts';
import type { NetworkRequest } from '../api.ts';
import { type Context, keep } from '../model/context.ts';
import { hasNames } from '../model/inspect.ts';
import type { ContainerRecord, NetworkRecord } from '../model/records.ts';
import { plugMissing } from './hotplug.ts';
import { hasResolver, namesOn, writeSandboxFile } from './names.ts';
import { freeAddresses } from './reserve.ts';
import { remember } from './start.ts';
import { stopSandbox } from './stop.ts';

/** Takes the addresses and ports that records say are in use, before anything is given out. */
export function takeInUse(context: Context): void {
  for (const record of context.containers.values()) {
    for (const endpoint of record.live?.endpoints ?? []) {
      context.members.add(record.request.id, endpoint);
      const pools = context.catalogue.pools(endpoint.networkId);
      if (endpoint.ipv4) pools.v4?.reserve(endpoint.ipv4);
      if (endpoint.ipv6) pools.v6?.reserve(endpoint.ipv6);
    }
    for (const { protocol, hostIp, hostPort } of record.live?.ports ?? [])
      context.ports.take(protocol, hostIp, hostPort, record.request.id);
  }
}

/**
 * Brings records and kernel into agreement after a start of the daemon: containers that do not run give back what they
 * had, links of this daemon that nobody has go, files and firewall say what holds.
 */
export async function reconcile(
  context: Context,
  running: ReadonlyArray<{ request: NetworkRequest; pid: number }>,
): Promise<void> {
  const { containers, folder, catalogue, firewall } = context;
  const alive = new Set(running.map(({ request }) => request.id));
  for (const { request } of running) remember(context, request);
  for (const record of [...containers.values()])
    if (record.live && !alive.has(record.request.id))
      await stopSandbox(context, record.request.id, { silent: true });
  const links = await removeStrangers(context, await linksThere(context));
  for (const record of [...containers.values()]) dropLost(context, record, links);
  folder.sweep(
    alive,
    new Set(catalogue.all().map(({ id }) => id)),
    [...containers.values()].flatMap(({ live }) => live?.sandboxId ?? []),
  );
  folder.linkKey(folder.hostKey, process.pid);
  for (const network of catalogue.all()) if (hasNames(network)) writeNames(context, network);
  for (const record of containers.values())
    if (record.live && hasResolver(context, record)) writeSandboxFile(context, record);
  await firewall.apply();
  for (const { request, pid } of running) await plugMissing(context, request.id, pid);
}

/**
 * An endpoint whose interface is gone, or was never made. What the container is configured with stays: a disconnect records
 * its outcome before it touches the kernel, so what the kernel lacks says nothing of what a user wants.
 */
function dropLost(context: Context, record: ContainerRecord, links: ReadonlySet<string>): void {
  const { catalogue } = context;
  const lost = (record.live?.endpoints ?? []).filter(({ host, networkId }) =>
    host === '' ? catalogue.find(networkId)?.driver === 'bridge' : !links.has(host),
  );
  if (lost.length === 0 || !record.live) return;
  for (const endpoint of lost) {
    context.members.delete(record.request.id, endpoint.networkId);
    freeAddresses(context, endpoint);
  }
  keep(context, record, {
    live: { ...record.live, endpoints: record.live.endpoints.filter((endpoint) => !lost.includes(endpoint)) },
  });
}

/**
 * Takes away what a network worker had begun when it was lost, and sets the firewall right. To be called when the next one
 * has made nothing yet.
 */
export async function restore(context: Context): Promise<void> {
  const listed = linksThere(context);
  await context.catalogue.between(async () => removeStrangers(context, await listed));
  await context.firewall.apply();
}

/** The names of all links of our group. */
async function linksThere({ worker }: Context): Promise<Set<string>> {
  const [links] = await worker.call(['links']);
  return new Set(links!.rows.map(([, name]) => name!));
}

/**
 * Removes those of the links that are no network's and no running container's; gives all of them. No network may be in the
 * making, and no container that starts may have one of them: both are recorded with their links afterwards.
 */
async function removeStrangers(
  { worker, catalogue, containers }: Context,
  links: Set<string>,
): Promise<Set<string>> {
  const known = catalogue.links();
  for (const { live } of containers.values()) for (const { host } of live?.endpoints ?? []) known.add(host);
  for (const name of links) {
    if (known.has(name)) continue;
    try {
      await worker.call(['unlink', name]);
      log.info({ link: name }, 'removed a link that an earlier daemon or network worker left');
    } catch (error) {
      log.warn({ err: error, link: name }, 'a link that nobody needs could not be removed');
    }
  }
  return links;
}

/** Writes a network's names file, or takes it away when nobody is on it. */
export function writeNames(context: Context, network: NetworkRecord): void {
  if (context.members.of(network.id).size === 0) context.folder.removeNames(network.id);
  else context.folder.writeNames(network.id, network.name, namesOn(context, network));
}
