import type { ContainerWay, FirewallRule, NetworkWay, WayEndpoint, WayPort } from './api.ts';
import { EGRESS, hasResolver } from './endpoints/names.ts';
import { isDirect } from './firewall/direct.ts';
import { portElement } from './firewall/elements.ts';
import { PUBLISH_ALLOW } from './firewall/publish-sources.ts';
import { flag, gatewayMode, gatewayOf, mtuOf } from './kernel.ts';
import type { Context } from './model/context.ts';
import { hasNames } from './model/inspect.ts';
import type { ContainerRecord, LiveEndpoint, NetworkRecord } from './model/records.ts';
import { firewallPorts } from './ports/publish.ts';

/** Every chain that has a word in the way of a container's packets. */
const CHAINS = ['guard', 'sources', 'publish', 'postrouting', 'forward', 'egress', 'policy4', 'policy6'];

/** The rules of those chains; none where nftables cannot be asked, which the log of the start has told. */
async function rulesOf({ firewall }: Context): Promise<FirewallRule[]> {
  const rules = await firewall.rules().catch((): FirewallRule[] => []);
  return rules.filter(({ Chain }) => CHAINS.includes(Chain));
}

/** The way of a container's packets to the world and back, as this room has arranged it. */
export async function containerWay(context: Context, id: string): Promise<ContainerWay> {
  const record = context.containers.get(id);
  const endpoints = (record?.live?.endpoints ?? []).flatMap((endpoint) => {
    const network = context.catalogue.find(endpoint.networkId);
    return network ? [{ endpoint, network }] : [];
  });
  const policy = record ? policiesOf(record, endpoints) : {};
  const bears = chooser(context, record, endpoints, policy);
  // Without an interface on a bridge none of the rules sees its packets.
  const bridged = endpoints.some(({ network }) => network.driver === 'bridge');
  const rules = bridged ? (await rulesOf(context)).filter(bears) : [];
  return {
    Table: context.settings.iptables ? `inet ${context.firewall.table}` : '',
    Endpoints: endpoints.map(({ endpoint, network }) => shownEndpoint(context, endpoint, network)),
    Ports: record ? ports(context, record) : [],
    Rules: rules,
    NameService: record ? hasResolver(context, record) : false,
    ...policy,
  };
}

/** A network's part in that way. */
export async function networkWay(context: Context, reference: string): Promise<NetworkWay> {
  const network = context.catalogue.get(reference);
  const rules = network.driver === 'bridge' ? await rulesOf(context) : [];
  return {
    ...shownNetwork(context, network),
    Table: context.settings.iptables ? `inet ${context.firewall.table}` : '',
    Rules: rules.filter(chooser(context, undefined, [{ network }], {})),
    NameService: hasNames(network),
  };
}

/** The gateway modes whose networks the firewall's sets name. */
const MODE_OF_SET: Record<string, string> = { open: 'nat-unprotected', routed: 'routed' };

function policiesOf(
  record: ContainerRecord,
  endpoints: Array<{ network: NetworkRecord }>,
): Pick<ContainerWay, 'Egress' | 'PublishAllow'> {
  const egress =
    record.request.labels?.[EGRESS] ??
    endpoints.map(({ network }) => network.options[EGRESS]).find((text) => text !== undefined);
  const allow =
    record.request.labels?.[PUBLISH_ALLOW] ??
    endpoints.map(({ network }) => network.options[PUBLISH_ALLOW]).find((text) => text !== undefined);
  return {
    ...(egress !== undefined && { Egress: egress }),
    ...(allow !== undefined && { PublishAllow: allow }),
  };
}

