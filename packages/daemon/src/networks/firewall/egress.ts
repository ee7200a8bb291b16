import { invalidParameter } from '../../base/errors.ts';
import { formatPrefix, isIP, network, parsePrefix } from '../addresses/addresses.ts';

/** One entry of an egress allow-list: `CIDR[:PORT][/PROTOCOL]` or `NAME[:PORT][/PROTOCOL]`. */
export interface EgressRule {
  /** A range, or a name that the name service resolves (`*.example.org`: any name below). */
  cidr?: string;
  name?: string;
  port?: number;
  protocol?: 'tcp' | 'udp';
}

/** @throws invalid-parameter naming the entry that can't be read. */
export function checkEgress(text: string | undefined): void {
  parseEgress(text);
}

/**
 * Reads `berth.egress.allow`: entries with commas or blanks between; undefined: no policy, everything is allowed. An
 * empty text allows nothing.
 * @throws invalid-parameter
 */
export function parseEgress(text: string | undefined): EgressRule[] | undefined {
  if (text === undefined) return undefined;
  return text
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map(parseEntry);
}

function parseEntry(entry: string): EgressRule {
  const bad = () => invalidParameter(`invalid entry of berth.egress.allow: ${entry}`);
  const protocol = /\/(tcp|udp)$/.exec(entry)?.[1] as EgressRule['protocol'];
  const rest = protocol ? entry.slice(0, -4) : entry;
  const bracketed = /^\[([^\]]+)\](\/\d+)?(?::(\d+))?$/.exec(rest);
  const plain = /^([^:]+?)(?::(\d+))?$/.exec(rest);
  const host = bracketed ? bracketed[1]! + (bracketed[2] ?? '') : (plain?.[1] ?? rest);
  const portText = bracketed ? bracketed[3] : plain?.[2];
  const rule: EgressRule = {};
  if (protocol) rule.protocol = protocol;
  if (portText !== undefined) {
    rule.port = Number(portText);
    if (rule.port < 1 || rule.port > 65535) throw bad();
  }
  const range = parsePrefix(isIP(host) ? `${host}/${host.includes(':') ? 128 : 32}` : host);
  if (range) rule.cidr = formatPrefix(network(range));
  else if (
    /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(host)
  )
    rule.name = host.toLowerCase();
  else throw bad();
  return rule;
}
