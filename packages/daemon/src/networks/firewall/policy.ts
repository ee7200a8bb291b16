import { changesLinks, linkedPorts } from '../endpoints/legacy-links.ts';
import { EGRESS } from '../endpoints/names.ts';
import type { Context } from '../model/context.ts';
import type { ContainerRecord, NetworkRecord } from '../model/records.ts';
import { firewallPorts, portTarget } from '../ports/publish.ts';
import { directPorts, opensDirectly } from './direct.ts';
import { parseEgress } from './egress.ts';
import { guardsOf, PUBLISH_ALLOW, parseSources } from './publish-sources.ts';
import type { FirewallEgress, FirewallGuard, FirewallState } from './state.ts';

/** The firewall as networks and running containers want it. */
export function desiredFirewall(context: Context, table: string): FirewallState {
  const { catalogue, containers } = context;
  const running = [...containers.values()].filter(({ live }) => live);
  return {
    table,
    networks: catalogue.firewall(),
    ports: running.flatMap((record) => firewallPorts(context, record)),
    guards: running.flatMap((record) => guards(context, record)),
    links: linkedPorts(context),
    direct: running.flatMap((record) => directPorts(context, record)),
    egress: [
      ...catalogue.all().flatMap(networkEgress),
      ...running.flatMap((record) => containerEgress(record)),
    ],
  };
}

/** Whether a container's start or end must bring the whole firewall up to date: more than its ports changes. */
export const changesFirewall = (context: Context, record: ContainerRecord): boolean =>
  record.request.labels?.[EGRESS] !== undefined ||
  record.request.labels?.[PUBLISH_ALLOW] !== undefined ||
  changesLinks(context, record) ||
  opensDirectly(context, record);

/** Sources that may reach a container's ports: its own list, else that of the network that serves them. */
function guards(context: Context, record: ContainerRecord): FirewallGuard[] {
  const text =
    record.request.labels?.[PUBLISH_ALLOW] ?? portTarget(context, record)?.network.options[PUBLISH_ALLOW];
  return text === undefined ? [] : guardsOf(parseSources(text), record.live?.ports ?? []);
}

const allowed = (text: string | undefined): FirewallEgress['allow'] | undefined =>
  parseEgress(text)?.flatMap(({ cidr, protocol, port }) =>
    cidr ? [{ cidr, ...(protocol && { protocol }), ...(port && { port }) }] : [],
  );

/** A network's policy holds for all of its subnets. */
function networkEgress({ options, subnets, configOnly }: NetworkRecord): FirewallEgress[] {
  const allow = configOnly ? undefined : allowed(options[EGRESS]);
  return allow ? subnets.map(({ subnet }) => ({ source: subnet, allow })) : [];
}

/** A container's policy comes on top of its networks': what either allows is allowed. */
function containerEgress({ request, live }: ContainerRecord): FirewallEgress[] {
  const allow = allowed(request.labels?.[EGRESS]);
  if (!allow) return [];
  return (live?.endpoints ?? []).flatMap(({ ipv4, ipv6 }) =>
    [ipv4, ipv6].filter((address) => address).map((source) => ({ source, allow })),
  );
}