/** The networks' rules are always the same ones; which of them can meet this container's packets is told by their sets. */
function chooser(
  context: Context,
  record: ContainerRecord | undefined,
  endpoints: Array<{ network: NetworkRecord }>,
  policy: Pick<ContainerWay, 'Egress' | 'PublishAllow'>,
): (rule: FirewallRule) => boolean {
  const some = (holds: (network: NetworkRecord) => boolean) =>
    endpoints.some(({ network }) => network.driver === 'bridge' && holds(network));
  const published = (record?.live?.ports ?? []).length > 0 || record === undefined;
  const masqueraded = some((network) => masquerade(network, 4) || masquerade(network, 6));
  return ({ Chain, Rule }) => {
    if (/hook \w+ priority|^type /.test(Rule)) return false;
    if (Chain === 'publish' || Rule.includes('ct status dnat')) return published;
    if (Chain === 'sources' || Rule.includes('@guarded')) return policy.PublishAllow !== undefined;
    if (Rule.includes('@loopback4'))
      return (record?.live?.ports ?? []).some(({ hostIp }) => hostIp.startsWith('127.'));
    if (Chain === 'egress' || Chain.startsWith('policy') || Rule.includes('jump egress'))
      return policy.Egress !== undefined;
    if (Rule.includes('@internal')) return some(({ internal }) => internal);
    if (Rule.includes('@linked')) return (record?.request.links ?? []).length > 0;
    const ofMode = /@(open|routed)([46])/.exec(Rule);
    if (ofMode)
      return some((network) => gatewayMode(network, ofMode[2] === '6' ? 6 : 4) === MODE_OF_SET[ofMode[1]!]);
    const source = /@source([46])/.exec(Rule)?.[1];
    if (source) return some(({ options }) => options[`com.docker.network.host_ipv${source}`] !== undefined);
    if (/@anyone|@outsiders|@trusted/.test(Rule)) return some((network) => isDirect(context, network));
    if (Rule.includes('@masquerade') || Rule.includes('@own')) return masqueraded;
    return Chain === 'forward';
  };
}

function masquerade(network: NetworkRecord, family: 4 | 6): boolean {
  return (
    !network.internal &&
    network.subnets.some(({ subnet }) => subnet.includes(':') === (family === 6)) &&
    gatewayMode(network, family).startsWith('nat') &&
    flag(network, 'enable_ip_masquerade', true)
  );
}

function shownNetwork(
  context: Context,
  network: NetworkRecord,
): Omit<NetworkWay, 'Table' | 'Rules' | 'NameService'> {
  return {
    Network: network.name,
    NetworkId: network.id,
    Driver: network.driver,
    Link: network.link ?? '',
    Mtu: mtuOf(network, context.settings.mtu),
    Internal: network.internal,
    Icc: network.driver === 'bridge' ? flag(network, 'enable_icc', true) : true,
    Masquerade: masquerade(network, 4),
    Masquerade6: masquerade(network, 6),
    Subnets: network.subnets.map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })),
  };
}

function shownEndpoint(context: Context, endpoint: LiveEndpoint, network: NetworkRecord): WayEndpoint {
  const { Subnets: _, ...shown } = shownNetwork(context, network);
  return {
    ...shown,
    Interface: endpoint.interface,
    HostInterface: endpoint.host,
    Mac: endpoint.mac,
    IPv4: endpoint.ipv4,
    IPv6: endpoint.ipv6,
    Gateway: endpoint.ipv4 ? (gatewayOf(network, 4)?.address ?? '') : '',
    Gateway6: endpoint.ipv6 ? (gatewayOf(network, 6)?.address ?? '') : '',
  };
}

/** Published ports with the element of the firewall that leads to the container. */
function ports(context: Context, record: ContainerRecord): WayPort[] {
  const leading = firewallPorts(context, record);
  return (record.live?.ports ?? []).map(({ protocol, containerPort, hostIp, hostPort }) => {
    const port = leading.find(
      (one) => one.protocol === protocol && one.hostIp === hostIp && one.hostPort === hostPort,
    );
    const { map, element } = port ? portElement(port) : { map: '', element: '' };
    return {
      Protocol: protocol,
      ContainerPort: containerPort,
      HostIp: hostIp,
      HostPort: hostPort,
      Leads: port?.address ?? '',
      Element: map && `${map} { ${element} }`,
    };
  });
}
