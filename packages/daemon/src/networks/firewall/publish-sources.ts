import { invalidParameter } from '../../base/errors.ts';
import { formatPrefix, isIP, network, parsePrefix } from '../addresses/addresses.ts';
import type { LivePort } from '../model/records.ts';
import type { FirewallGuard } from './state.ts';

export const PUBLISH_ALLOW = 'berth.publish.allow';

/** The sources that may reach a container's published ports. */
interface SourceRule {
  /** A port of the container; undefined: all of them. */
  port?: number;
  protocol?: LivePort['protocol'];
  sources: string[];
}

/**
 * Reads `berth.publish.allow`: rules with blanks between, each `[PORT[/PROTOCOL]=]CIDR[,CIDR...]`, the port being the
 * container's.
 * @throws invalid-parameter naming the rule that can't be read.
 */
export function parseSources(text: string | undefined): SourceRule[] {
  return (text ?? '')
    .split(/[\s;]+/)
    .filter((rule) => rule !== '')
    .map((rule) => {
      const match = /^(?:(\d+)(?:\/(tcp|udp|sctp))?=)?([^=]+)$/.exec(rule);
      if (!match) throw invalidParameter(`invalid rule of ${PUBLISH_ALLOW}: ${rule}`);
      const sources = match[3]!.split(',').map((source) => {
        const range = parsePrefix(isIP(source) ? `${source}/${source.includes(':') ? 128 : 32}` : source);
        if (!range) throw invalidParameter(`invalid rule of ${PUBLISH_ALLOW}: ${rule}`);
        return formatPrefix(network(range));
      });
      return {
        sources,
        ...(match[1] && { port: Number(match[1]) }),
        ...(match[2] && { protocol: match[2] as LivePort['protocol'] }),
      };
    });
}

/** The guards of a container's published ports: those that a rule names. */
export function guardsOf(rules: readonly SourceRule[], ports: readonly LivePort[]): FirewallGuard[] {
  const guards: FirewallGuard[] = [];
  for (const { protocol, hostPort, containerPort } of ports) {
    const sources = rules
      .filter((rule) => rule.port === undefined || rule.port === containerPort)
      .filter((rule) => rule.protocol === undefined || rule.protocol === protocol)
      .flatMap((rule) => rule.sources);
    if (
      sources.length > 0 &&
      !guards.some((other) => other.hostPort === hostPort && other.protocol === protocol)
    )
      guards.push({ protocol, hostPort, sources });
  }
  return guards;
}
