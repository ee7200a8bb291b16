import { readFileSync } from 'node:fs';
import { BlockList, isIPv4 } from 'node:net';
import type { ContainerWay, FirewallRule } from '../../networks/api.ts';
import type { Inquiry } from './inquiry.ts';

interface Port {
  protocol: string;
  port: number;
  at: Array<{ ip: string; port: number }>;
}

/** The rules, of this engine or of others, that refuse packets to a published port. */
export async function refusals(inquiry: Inquiry, way: ContainerWay, port: Port): Promise<void> {
  const where = `${port.port}/${port.protocol}`;
  if (way.PublishAllow !== undefined) {
    const dropped = way.Rules.find(({ Chain, Rule }) => Chain === 'sources' && Rule.endsWith('drop'));
    inquiry.saw('berth.publish.allow', way.PublishAllow || 'nobody');
    if (dropped) inquiry.saw('packets of other sources refused', String(dropped.Packets ?? 0));
    inquiry.answer(
      'publish-policy',
      `Only ${way.PublishAllow || 'nobody'} may reach its published ports (berth.publish.allow).`,
      'Add the source to the list.',
      { sure: inquiry.explicit || (dropped?.Packets ?? 0) > 0 },
    );
  }
  inquiry.looked('/proc/sys/net/ipv4/ip_forward');
  if (!forwards()) {
    inquiry.saw('/proc/sys/net/ipv4/ip_forward', '0');
    inquiry.answer(
      'forwarding',
      'The host does not pass packets on between its interfaces, so other machines do not reach containers.',
      'sysctl net.ipv4.ip_forward=1',
    );
  }
  inquiry.looked('firewall rules of others');
  const { rules, closed } = await inquiry.rooms.networks
    .otherRules()
    .catch(() => ({ rules: [] as FirewallRule[], closed: [] as string[] }));
  const rule = rules.find((one) => refuses(one, way, port));
  const [shut] = closed;
  if (!rule && shut) {
    inquiry.saw('firewall rules of others', shut);
    inquiry.answer(
      'firewall',
      `A firewall of another program lets no connections through to containers: ${shut}.`,
      'Accept there what goes to the bridges of containers (oifname).',
    );
  }
  if (!rule) return;
  inquiry.saw('firewall rules of others', `${rule.Table}, chain ${rule.Chain}: ${rule.Rule}`);
  if (rule.Packets !== undefined) inquiry.saw('packets it refused', String(rule.Packets));
  inquiry.answer(
    'firewall',
    `A firewall rule of another program refuses packets to ${where}: ${rule.Rule} (table ${rule.Table}, chain ${rule.Chain}).`,
    'Remove the rule, or except the port from it.',
  );
}

/** Whether a rule names this port, the container's address or its bridge as where packets go. */
function refuses({ Rule }: FirewallRule, { Endpoints }: ContainerWay, { protocol, port, at }: Port): boolean {
  if (Rule.startsWith('policy ')) return false;
  if (/\b(?:udp|sctp)\b/.test(Rule) && protocol === 'tcp' && !/\btcp\b/.test(Rule)) return false;
  const ports = [port, ...at.map((one) => one.port)];
  const named = [...Rule.matchAll(/dport (?:== )?(\{[^}]*\}|\S+)/g)].flatMap(([, list]) => portsIn(list!));
  const toPort = named.some(([from, to]) => ports.some((one) => one >= from && one <= to));
  if (named.length > 0) return toPort;
  // One with more conditions is for some packets alone.
  const range = /^ip daddr (\d[\d.]*\/\d+) (?:drop|reject)/.exec(Rule)?.[1];
  if (range && Endpoints.some(({ IPv4 }) => within(IPv4, range))) return true;
  return Endpoints.some(
    ({ IPv4, IPv6, Link, HostInterface }) =>
      (IPv4 !== '' && Rule.includes(`daddr ${IPv4} `)) ||
      (IPv6 !== '' && Rule.includes(`daddr ${IPv6} `)) ||
      Rule.includes(`oifname "${Link}" `) ||
      (HostInterface !== '' && Rule.includes(`oifname "${HostInterface}" `)),
  );
}

/** Whether an IPv4 address is in a range that a rule names. */
function within(address: string, range: string): boolean {
  if (!isIPv4(address)) return false;
  const [base, size] = range.split('/');
  const list = new BlockList();
  try {
    list.addSubnet(base!, Number(size));
  } catch {
    return false;
  }
  return list.check(address);
}

function portsIn(text: string): Array<[number, number]> {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].map(([, from, to]) => [Number(from), Number(to ?? from)]);
}

/** Whether the host passes packets on between its interfaces. */
function forwards(): boolean {
  try {
    return readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() !== '0';
  } catch {
    return true;
  }
}
