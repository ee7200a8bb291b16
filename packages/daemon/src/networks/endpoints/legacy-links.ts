import type { FirewallLink } from '../firewall/state.ts';
import { flag } from '../kernel.ts';
import type { Context } from '../model/context.ts';
import type { ContainerRecord } from '../model/records.ts';
import { exposed, parsePort } from '../ports/ports.ts';
import { findContainer, linkPair } from './names.ts';

/** Whether containers of the default bridge reach each other only where a link says so (`--icc=false`). */
function isPrivate({ catalogue }: Context): boolean {
  const bridge = catalogue.find('bridge');
  return bridge !== undefined && !flag(bridge, 'enable_icc', true);
}

const addressOn = (record: ContainerRecord, networkId: string): string =>
  record.live?.endpoints.find((endpoint) => endpoint.networkId === networkId)?.ipv4 ?? '';

/** The ports that links open on a default bridge whose containers do not reach each other otherwise. */
export function linkedPorts(context: Context): FirewallLink[] {
  const bridge = context.catalogue.find('bridge');
  if (!bridge || !isPrivate(context)) return [];
  const opened: FirewallLink[] = [];
  for (const record of context.containers.values()) {
    const from = addressOn(record, bridge.id);
    if (!from) continue;
    for (const link of record.request.links ?? []) {
      const other = findContainer(context, linkPair(link)[1]);
      const to = other ? addressOn(other, bridge.id) : '';
      if (!other || !to) continue;
      const bound = Object.keys(other.request.portBindings ?? {}).map(parsePort);
      for (const { from: low, to: high, protocol } of [...exposed(other.request), ...bound]) {
        for (let port = low; port <= high; port++) opened.push({ from, to, protocol, port });
      }
    }
  }
  return opened;
}

/** Whether a container's start or end may change what `linkedPorts` gives. */
export function changesLinks(context: Context, { configured }: ContainerRecord): boolean {
  if (!isPrivate(context) || !configured.some(({ network }) => network === 'bridge')) return false;
  return [...context.containers.values()].some(({ request }) => request.links?.length);
}
